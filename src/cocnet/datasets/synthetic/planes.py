"""Scenes made of planes, and what a lens sees of them: the truth of synthetic training.

Enters: planes from back to front, each known also behind the others, on a canvas that reaches beyond the picture.
Leaves: the sharp picture, its depth map and the picture with bokeh, scene-linear. Each plane's premultiplied light
is blurred by the lens's own spot and laid over what is behind it. That is exact for each plane; where two blurred
planes meet it takes their coverages as independent over the aperture, as any layered renderer does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.datasets.pairs.raytraced import LensPair
from cocnet.errors import InputError
from cocnet.optics import ThinLens, lens_psf
from cocnet.rendering.convolution import fast_length


@dataclass(frozen=True, eq=False)
class ScenePlane:
    """Premultiplied light and coverage on the canvas; inverse depth (1/m) in its middle, and its slopes along x and
    y (1/m per px): in a picture, the inverse depth of a plane is linear."""

    light: Float[Tensor, "4 H W"]
    inverse_depth: float
    slopes: tuple[float, float] = (0.0, 0.0)

    def inverse_depths(self) -> Float[Tensor, "H W"]:
        """1/m at each pixel of the canvas."""
        height, width = self.light.shape[-2:]
        rows = (torch.arange(height) + 0.5 - height / 2) * self.slopes[1]
        columns = (torch.arange(width) + 0.5 - width / 2) * self.slopes[0]
        return self.inverse_depth + rows[:, None] + columns


def photographed(
    planes: Sequence[ScenePlane], lens: ThinLens, margin_px: int, name: str = "planes"
) -> LensPair:
    """What the lens sees of planes given back to front; the picture is the canvas without its margin.

    A pixel's depth is that of the frontmost plane that covers half of it. Raises InputError for no planes, and where
    a spot is larger than the margin.
    """
    if not planes:
        raise InputError("expected at least one plane, got none, try an opaque background")
    height, width = (side - 2 * margin_px for side in planes[0].light.shape[-2:])
    inner = slice(margin_px, margin_px + height), slice(margin_px, margin_px + width)
    inverse = torch.zeros(height, width)
    sharp, blurred = (torch.zeros(4, height, width) for _ in range(2))
    for plane in planes:
        v, seen = plane.inverse_depths()[inner], plane.light[:, *inner]
        inverse = torch.where(seen[3] >= 0.5, v, inverse)
        sharp = over(seen, sharp)
        blurred = over(_blurred(plane.light, lens.coc_radius_px(v, width), lens, margin_px), blurred)
    return LensPair(sharp[:3], blurred[:3].clamp(min=0), 1 / inverse[None], lens, name)


def over(front: Float[Tensor, "4 h w"], behind: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 h w"]:
    """One plane over another: Porter and Duff's operator, for premultiplied light."""
    return front + (1 - front[3:]) * behind


def _blurred(
    light: Float[Tensor, "4 H W"], x: Float[Tensor, "h w"], lens: ThinLens, margin: int
) -> Float[Tensor, "4 h w"]:
    """The plane as the lens sees it, x its signed radius in px: blurred once, or (slanted) in steps, each pixel read
    between the two beside its own radius."""
    low, high = float(x.min()), float(x.max())
    if high - low < 1e-4:
        return _Spread(light, margin).by(_spot(lens, (low + high) / 2))
    spread = _Spread(light, margin, reach=math.ceil(max(abs(low), abs(high)) + 0.5))
    radii = _steps(low, high)
    total = torch.zeros(4, *x.shape)
    for number, radius in enumerate(radii):
        total += _share(x, radii, number) * spread.by(_spot(lens, radius))
    return total


def _steps(low: float, high: float) -> list[float]:
    """Radii from low to high: every pixel, below 4 px every half, and both ends."""
    halves = range(math.ceil(2 * low), math.floor(2 * high) + 1)
    return sorted({low, high, *(half / 2 for half in halves if half % 2 == 0 or abs(half) < 8)})


