"""BRViT: bokeh by a vision transformer (Nagasubramaniam and Younes, 2022), which is DPT-Hybrid with RGB out.

Enters: sRGB [b 3 h w]. Leaves: sRGB [b 3 h w]. Backbone: timm's ViT-B on a ResNet-50, tapped at ResNet stages 0
and 1 and blocks 8 and 11. 123,147,051 parameters (paper: 123.14 M). As published, the backbone keeps its classifier
and last norm, and the deepest fusion its first unit, which nothing uses: they are frozen. Upsampling is bilinear with
aligned corners, the position embedding is resized bilinearly, and the picture isn't scaled to −1..1.
"""

from importlib import import_module
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.errors import MissingExtraError
from cocnet.networks.architectures.base import BokehNet
from cocnet.networks.zoo.registry import Card, register

BACKBONE = "vit_base_r50_s16_384"
TAPS = (8, 11)
TOKENS = 768
GRID = 24  # patches a side at 384 px
WIDTH = 256
CARD = Card(
    "brvit",
    "Bokeh Effect Rendering with Vision Transformers",
    2022,
    123.14,
    size_multiple=32,
    notes="Needs the extra brvit (timm); the backbone starts from random weights.",
)


class ReadOut(nn.Module):
    """Tokens [b 1+n c] → maps [b c h w]: each token sees the class token through a projection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(2 * width, width), nn.GELU())

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        patches = tokens[:, 1:]
        both = torch.cat([patches, tokens[:, :1].expand_as(patches)], -1)
        return self.project(both).transpose(1, 2).unflatten(2, (height, width))


class ResidualUnit(nn.Module):
    """x + conv(ReLU(conv(ReLU(x)))), no normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.relu(self.first(functional.relu(x))))


class RefineFusion(nn.Module):
    """Coarser features and a tap of the same size → twice the size."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.out = ResidualUnit(), ResidualUnit(), nn.Conv2d(WIDTH, WIDTH, 1)

    def forward(self, x: Tensor, tap: Tensor | None = None) -> Tensor:
        x = x if tap is None else x + self.first(tap)
        return self.out(_doubled(self.second(x)))


class BRViT(BokehNet):
    """Backbone, reassembly at four scales, four fusions, head."""

    def __init__(self) -> None:
        super().__init__(CARD)
        self.backbone: Any = _timm().create_model(BACKBONE, pretrained=False)
        self.read_outs = nn.ModuleList(ReadOut(TOKENS) for _ in TAPS)
        self.reassemble = nn.ModuleList(
            [
                nn.Conv2d(TOKENS, TOKENS, 1),
                nn.Sequential(nn.Conv2d(TOKENS, TOKENS, 1), nn.Conv2d(TOKENS, TOKENS, 3, 2, 1)),
            ]
        )
        widths = (WIDTH, 512, TOKENS, TOKENS)
        self.narrow = nn.ModuleList(nn.Conv2d(width, WIDTH, 3, padding=1, bias=False) for width in widths)
        self.fusions = nn.ModuleList(RefineFusion() for _ in widths)
        self.head = nn.ModuleList(
            [nn.Conv2d(WIDTH, 128, 3, padding=1), nn.Conv2d(128, 32, 3, padding=1), nn.Conv2d(32, 3, 1)]
        )
        for unused in (self.backbone.norm, self.backbone.head, self.fusions[3].first):
            unused.requires_grad_(False)

    def bokeh(self, image: Tensor, depth: Tensor | None) -> Float[Tensor, "b 3 h w"]:
        taps = [conv(tap) for conv, tap in zip(self.narrow, self._taps(image), strict=True)]
        x = self.fusions[3](taps[3])
        for level in (2, 1, 0):
            x = self.fusions[level](x, taps[level])
        x = self.head[1](_doubled(self.head[0](x)))
        return self.head[2](functional.relu(x))

    def _taps(self, x: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """Features at 1/4, 1/8, 1/16 and 1/32, of 256, 512, 768 and 768 channels."""
        embed = self.backbone.patch_embed
        stages = embed.backbone.stages
        quarter = stages[0](embed.backbone.stem(x))
        eighth = stages[1](quarter)
        patches = embed.proj(stages[2](eighth))
        height, width = patches.shape[-2:]
        found = self._blocks(self._tokens(patches))
        maps = [read(tokens, height, width) for read, tokens in zip(self.read_outs, found, strict=True)]
        return [quarter, eighth, *(put(tap) for put, tap in zip(self.reassemble, maps, strict=True))]

    def _tokens(self, patches: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n c"]:
        """Class token and patches with the position embedding of this size."""
        first = self.backbone.cls_token.expand(len(patches), -1, -1)
        own, grid = self.backbone.pos_embed[:, :1], self.backbone.pos_embed[:, 1:].transpose(1, 2)
        square = grid.unflatten(2, (GRID, GRID))
        resized = functional.interpolate(square, patches.shape[-2:], mode="bilinear", align_corners=False)
        places = torch.cat([own, resized.flatten(2).transpose(1, 2)], 1)
        return torch.cat([first, patches.flatten(2).transpose(1, 2)], 1) + places

    def _blocks(self, x: Float[Tensor, "b n c"]) -> list[Tensor]:
        """Tokens after the blocks that are tapped."""
        found = []
        for index, block in enumerate(self.backbone.blocks):
            x = block(x)
            if index in TAPS:
                found.append(x)
        return found


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True)


def _timm() -> Any:
    """timm; raises MissingExtraError where it isn't installed."""
    try:
        return import_module("timm")
    except ImportError as error:
        raise MissingExtraError(
            "expected the package timm for brvit, got none, try: pip install 'cocnet[brvit]'"
        ) from error


@register(CARD)
def brvit() -> nn.Module:
    """BRViT with a backbone of random weights."""
    return BRViT()
