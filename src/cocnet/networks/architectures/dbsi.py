"""DBSI: depth-aware blending of smoothed images (Dutta, JVCIR 2021).

Enters: sRGB [b 3 h w]. Leaves: sRGB [b 3 h w] = Σ wᵢ ⊙ blurᵢ(I), where blur₀ is the picture itself, the others
are Gaussians of `kernels` px, and the weights w, which sum to 1, come from a depth network on the picture.
Decided here: the depth network is a plain hourglass of four scales (the paper takes a ready-made one and prints
no count); a kernel of k px has σ = 0.15·k + 0.35; blurs work on sRGB values and repeat the border.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.networks.architectures.base import BokehNet
from cocnet.networks.zoo.registry import Card, register

WIDTHS = (32, 64, 128, 256)
CARD = Card(
    "dbsi",
    "Depth-aware Blending of Smoothed Images for Bokeh Effect Generation",
    2021,
    None,
    size_multiple=8,
    notes="The depth network inside is our own; kernels are set by hand, for pictures of about 1024 px.",
)


class Hourglass(nn.Module):
    """[b 3 h w] → [b maps h w]: two convs a scale, halved three times and back, with skips."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        pairs = list(pairwise(WIDTHS))
        self.down = nn.ModuleList(_convs(a, b) for a, b in [(3, WIDTHS[0]), *pairs])
        self.up = nn.ModuleList(_convs(a + b, a) for a, b in pairs)
        self.head = nn.Conv2d(WIDTHS[0], maps, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for convs in self.down:
            x = convs(functional.max_pool2d(x, 2) if skips else x)
            skips.append(x)
        for convs, skip in zip(reversed(self.up), skips[-2::-1], strict=True):
            up = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = convs(torch.cat([up, skip], 1))
        return self.head(x)


def _convs(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()
    )


class DBSI(BokehNet):
    """The hourglass and the blend."""

    def __init__(self, kernels: tuple[int, ...]) -> None:
        super().__init__(CARD)
        if not kernels or not all(type(size) is int and 1 < size < 1000 and size % 2 for size in kernels):
            raise InputError(f"expected odd kernels from 3 to 999 px, got {kernels}, try (25, 45, 75)")
        self.kernels = kernels
        self.network = Hourglass(1 + len(kernels))

    def bokeh(self, image: Tensor, depth: Tensor | None) -> Float[Tensor, "b 3 h w"]:
        blurs = [image, *(gaussian_blur(image, size) for size in self.kernels)]
        weights = self.network(image).softmax(1)
        return (weights[:, :, None] * torch.stack(blurs, 1)).sum(1)


def gaussian_blur(image: Float[Tensor, "b c h w"], size: int) -> Float[Tensor, "b c h w"]:
    """A Gaussian of size × size px, rows then columns, the border repeated."""
    sigma, half = 0.15 * size + 0.35, size // 2
    taps = [math.exp(-0.5 * (i / sigma) ** 2) for i in range(-half, half + 1)]
    kernel = torch.tensor(taps, dtype=image.dtype, device=image.device) / sum(taps)
    channels = image.shape[1]
    x = functional.pad(image, (half, half, half, half), mode="replicate")
    x = functional.conv2d(x, kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return functional.conv2d(x, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


@register(CARD)
def dbsi(kernels: Sequence[int] = (25, 45, 75)) -> nn.Module:
    """DBSI with Gaussians of these sizes, px."""
    return DBSI(tuple(kernels))