def _share(x: Float[Tensor, "h w"], radii: Sequence[float], number: int) -> Float[Tensor, "h w"]:
    """How much of one copy each pixel takes: linear in r·|r|, so that the blur keeps its second moment."""
    at, own = x * x.abs(), [radius * abs(radius) for radius in radii]
    share = torch.ones_like(x)
    if number > 0:
        share = (at - own[number - 1]) / (own[number] - own[number - 1])
    if number + 1 < len(own):
        share = torch.minimum(share, (own[number + 1] - at) / (own[number + 1] - own[number]))
    return share.clamp(0, 1)


def _spot(lens: ThinLens, x: float) -> Float[Tensor, "k k"]:
    return lens_psf(lens, abs(x), front=x < 0).float()


class _Spread:
    """Convolutions of one canvas by several spots; only what is covered and reaches the picture is transformed."""

    def __init__(self, light: Float[Tensor, "4 H W"], margin: int, reach: int = 0) -> None:
        self.light, self.margin, self.reach = light, margin, reach
        self.opaque = bool((light[3] == 1).all())
        self._kept: tuple[tuple[int, int], Tensor] | None = None
        covered = light[3] > 0
        self.rows, self.columns = (_extent(covered.any(axis)) for axis in (1, 0))

    def by(self, spot: Float[Tensor, "k k"]) -> Float[Tensor, "4 h w"]:
        """The picture's part of the plane, each point a spot. Raises InputError for a spot beyond the margin."""
        half = len(spot) // 2
        if half > self.margin:
            raise InputError(
                f"expected a margin of {half} px for that spot, got {self.margin}, try a larger one"
            )
        height, width = (side - 2 * self.margin for side in self.light.shape[-2:])
        out = torch.zeros(4, height, width)
        if self.rows[0] == self.rows[1]:
            return out
        rows = _Axis.of(self.rows, self.margin, height, half, max(self.reach, half))
        columns = _Axis.of(self.columns, self.margin, width, half, max(self.reach, half))
        if rows.stop <= rows.start or columns.stop <= columns.start:
            return out
        channels = 3 if self.opaque else 4
        part = self.light[:channels, rows.first : rows.end, columns.first : columns.end]
        found = self._convolved(part, spot, (rows.length, columns.length))
        out[:channels, rows.start : rows.stop, columns.start : columns.stop] = found[
            :,
            rows.at : rows.at + rows.stop - rows.start,
            columns.at : columns.at + columns.stop - columns.start,
        ]
        if self.opaque:
            out[3] = 1
        return out

    def _convolved(self, part: Tensor, spot: Tensor, size: tuple[int, int]) -> Tensor:
        """By FFT; the spectrum of the plane is kept for the next spot."""
        if len(spot) == 1:
            return part
        if self._kept is None or self._kept[0] != size:
            self._kept = size, torch.fft.rfft2(part, s=size)
        return torch.fft.irfft2(self._kept[1] * torch.fft.rfft2(spot, s=size), s=size)


@dataclass(frozen=True)
class _Axis:
    """Along one axis: the canvas from `first` to `end` goes in; the picture from `start` to `stop` comes out,
    from `at` on in a circular convolution of this length."""

    first: int
    end: int
    start: int
    stop: int
    at: int
    length: int

    @staticmethod
    def of(extent: tuple[int, int], margin: int, side: int, half: int, reach: int) -> "_Axis":
        """For what is covered, a picture of `side` px within its margin and a spot of 2·half + 1 px. `reach` is the
        largest `half` of all spots, so that all take the same part of the canvas."""
        first, end = max(extent[0], margin - reach), min(extent[1], margin + side + reach)
        start, stop = max(first - half - margin, 0), min(end + half - margin, side)
        wrapped = end - first + reach + min(reach, first - margin)
        last = min(end + reach, margin + side) - first + reach
        length = fast_length(max(end - first, wrapped, last, 1))
        return _Axis(first, end, start, stop, start + margin - first + half, length)


def _extent(used: Tensor) -> tuple[int, int]:
    """First and end of what is covered; (0, 0) for nothing."""
    found = used.nonzero()
    return (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)
