"""Depth edges laid along the photo's edges, before rendering: no halos of the wrong blur at silhouettes.

Enters: inverse depth [h w] (1/m) that is soft or shifted at edges, the photo. Leaves: inverse depth within the
same range whose edges follow the photo. Where depth jumps, a pixel belongs to the near or the far side: by the
depth itself, and by the side whose colours around it are likelier (a Gaussian per side and window, as local
colour models in Bai et al. 2009). A guided filter lays the share along the photo; then it is one or the other.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

from cocnet.depth.estimators.protocol import Rgb
from cocnet.depth.refinement.guided_filter import (
    PAIRS,
    GuidedFilter,
    adjugate,
    box,
    shrunk,
    stripes,
    working_size,
)

Plane = Float[Tensor, "1 h w"]
Guide = Float[Tensor, "3 h w"]

REACH_SHARE = 0.035
_AREA_PX = 1 << 20
_JUMP_SHARE = 0.04
_SHORTER = 0.8
_SURE = 0.2
_BY_DEPTH, _BY_COLOUR = 8.0, 3.0
_COLOUR_VARIANCE = 2e-3
_GUIDE_REACH, _GUIDE_VARIANCE = 2, 1e-4


def refine_inverse_depth(
    inverse: Float32[np.ndarray, "h w"], rgb: Rgb, reach_px: float | None = None
) -> Float32[np.ndarray, "h w"]:
    """Inverse depth (1/m) with its edges on the photo's; without a jump in depth it stays as it is.

    reach_px: how far an edge may be off or smeared, px of the photo [3.5 % of the shorter side]. Photos of more
    than a megapixel are worked out at one, the edges themselves at full size.
    """
    size = working_size(inverse.shape[0], inverse.shape[1], _AREA_PX)
    whole = torch.from_numpy(np.ascontiguousarray(inverse, np.float32))[None]
    depth = functional.interpolate(whole[None], size, mode="bilinear", antialias=True)[0]
    scale = size[0] / inverse.shape[0]
    reach = max(2, round((reach_px or REACH_SHARE * min(inverse.shape)) * scale))
    if min(size) < 8 or float(depth.max() - depth.min()) == 0:
        return inverse
    planes = _sides(depth, shrunk(rgb, size), reach)
    out = np.empty_like(inverse)
    for rows, photo, (*slope, offset, near, far, jump) in stripes(rgb, planes):
        share = _either(sum((a * channel for a, channel in zip(slope, photo, strict=True)), offset))
        refined = far + (near - far) * share
        out[rows] = (whole[0, rows] + (refined - whole[0, rows]) * jump).numpy()
    return out


def _sides(depth: Plane, guide: Guide, reach: int) -> Float[Tensor, "7 h w"]:
    """The near share as a model of the photo (3 slopes, offset), near and far depth, and where depth jumps."""
    low, high = -_highest(-depth, reach), _highest(depth, reach)
    span = high - low
    share = (depth - low) / span.clamp_min(1e-12)
    near, far = (share > 1 - _SURE).float(), (share < _SURE).float()
    colour = _log_likelihood(guide, near, reach) - _log_likelihood(guide, far, reach)
    odds = _BY_DEPTH * (2 * share - 1) + colour.clamp(-_BY_COLOUR, _BY_COLOUR)
    belongs = torch.where(near > 0, 1.0, torch.where(far > 0, 0.0, odds.sigmoid()))
    a, b = GuidedFilter(guide, _GUIDE_REACH, _GUIDE_VARIANCE).model(belongs)
    sides = [_mean_where(depth, near, reach, high), _mean_where(depth, far, reach, low)]
    return torch.cat([a[0], b, *sides, _jumps(depth, span, reach)])


def _jumps(depth: Plane, span: Plane, reach: int) -> Plane:
    """1 where depth jumps within reach, 0 on slopes: there the span is as long as the steepest change lasts."""
    across = functional.pad((depth[..., 1:] - depth[..., :-1]).abs(), (0, 1))
    down = functional.pad((depth[..., 1:, :] - depth[..., :-1, :]).abs(), (0, 0, 0, 1))
    steepest = _highest(torch.maximum(across, down), reach)
    rows, columns = (_extent(n, reach) for n in depth.shape[-2:])
    extent = torch.minimum(rows[:, None], columns[None])
    large = span > _JUMP_SHARE * (depth.max() - depth.min())
    return box((large & (span < _SHORTER * extent * steepest)).float(), 2)


def _extent(length: int, reach: int) -> Float[Tensor, "n"]:
    """How far the window goes from end to end, px; less at the border."""
    places = torch.arange(length)
    return ((places + reach).clamp_max(length - 1) - (places - reach).clamp_min(0)).float()


def _log_likelihood(guide: Guide, where: Plane, reach: int) -> Plane:
    """log p(colour) of a Gaussian fitted to the colours of a side in the window, up to a constant."""

    def mean(x: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
        return box(box(x * where, reach), max(1, reach // 2))

    weight = mean(torch.ones_like(where)).clamp_min(1e-6)
    centre = mean(guide) / weight
    products = mean(torch.stack([guide[i] * guide[j] for i, j in PAIRS])) / weight
    covariance = [p - centre[i] * centre[j] for p, (i, j) in zip(products, PAIRS, strict=True)]
    parts, determinant = adjugate(covariance, _COLOUR_VARIANCE)
    off = guide - centre
    twice = (1, 2, 2, 1, 2, 1)
    terms = [n * p * off[i] * off[j] for n, p, (i, j) in zip(twice, parts, PAIRS, strict=True)]
    return -0.5 * (sum(terms[1:], terms[0]) / determinant + determinant.log())[None]


def _mean_where(depth: Plane, where: Plane, reach: int, otherwise: Plane) -> Plane:
    """Mean depth of a side in the window, where the side is in it."""
    weight = box(where, reach)
    return torch.where(weight > 1e-4, box(depth * where, reach) / weight.clamp_min(1e-6), otherwise)


def _highest(x: Plane, reach: int) -> Plane:
    """The maximum within reach, rows after columns."""
    size = 2 * reach + 1
    return functional.max_pool2d(functional.max_pool2d(x, (size, 1), 1, (reach, 0)), (1, size), 1, (0, reach))


def _either(share: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Near or far, with a pixel or two between: linear from 0.25 to 0.75."""
    return ((share - 0.25) / 0.5).clamp(0, 1)
