"""DepthSubjectNet: how near is what a photo shows, and what of it is the subject? One encoder, two heads.

Enters: rgb [b 3 h w] in 0..1, display-referred sRGB, sides multiples of 32. Leaves: logits of the subject mask and
relative disparity (bigger is nearer, about 0..1), both [b 1 h w]. EfficientNet-Lite1; two pyramid decoders (FPN, Lin
et al. 2017): the mask's from 1/32 to 1/2; disparity's to 1/4, which sees the mask's and has its own say on the mask:
the logits are the mean of both. The mean of the whole picture joins at the bottom of each (Liu et al. 2019, PoolNet).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.networks.architectures.efficientnet_lite import EfficientNetLite

MULTIPLE = 32
LEVELS = (0, 2, 4)
DEPTH_WIDTHS = (24, 40, 40, 40)

Maps = Float[Tensor, "b 1 h w"]


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


class DepthDecoder(nn.Module):
    """Disparity and mask logits at 1/4: `encoder` and `mask` are the channels of what it sees, `widths` its own, from
    1/4 to 1/32.

    Which row it is goes in at 1/8 and 1/32: lower is mostly nearer.
    """

    def __init__(
        self,
        encoder: Sequence[int],
        mask: Sequence[int],
        widths: Sequence[int] = DEPTH_WIDTHS,
        dropout: float = 0.15,
    ) -> None:
        super().__init__()
        seen = (encoder[0] + mask[0], encoder[1] + mask[1] + 1, encoder[2], encoder[3] + 1)
        self.sides = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, w, 1, bias=False), _norm_act(w))
            for c, w in zip(seen, widths, strict=True)
        )
        self.context = nn.Linear(encoder[3], widths[3])
        self.refine = nn.ModuleList(Block(w) for w in widths)
        self.narrow = nn.Conv2d(widths[1], widths[0], 1)
        self.drop = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(widths[0], 2, 1)

    def forward(self, features: Sequence[Tensor], mask: Sequence[Tensor]) -> Float[Tensor, "b 2 i j"]:
        """features: the encoder's at 1/4, 1/8, 1/16, 1/32; mask: the mask decoder's at 1/4 and 1/8."""
        quarter, eighth, sixteenth, last = features
        x = self.sides[3](torch.cat([self.drop(last), _rows(last)], 1))
        x = self.refine[3](x + self.context(last.mean((2, 3)))[:, :, None, None])
        x = self.refine[2](_resize(x, sixteenth) + self.sides[2](self.drop(sixteenth)))
        beside = torch.cat([self.drop(eighth), self.drop(mask[1]), _rows(eighth)], 1)
        x = self.refine[1](_resize(x, eighth) + self.sides[1](beside))
        fine = self.sides[0](torch.cat([quarter, mask[0]], 1))
        return self.head(self.refine[0](_resize(self.narrow(x), quarter) + fine))


@dataclass(frozen=True, eq=False)
class Outputs:
    """Mask logits of several levels, the finest first and at the photo's size; at 1/4 of it disparity, and the mask's
    logits by disparity's decoder."""

    logits: list[Maps]
    disparity: Maps
    second_logits: Maps


class DepthSubjectNet(nn.Module):
    """Subject mask and relative disparity; `widths` are the decoder's channels at 1/2, 1/4, 1/8, 1/16, 1/32."""

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
        narrow = [nn.Conv2d(above, w, 1) if above != w else nn.Identity() for w, above in pairwise(widths)]
        self.narrow = nn.ModuleList(narrow)
        self.refine = nn.ModuleList(Block(w) for w in widths)
        self.dropout = nn.Dropout2d(dropout)
        self.heads = nn.ModuleDict({str(i): nn.Conv2d(widths[i], 1, 1) for i in LEVELS})
        self.depth = DepthDecoder(self.encoder.channels[1:], widths[1:3], dropout=dropout)

    def forward(self, rgb: Float[Tensor, "b 3 h w"]) -> tuple[Maps, Maps]:
        """Logits of the mask, and disparity."""
        found = self.outputs(rgb, (0,))
        return (found.logits[0] + _resize(found.second_logits, rgb)) / 2, _resize(found.disparity, rgb)

    def freeze_early(self, depthwise: bool = True) -> None:
        """Keep what few photos can't improve: the encoder's first stages and, without `depthwise=False`, all its
        depthwise kernels."""
        for part in (self.encoder.stem, self.encoder.stages[0], self.encoder.stages[1]):
            part.requires_grad_(False)
        for name, parameter in self.encoder.named_parameters():
            if depthwise and ".depthwise." in name:
                parameter.requires_grad_(False)

    def outputs(self, rgb: Float[Tensor, "b 3 h w"], levels: tuple[int, ...] = LEVELS) -> Outputs:
        """All outputs that the training's losses need."""
        features = self.encoder(rgb)
        x = self.lateral[4](features[4]) + self.context(features[4].mean((2, 3)))[:, :, None, None]
        logits: dict[int, Tensor] = {}
        pyramid: dict[int, Tensor] = {}
        for level in range(4, -1, -1):
            if level < 4:
                x = self.narrow[level](x)
                x = _resize(x, features[level]) + self.lateral[level](features[level])
            x = pyramid[level] = self.refine[level](self.dropout(x) if level > 1 else x)
            if level in levels:
                logits[level] = self.heads[str(level)](x)
        if 0 in logits:
            logits[0] = _resize(logits[0], rgb)
        both = self.depth(features[1:], (pyramid[1], pyramid[2]))
        return Outputs([logits[level] for level in levels], both[:, :1], both[:, 1:])


def _rows(like: Float[Tensor, "b c h w"]) -> Maps:
    """−1 at the top, 1 at the bottom."""
    rows = torch.linspace(-1, 1, like.shape[-2], dtype=like.dtype, device=like.device)
    return rows[None, None, :, None].expand(len(like), 1, -1, like.shape[-1])


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
