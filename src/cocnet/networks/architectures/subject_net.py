"""SubjectNet: where is the subject of a photo? EfficientNet-Lite1 and a light pyramid decoder.

Enters: rgb [b 3 h w] in 0..1, display-referred sRGB, sides multiples of 32. Leaves: logits [b 1 h w].
The decoder goes from 1/32 to 1/2 with 3×3 convolutions (FPN, Lin et al. 2017); the
mean of the whole picture joins at the bottom (Liu et al. 2019, PoolNet: where is salient is a global matter).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.networks.architectures.efficientnet_lite import EfficientNetLite

MULTIPLE = 32


def _norm_act(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


class Block(nn.Module):
    """3×3 convolution, batch norm, ReLU, with a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.finish = _norm_act(channels)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + self.finish(self.conv(x))


class SubjectNet(nn.Module):
    """Logits of the subject mask; `widths` are the decoder's channels at 1/2, 1/4, 1/8, 1/16, 1/32."""

    def __init__(
        self,
        encoder: str = "lite1",
        widths: Sequence[int] = (24, 48, 64, 64, 64),
        dropout: float = 0.15,
        dropped_blocks: float = 0.1,
    ) -> None:
        super().__init__()
        self.settings: dict[str, Any] = {"encoder": encoder, "widths": list(widths)}
        self.encoder = EfficientNetLite(encoder, dropped_blocks)
        pairs = list(zip(self.encoder.channels, widths, strict=True))
        self.lateral = nn.ModuleList(nn.Sequential(nn.Conv2d(c, w, 1), _norm_act(w)) for c, w in pairs)
        self.context = nn.Sequential(nn.Linear(self.encoder.channels[-1], widths[-1]), nn.ReLU(inplace=True))
        self.narrow = nn.ModuleList(
            nn.Conv2d(above, w, 1) if above != w else nn.Identity() for w, above in pairwise(widths)
        )
        self.refine = nn.ModuleList(Block(w) for w in widths)
        self.dropout = nn.Dropout2d(dropout)
        self.heads = nn.ModuleDict({str(i): nn.Conv2d(widths[i], 1, 1) for i in (0, 2, 4)})

    def forward(self, rgb: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
        return self.all_logits(rgb, (0,))[0]

    def freeze_early(self) -> None:
        """Keep what few photos can't improve: the encoder's first stages and all its depthwise kernels."""
        for part in (self.encoder.stem, self.encoder.stages[0], self.encoder.stages[1]):
            part.requires_grad_(False)
        for name, parameter in self.encoder.named_parameters():
            if ".depthwise." in name:
                parameter.requires_grad_(False)

    def all_logits(
        self, rgb: Float[Tensor, "b 3 h w"], levels: tuple[int, ...] = (0, 2, 4)
    ) -> list[Float[Tensor, "b 1 h w"]]:
        """Logits of several levels of the decoder, the finest first and at the photo's size: training sees all."""
        features = self.encoder(rgb)
        x = self.lateral[4](features[4]) + self.context(features[4].mean((2, 3)))[:, :, None, None]
        outputs: dict[int, Tensor] = {}
        for level in range(4, -1, -1):
            if level < 4:
                x = self.narrow[level](x)
                x = _resize(x, features[level]) + self.lateral[level](features[level])
            x = self.refine[level](self.dropout(x) if level > 1 else x)
            if level in levels:
                outputs[level] = self.heads[str(level)](x)
        if 0 in outputs:
            outputs[0] = _resize(outputs[0], rgb)
        return [outputs[level] for level in levels]


def _resize(x: Float[Tensor, "b c h w"], like: Float[Tensor, "b d i j"]) -> Float[Tensor, "b c i j"]:
    return functional.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


def count_parameters(network: nn.Module) -> int:
    """All of them, trained or not."""
    return sum(p.numel() for p in network.parameters())


def padded_multiple(size: float) -> int:
    """The nearest multiple of 32, at least 32."""
    return max(MULTIPLE, round(size / MULTIPLE) * MULTIPLE)


def to_channels_last(network: nn.Module) -> nn.Module:
    """The layout that convolutions on the processor are fastest in."""
    return network.to(memory_format=torch.channels_last)
