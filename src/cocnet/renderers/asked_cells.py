"""Where a network that corrects the physical renderer is asked: elsewhere that renderer's picture is as good.

Enters: the signed radius of blur (px) and the physical renderer's picture. Leaves: how much of the correction is
taken in each cell, 0 or 1. It is asked as far around silhouettes as their blur reaches, and where detail is blurred
by 0.25 to 4 px: on ray-traced scenes the network gains nothing elsewhere.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.rendering.fragments import silhouettes

# Around a silhouette it is asked within so many radii of its blur, and so many cells
RADII, BESIDE = 1.0, 1.0
FINE_RADII = (0.25, 4.0)  # px at the scale that the network sees, between which it sees to detail,
STEP = 0.02  # where the square root of light steps by this from pixel to pixel
STRIP_CELLS = 16
BESIDE_PX = 2  # rows that silhouettes see; a pixel of what the network sees tells steps


@torch.no_grad()
def asked_cells(
    radius_px: Float[Tensor, "b 1 h w"], physical: Float[Tensor, "b 3 h w"], cell_px: int, scale: int = 1
) -> Float[Tensor, "b 1 i j"]:
    """How much of a correction is taken in cells of cell_px: 1 where it is asked, else 0.
    scale: by which the picture is larger than what the network sees, a divisor of cell_px."""
    step, height = STRIP_CELLS * cell_px, radius_px.shape[2]
    beside = scale * math.ceil(BESIDE_PX / scale)
    strips = []
    for top in range(0, height, step):
        begin, end = max(0, top - beside), min(height, top + step + beside)
        own = slice(top - begin, min(top + step, height) - begin)
        reach = _reach(radius_px[:, :, begin:end], physical[:, :, begin:end], cell_px, scale)
        strips.append(functional.max_pool2d(reach[:, :, own], cell_px, ceil_mode=True))
    reach = torch.cat(strips, 2)
    return (_spread(reach) >= 0).to(physical.dtype)


def _reach(radius_px: Tensor, physical: Tensor, cell_px: int, scale: int) -> Float[Tensor, "b 1 h w"]:
    """How far around each pixel it is asked, in cells; −inf where nothing asks."""
    size = radius_px.abs()
    around = torch.where(silhouettes(radius_px), RADII * size / cell_px + BESIDE, -torch.inf)
    fine = (size > FINE_RADII[0] * scale) & (size < FINE_RADII[1] * scale) & (_steps(physical, scale) > STEP)
    return around.maximum(torch.where(fine, 0.0, -torch.inf))


def _steps(physical: Tensor, scale: int) -> Float[Tensor, "b 1 h w"]:
    """The largest step of the square root of light to the pixels beside, at the scale that the network sees."""
    light = physical.mean(1, keepdim=True).clamp_(min=0)
    size = light.shape[-2:]
    if scale > 1:
        light = functional.avg_pool2d(light, scale, ceil_mode=True)
    light = light.sqrt_()
    found = torch.zeros_like(light)
    for axis in (2, 3):
        count = light.shape[axis] - 1
        step = light.diff(dim=axis).abs_()
        for start in (0, 1):
            part = found.narrow(axis, start, count)
            torch.maximum(part, step, out=part)
    return found if scale == 1 else _repeated(found, scale, size)


def _repeated(t: Tensor, scale: int, size: torch.Size) -> Float[Tensor, "b 1 h w"]:
    return t.repeat_interleave(scale, 2).repeat_interleave(scale, 3)[..., : size[0], : size[1]]


def _spread(reach: Float[Tensor, "b 1 i j"]) -> Float[Tensor, "b 1 i j"]:
    """The largest reach of any cell less the way to it, in steps along and across the grid."""
    while True:
        further = reach
        wide = functional.pad(reach, (1, 1, 1, 1), value=-torch.inf)
        rows, columns = reach.shape[-2:]
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                beside = wide[..., 1 + down : 1 + down + rows, 1 + across : 1 + across + columns]
                further = torch.maximum(further, beside - (down**2 + across**2) ** 0.5)
        further = torch.where(further >= 0, further, reach)
        if torch.equal(further, reach):
            return reach
        reach = further
