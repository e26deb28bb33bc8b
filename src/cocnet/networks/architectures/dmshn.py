"""DMSHN: a deep multi-scale hierarchical network for bokeh (Dutta et al., CVPRW 2021), and two of them in series.

Enters: sRGB [b 3 h w]. Leaves: sRGB [b 3 h w], the finest decoder's own output, no image added. Three scales with
weights of their own: 5,424,393 parameters (paper: 5.42 M), stacked twice that (10.85 M).
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.networks.architectures.base import BokehNet
from cocnet.networks.zoo.registry import Card, register

WIDTHS = (32, 64, 128)
SCALES = 3
_PAPER = "Stacked Deep Multi-Scale Hierarchical Network for Fast Bokeh Effect Rendering from a Single Image"
CARD = Card("dmshn", _PAPER, 2021, 5.42, size_multiple=16)
STACKED = Card("dmshn-stacked", _PAPER, 2021, 10.85, size_multiple=16, notes="Two in series.")


class ReluResidual(nn.Module):
    """x + conv(ReLU(conv(x))), 3×3, no normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.relu(self.first(x)))


def encoder() -> nn.Sequential:
    """[b 3 h w] → [b 128 h/4 w/4]: a conv and two residual blocks per width, stride 2 from the second on."""
    layers: list[nn.Module] = []
    for before, width in zip((3, *WIDTHS[:-1]), WIDTHS, strict=True):
        conv = nn.Conv2d(before, width, 3, stride=1 if before == 3 else 2, padding=1)
        layers += [conv, ReluResidual(width), ReluResidual(width)]
    return nn.Sequential(*layers)


def decoder() -> nn.Sequential:
    """[b 128 h/4 w/4] → [b 3 h w]: the encoder's mirror, with transposed 4×4 convs."""
    layers: list[nn.Module] = []
    for width, after in zip(WIDTHS[::-1], (*WIDTHS[-2::-1], 3), strict=True):
        up = nn.ConvTranspose2d(width, after, 4, 2, 1) if after != 3 else nn.Conv2d(width, 3, 3, padding=1)
        layers += [ReluResidual(width), ReluResidual(width), up]
    return nn.Sequential(*layers)


class Hierarchy(nn.Module):
    """Three encoders and decoders, finest first. A coarser result is added to the finer picture, and what its encoder
    found to what the finer encoder finds."""

    def __init__(self) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoder() for _ in range(SCALES))
        self.decoders = nn.ModuleList(decoder() for _ in range(SCALES))

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        return self.scales(image)[0]

    def scales(self, image: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """The results at scales 1, 1/2 and 1/4, finest first."""
        results: list[Tensor] = []
        code: Tensor | None = None
        for level, x in reversed(list(enumerate(pyramid(image)))):
            coarser = code
            code = self.encoders[level](x + doubled(results[0]) if results else x)
            results.insert(0, self.decoders[level](code if coarser is None else code + doubled(coarser)))
        return results


def pyramid(image: Float[Tensor, "b c h w"]) -> list[Tensor]:
    """The picture at scales 1, 1/2 and 1/4: halved, and halved again."""
    found = [image]
    while len(found) < SCALES:
        found.append(_scaled(found[-1], 0.5))
    return found


def doubled(x: Float[Tensor, "b c h w"]) -> Tensor:
    """Twice the size, bilinear."""
    return _scaled(x, 2.0)


def _scaled(x: Float[Tensor, "b c h w"], scale: float) -> Tensor:
    return functional.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


class DMSHN(BokehNet):
    """One hierarchy, or several in series."""

    def __init__(self, card: Card, stages: int) -> None:
        super().__init__(card)
        self.stages = nn.Sequential(*(Hierarchy() for _ in range(stages)))

    def bokeh(self, image: Tensor, depth: Tensor | None) -> Float[Tensor, "b 3 h w"]:
        return self.stages(image)


@register(CARD)
def dmshn() -> nn.Module:
    """DMSHN as published: one hierarchy of three scales."""
    return DMSHN(CARD, stages=1)


@register(STACKED)
def dmshn_stacked() -> nn.Module:
    """Two hierarchies, the second on the first one's result."""
    return DMSHN(STACKED, stages=2)
