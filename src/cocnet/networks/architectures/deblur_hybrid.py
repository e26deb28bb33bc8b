"""Deblurring by known optics, corrected by a small network: discs of several radii undone, blended, mended.

Enters: sRGB [b 3 h w] in 0..1. Leaves: I + Σ_k w_k·(W_k ∗ I − I) + c: W_k the Wiener filter of a disc of radius r_k;
weights w in −1..1 (one a pixel and filter; unbounded ones diverge in training) and colours c come from a U-Net at
scales 1/2, 1/4, 1/8. No normalisation: a tile with a margin of `margin_px` is exactly its part of the whole.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.compute import without_autocast
from cocnet.errors import InputError
from cocnet.networks.architectures.base import DeblurNet
from cocnet.networks.zoo.registry import Card, register
from cocnet.optics import ThinLens, lens_psf, wiener_kernel

RADII_PX = (1.3, 2.2, 3.5, 5.5, 8.5)
CARD = Card("deblur-hybrid", "ours", 2026, None, size_multiple=8, task="deblurring")
MIDDLE, LOUDER = 0.5, 2.0  # of a picture's values; by which the filters' changes are seen larger
LARGEST = 0.5  # change by a filter
QUIET = 0.3  # of a branch's initial weights
SLOPE = 0.1


class LeakyResidual(nn.Module):
    """x + conv(lrelu(conv(x))), 3×3, no normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        with torch.no_grad():
            self.second.weight *= QUIET

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.leaky_relu(self.first(x), SLOPE))


class DeblurHybrid(DeblurNet):
    """Random weights leave the picture as it is: the last convolution starts at zero."""

    def __init__(
        self, card: Card, widths: Sequence[int], blocks: Sequence[int], radii_px: Sequence[float]
    ) -> None:
        super().__init__(card)
        if len(widths) != len(blocks) or len(widths) < 2 or min(*widths, *blocks) < 1:
            raise InputError(
                f"expected a width and a count of blocks a scale, got {widths} and {blocks}, "
                "try [32, 64, 128] and [1, 2, 4]"
            )
        if not radii_px or not 0.5 <= min(radii_px) <= max(radii_px) <= 32:
            raise InputError(f"expected radii from 0.5 to 32 px, got {radii_px}, try {list(RADII_PX)}")
        self.radii_px, filters = tuple(radii_px), len(radii_px)
        self.first = nn.Conv2d(12 * (1 + filters), widths[0], 3, padding=1)
        self.encoders = nn.ModuleList(_blocks(w, n) for w, n in zip(widths, blocks, strict=True))
        self.downs = nn.ModuleList(nn.Conv2d(fine, coarse, 2, 2) for fine, coarse in pairwise(widths))
        self.ups = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in pairwise(widths))
        self.decoders = nn.ModuleList(_blocks(w, n) for w, n in zip(widths[:-1], blocks, strict=False))
        self.last = nn.Conv2d(widths[0], 4 * (3 + filters), 3, padding=1)
        self.bytes_per_pixel = 16 * widths[0] + 60 * filters
        self.start_at_identity()

    def start_at_identity(self) -> None:
        """The last convolution at zero: the picture comes out as it came in."""
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    @property
    def margin_px(self) -> int:  # type: ignore[override]
        """How far a pixel of the result sees, px."""
        within = [2 * len(stage) * 2 ** (i + 1) for i, stage in enumerate(self.encoders)]  # type: ignore[arg-type]
        network = 2 * sum(within[:-1]) + within[-1] + 4 + 2 ** len(within)
        return network + max(filter_size(radius) // 2 for radius in self.radii_px)

    def sharp(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """The sharpened sRGB picture; height and width are multiples of 8."""
        changes = self.changes(image)
        seen = [image - MIDDLE, LOUDER * changes.flatten(1, 2)]
        x = torch.cat([functional.pixel_unshuffle(part, 2) for part in seen], 1)
        x = self.first(x.contiguous(memory_format=torch.channels_last))
        skips = []
        for encode, down in zip(self.encoders, self.downs, strict=False):
            skips.append(encode(x))
            x = down(skips[-1])
        x = self.encoders[-1](x)
        for level in reversed(range(len(skips))):
            x = self.decoders[level](functional.pixel_shuffle(self.ups[level](x), 2) + skips.pop())
        said = functional.pixel_shuffle(self.last(x).to(image.dtype), 2)
        return image + said[:, :3] + (said[:, 3:, None].tanh() * changes).sum(1)

    def changes(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k 3 h w"]:
        """What each filter would change, cut to ±LARGEST."""
        kernels = [kernel.to(image) for kernel in wiener_filters(self.radii_px)]
        with without_autocast(image.device):
            found = [(x - image).clamp(-LARGEST, LARGEST) for x in _filtered(image, kernels)]
        return torch.stack(found, 1)


@lru_cache(maxsize=8)
def wiener_filters(radii_px: tuple[float, ...]) -> tuple[Float[Tensor, "n n"], ...]:
    """The Wiener filter of a round spot of each radius, `filter_size` px wide."""
    lens = ThinLens(focal_length_m=0.05, f_number=1.8, focus_distance_m=2.0, sensor_width_m=0.036)
    with torch.device("cpu"), torch.no_grad():
        return tuple(wiener_kernel(lens_psf(lens, r).float(), filter_size(r)) for r in radii_px)


def filter_size(radius_px: float) -> int:
    """Px: what undoes a disc rings on beyond it."""
    return 2 * (int(2.2 * radius_px) + 4) + 1


def _filtered(
    image: Float[Tensor, "b 3 h w"], kernels: Sequence[Float[Tensor, "n n"]]
) -> list[Float[Tensor, "b 3 h w"]]:
    """Each kernel's picture, by FFT, edges repeated; kernels are symmetric."""
    (height, width), half = image.shape[-2:], max(len(kernel) for kernel in kernels) // 2
    wide = functional.pad(image, (half, half, half, half), mode="replicate")
    if torch.compiler.is_compiling():  # an FFT of any size can't be exported
        return [_convolved(wide, kernel, half) for kernel in kernels]
    size = wide.shape[-2:]
    spectrum, found = torch.fft.rfft2(wide), []
    for kernel in kernels:
        spot, own = wide.new_zeros(size), len(kernel)
        spot[:own, :own] = kernel
        product = spectrum * torch.fft.rfft2(spot.roll((-(own // 2), -(own // 2)), (0, 1)))
        found.append(torch.fft.irfft2(product, s=size)[..., half : half + height, half : half + width])
    return found


def _convolved(wide: Tensor, kernel: Float[Tensor, "n n"], half: int) -> Tensor:
    spare = half - len(kernel) // 2
    inner = wide[..., spare : wide.shape[-2] - spare, spare : wide.shape[-1] - spare]
    return functional.conv2d(inner, kernel.expand(3, 1, -1, -1), groups=3)


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(LeakyResidual(width) for _ in range(count)))


@register(CARD)
def deblur_hybrid(
    widths: Sequence[int] = (32, 64, 128),
    blocks: Sequence[int] = (1, 2, 4),
    radii_px: Sequence[float] = RADII_PX,
) -> nn.Module:
    """Channels and blocks at scales 1/2, 1/4, 1/8; the discs that are undone."""
    return DeblurHybrid(CARD, widths, blocks, radii_px)
