"""The guided filter: a plane that follows the edges of a photo (He et al. 2010; fast form He & Sun 2015).

Enters: a plane [c h w] and a photo [3 h w], both at working size, floats. Leaves: per pixel the linear model
`q = a·I + b` of the photo around it, so the same model gives the plane at any larger size of that photo.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from cocnet.depth.refinement.windows import box
from cocnet.rendering.compiled import usable

Plane = Float[Tensor, "c h w"]
Guide = Float[Tensor, "3 h w"]
PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


class GuidedFilter:
    """The photo's side of the filter, worked out once for many planes; `reach` in px, `epsilon` a variance."""

    def __init__(self, guide: Guide, reach: int, epsilon: float) -> None:
        self.guide, self.reach = guide, max(1, min(reach, (min(guide.shape[-2:]) - 1) // 2 or 1))
        self.mean = box(guide, self.reach)
        products = torch.stack([guide[i] * guide[j] for i, j in PAIRS])
        covariance = box(products, self.reach)
        for k, (i, j) in enumerate(PAIRS):
            covariance[k] -= self.mean[i] * self.mean[j]
        parts, determinant = adjugate(covariance.unbind(), epsilon)
        self.inverse = torch.stack(parts).div_(determinant)

    def model(self, plane: Plane) -> tuple[Float[Tensor, "c 3 h w"], Plane]:
        """a = (Σ + ε)⁻¹ cov(I, p), b = p̄ − a·Ī, both averaged over the window."""
        models = [box(self._slopes(channel), self.reach) for channel in plane]
        return torch.stack([found[:3] for found in models]), torch.stack([found[3] for found in models])

    def _slopes(self, channel: Float[Tensor, "h w"]) -> Float[Tensor, "4 h w"]:
        """a and b of each pixel's own window."""
        means = box(torch.cat([self.guide * channel, channel[None]]), self.reach)
        if usable(means, self.inverse):
            from cocnet.depth.refinement import compiled

            return compiled.slopes(means, self.mean, self.inverse)
        cross = means[:3] - self.mean * means[3]
        a, b, c, d, e, f = self.inverse
        slopes = torch.stack([_dot(row, cross) for row in ([a, b, c], [b, d, e], [c, e, f])])
        return torch.cat([slopes, (means[3] - (slopes * self.mean).sum(0))[None]])

    def __call__(self, plane: Plane) -> Plane:
        """The filtered plane at the working size."""
        a, b = self.model(plane)
        return (a * self.guide).sum(1) + b


def working_size(height: int, width: int, area_px: int) -> tuple[int, int]:
    """The size of a photo shrunk to about an area, never enlarged."""
    scale = min(1.0, (area_px / (height * width)) ** 0.5)
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrunk(rgb: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> Guide:
    """A photo at another size, 0..1, with antialiasing."""
    pixels = torch.tensor(rgb).permute(2, 0, 1)[None]
    if size != rgb.shape[:2]:
        pixels = functional.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False)
    return pixels[0].float() / 255


def stripes(
    rgb: UInt8[np.ndarray, "h w 3"], planes: Float[Tensor, "c i j"], rows: int = 256
) -> Iterator[tuple[slice, Guide, Float[Tensor, "c n w"]]]:
    """Planes of a smaller size over the photo at its full one, some rows at a time: where, photo, planes."""
    height, width = rgb.shape[:2]
    places = ((torch.arange(height) + 0.5) / height * planes.shape[-2] - 0.5).clamp(0, planes.shape[-2] - 1)
    for top in range(0, height, rows):
        where = slice(top, min(top + rows, height))
        below = places[where].floor().long()
        above = (below + 1).clamp_max(planes.shape[-2] - 1)
        share = (places[where] - below)[:, None]
        part = planes[:, below] * (1 - share) + planes[:, above] * share
        size = (part.shape[1], width)
        wide = functional.interpolate(part[None], size, mode="bilinear", align_corners=False)[0]
        yield where, torch.tensor(rgb[where]).permute(2, 0, 1).float() / 255, wide


def _dot(row: list[Tensor], vector: Float[Tensor, "3 h w"]) -> Float[Tensor, "h w"]:
    return row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2]


def adjugate(covariance: Sequence[Tensor], epsilon: float) -> tuple[list[Tensor], Tensor]:
    """The adjugate of each pixel's symmetric 3 × 3 matrix Σ + εI (as xx, xy, xz, yy, yz, zz) and its determinant;
    the first over the second is the inverse."""
    xx, xy, xz, yy, yz, zz = covariance
    xx, yy, zz = xx + epsilon, yy + epsilon, zz + epsilon
    a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    parts = [a, b, c, xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy]
    return parts, xx * a + xy * b + xz * c
