"""The slow renderer, ray by ray through the aperture: the oracle of the fast one.

Enters: fragments with the signed radius of the circle of confusion (px), points of the aperture in units of its
radius. Leaves: the bokeh picture. No layers are blurred: a ray through the aperture's point a meets depth x at
pixel p + a·x, so it is followed from the front to the back until it hits a surface.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.optics import ThinLens, lens_psf
from cocnet.rendering.fragments import JUMP_PX, Fragments, fragments

STEP_PX = 0.5
_PATTERN_PX = 12.0


def reference(
    image: Float[Tensor, "b c h w"],
    x: Float[Tensor, "b 1 h w"],
    lens: ThinLens,
    samples_px: float = _PATTERN_PX,
) -> Float[Tensor, "b c h w"]:
    """The mean over the aperture (about π·samples_px² rays a pixel) of what each ray hits. Not differentiable."""
    parts = fragments(image.detach(), x.detach())
    points, weights = aperture_points(lens, samples_px)
    out = torch.zeros_like(image)
    for (across, down), weight in zip(points.tolist(), weights.tolist(), strict=True):
        out += weight * _ray(parts, across, down)
    return out


def aperture_points(lens: ThinLens, samples_px: float) -> tuple[Float[Tensor, "n 2"], Float[Tensor, " n"]]:
    """Points (x, y) where the spot behind the focus is bright, in units of its radius, and their shares."""
    spot = lens_psf(lens, samples_px)
    rows, columns = spot.nonzero(as_tuple=True)
    half = len(spot) // 2
    return torch.stack([columns - half, rows - half], 1) / samples_px, spot[rows, columns]


def _ray(parts: Fragments, across: float, down: float) -> Float[Tensor, "b c h w"]:
    """What every pixel sees through one point of the aperture."""
    nearest, farthest = float(parts.x_front.min()), float(parts.x_front.max())
    count = math.ceil((farthest - nearest) / STEP_PX) + 1
    light = torch.zeros_like(parts.front[:, :-1])
    passed = torch.ones_like(parts.x_front)
    for depth in torch.linspace(nearest, farthest, count).tolist():
        row, column = _places(parts.x_front, -down * depth, -across * depth)
        for value, x in ((parts.front, parts.x_front), (parts.back, parts.x_back)):
            there, at = value[..., row, column], x[..., row, column]
            hit = (at <= depth + STEP_PX / 2) & (at > depth - JUMP_PX)
            taken = passed * hit * there[:, -1:]
            light += taken * there[:, :-1] / there[:, -1:].clamp(min=1e-6)
            passed = passed - taken
    return light / (1 - passed).clamp(min=1e-3)


def _places(like: Tensor, down: float, across: float) -> tuple[Tensor, Tensor]:
    """Pixels that lie (down, across) px away, the border's pixels going on outside."""
    height, width = like.shape[-2:]
    rows = (torch.arange(height) + round(down)).clamp(0, height - 1)
    columns = (torch.arange(width) + round(across)).clamp(0, width - 1)
    return rows[:, None], columns[None]
