"""Depth edges laid along the photo's edges, before rendering: no halos of the wrong blur at silhouettes.

Enters: inverse depth [h w] (1/m) that is soft or shifted at edges, the photo. Leaves: inverse depth within the
same range whose edges follow the photo. Either side's colours away from its edge (a Gaussian per side and window, as
local colour models in Bai et al. 2009) say where between them the edge is; a guided filter lays it along the photo.
What smearing took from a thin thing's depth is given back: its sum is kept, its area is known. Where the colours of
both sides are the same there is no edge in the photo, and depth stays as it came.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

from cocnet.depth.estimators.estimator import Rgb
from cocnet.depth.refinement.guided_filter import (
    PAIRS,
    GuidedFilter,
    adjugate,
    shrunk,
    stripes,
    working_size,
)
from cocnet.depth.refinement.thin_things import thin_things
from cocnet.depth.refinement.windows import box, extent, highest
from cocnet.rendering.compiled import usable

Plane = Float[Tensor, "1 h w"]
Guide = Float[Tensor, "3 h w"]

REACH_SHARE, _MOST_SHARE = 0.035, 0.125  # of the shorter side
_SMEARS = (1.0, 1.8)  # reaches in widths of a smeared step: the longer one leads astray between near surfaces
_HARD_PX = 4.5  # width of a step up to which a map shows thin things where they are
_KEPT = 3.0  # windows of this reach, in such widths, keep their mean depth
AREA_PX = 1 << 20
_JUMP_SHARE = 0.04
_SHORTER = 0.8
_PURE = 8  # exponent of a pixel's weight in its side's depth
_AROUND, _LOST = 6, 6.0
_FAINT, _TOLD = 0.01, 0.02  # of the map's range, in a window's mean: too little to restore a thing; enough
_DOUBT = 0.4
_ALL = 2e-6  # less than a pixel's share of a window
_WIDE = 6  # doubts: as far off as a thin thing's colours are found
_BY_DEPTH, _LATER, _BY_COLOUR = 4.0, 3.0, 6.0  # log odds; later, either side's colours are purer
# Mean of ±tanh(odds / 2) along an edge: 0.4 is that of one texture on both sides
_OVERLAP, _PARTED = 0.4, 0.7
_COLOUR_VARIANCE = 2e-3
# Reach of windows whose means are as good from half as many rows and columns, four times: a quarter
_COARSE_FROM = 8
_GUIDE_REACH, _GUIDE_VARIANCE = 2, 1e-4
_PLANES = 7  # of `_sides`


def refine_inverse_depth(
    inverse: Float32[np.ndarray, "h w"],
    rgb: Rgb,
    reach_px: float | None = None,
    area_px: int = AREA_PX,
    thin: bool = True,
) -> Float32[np.ndarray, "h w"]:
    """Inverse depth (1/m) with its edges on the photo's; without a jump in depth or an edge in the photo it stays.

    reach_px: how far an edge may be off or smeared, px of the photo [3.5 % of the shorter side, or by the map].
    Photos of more than area_px are worked out at so many, the edges themselves at full size. thin: whether hair, nets
    and wires that a smeared map has lost are found again.
    """
    size = working_size(inverse.shape[0], inverse.shape[1], area_px)
    whole = torch.from_numpy(np.ascontiguousarray(inverse, np.float32))[None]
    depth = functional.interpolate(whole[None], size, mode="bilinear", antialias=True)[0]
    if min(size) < 8 or float(depth.max() - depth.min()) == 0:
        return inverse
    width = _smeared(depth)
    reaches = _reaches(depth, width) if reach_px is None else [round(reach_px * size[0] / inverse.shape[0])]
    guided = GuidedFilter(shrunk(rgb, size), _GUIDE_REACH, _GUIDE_VARIANCE)
    planes = _likeliest(depth, guided, [max(2, reach) for reach in reaches], width)
    if thin and width > _HARD_PX:
        things = thin_things(depth, _refined(depth, guided.guide, planes), guided, width)
        planes = planes if things is None else torch.cat([planes, things])
    out = np.empty_like(inverse)
    for rows, photo, some in stripes(rgb, planes):
        laid = whole[:, rows]
        for seven in torch.split(some, _PLANES):
            laid = _refined(laid, photo, seven)
        out[rows] = laid[0].numpy()
    return out


def _refined(depth: Plane, photo: Guide, planes: Float[Tensor, "7 h w"]) -> Plane:
    """Depth with its edges where the planes of `_sides` have them in the photo."""
    *slope, offset, near, far, jump = planes
    share = _either(sum((a * channel for a, channel in zip(slope, photo, strict=True)), offset))
    return depth + (far + (near - far) * share - depth) * jump


def _likeliest(
    depth: Plane, guided: GuidedFilter, reaches: list[int], width: float
) -> Float[Tensor, "7 h w"]:
    """The planes of the reach that keeps the map's means best, chosen by place."""
    guide, soft = guided.guide, width > _HARD_PX
    planes, parted = _sides(depth, guided, reaches[0], soft)
    if len(reaches) > 1:
        off = _off(depth, _refined(depth, guide, planes), width)
    for reach in reaches[1:]:
        others, told = _sides(depth, guided, reach, soft)
        farther = _off(depth, _refined(depth, guide, others), width)
        better = farther < off
        planes, parted = torch.where(better, others, planes), torch.where(better, told, parted)
        off = torch.minimum(farther, off)
    planes[-1:] *= parted
    return planes


def _off(depth: Plane, refined: Plane, width: float) -> Plane:
    """How far the means of refined depth are from the map's, which neither smearing nor moving changes much."""
    around = max(2, round(_KEPT * width))
    return box(box(refined - depth, around).abs(), max(2, round(width)))


def _smeared(depth: Plane) -> float:
    """Over how many px the large steps of depth are smeared."""
    most = max(2, round(_MOST_SHARE * min(depth.shape[-2:])))
    span = highest(depth, most) + highest(-depth, most)
    width = span / highest(_slope(depth), most).clamp_min(1e-12)
    return float(width[span > 0.5 * span.max()].median())


def _reaches(depth: Plane, width: float) -> list[int]:
    """3.5 % of the shorter side; more where the steps of depth themselves are smeared farther, px; least first."""
    least, most = (max(2, round(share * min(depth.shape[-2:]))) for share in (REACH_SHARE, _MOST_SHARE))
    return sorted({min(most, max(least, round(smears * width))) for smears in _SMEARS})


def _slope(depth: Plane) -> Plane:
    """The larger change to the next pixel, across or down."""
    across = functional.pad((depth[..., 1:] - depth[..., :-1]).abs(), (0, 1))
    down = functional.pad((depth[..., 1:, :] - depth[..., :-1, :]).abs(), (0, 0, 0, 1))
    return torch.maximum(across, down)


def _sides(
    depth: Plane, guided: GuidedFilter, reach: int, soft: bool
) -> tuple[Float[Tensor, "7 h w"], Plane]:
    """The near share as a model of the photo (3 slopes, offset), near and far depth, and where depth jumps; where
    colours part at its edge. soft: the map's steps are smeared, so that half of one tells little of a thin thing."""
    low, high = -highest(-depth, reach), highest(depth, reach)
    span = high - low
    share = (depth - low) / span.clamp_min(1e-12)
    belongs = (share > 0.5).float()
    doubt = max(2, round(_DOUBT * reach))
    for width in (doubt, max(2, doubt // 2)):
        belongs, colour = _laid(belongs, guided, width, _BY_DEPTH, soft)
    parted = _parted(belongs, colour, doubt)
    if soft:
        belongs, _ = _laid(belongs, guided, max(1, doubt // 3), _LATER, soft)
    a, b = guided.model(belongs)
    near, far = (
        _mean_where(depth, share**_PURE, reach, high),
        _mean_where(depth, (1 - share) ** _PURE, reach, low),
    )
    near = _restored(depth, belongs, near, far, reach)
    planes = torch.cat([a[0], b, near, far, _jumps(depth, span, reach)])
    return planes, parted


def _parted(belongs: Plane, colour: Plane, reach: int) -> Plane:
    """1 where colours along the edge part as its sides do, 0 where they tell nothing: nothing is cut out there."""
    around = box(belongs, max(1, reach // 2))
    band = ((around > 0) & (around < 1)).to(belongs)
    told = (2 * belongs - 1) * (colour / 2).tanh() * band
    weight, told = box(box(torch.cat([band, told]), reach), reach)[:, None]
    share = told / (weight + 0.01)
    return ((share - _OVERLAP) / (_PARTED - _OVERLAP)).clamp(0, 1)


def _laid(
    belongs: Plane, guided: GuidedFilter, doubt: int, by_depth: float, soft: bool
) -> tuple[Plane, Plane]:
    """The near share, its edge moved by up to about `doubt` px to where the colours of its two sides part, and how
    much likelier each pixel's colour is on the near side. by_depth: log odds amid either side; soft: what the map
    shows of thin things is no model of their colours, what is near and thick in a wider window is."""
    guide = guided.guide
    around = box(belongs, doubt)
    core, far = (around > 1 - _ALL).float(), (around < _ALL).float()
    thick = box(core, 2 * doubt) > 0
    far = torch.where(box(far, 2 * doubt) > 0, far, 1 - belongs)
    near = colour_likelihood(guide, torch.where(thick, core, belongs), 2 * doubt)
    if soft:
        thin = ~thick & (box(core, _WIDE * doubt) > 0)
        near = torch.where(thin, colour_likelihood(guide, core, _WIDE * doubt), near)
    colour = near - colour_likelihood(guide, far, 2 * doubt)
    odds = by_depth * (2 * around - 1) + colour.clamp(-_BY_COLOUR, _BY_COLOUR)
    return guided(odds.sigmoid()).clamp(0, 1).round(), colour


def _jumps(depth: Plane, span: Plane, reach: int) -> Plane:
    """1 where depth jumps within reach, 0 on slopes: there the span is as long as the steepest change lasts."""
    steepest = highest(_slope(depth), reach)
    rows, columns = (extent(n, reach) for n in depth.shape[-2:])
    longest = torch.minimum(rows[:, None], columns[None])
    large = span > _JUMP_SHARE * (depth.max() - depth.min())
    return box((large & (span < _SHORTER * longest * steepest)).float(), 2)


def colour_likelihood(guide: Guide, where: Plane, reach: int) -> Plane:
    """log p(colour) of a Gaussian fitted to the colours of a side in the window, up to a constant."""
    scale = 4 if reach >= 4 * _COARSE_FROM else 2 if reach >= _COARSE_FROM else 1
    wide, narrow = reach // scale, max(1, reach // (2 * scale))
    if usable(guide, where):
        from cocnet.depth.refinement import compiled

        means = box(box(compiled.products(guide, where, scale), wide), narrow)
        return compiled.log_likelihood(guide, means, _COLOUR_VARIANCE, scale)
    means = box(box(_products(guide, where, scale), wide), narrow)
    means = means.repeat_interleave(scale, 1).repeat_interleave(scale, 2)[
        :, : guide.shape[1], : guide.shape[2]
    ]
    weight = means[:1].clamp_min(1e-6)
    centre, products = means[1:4] / weight, means[4:] / weight
    covariance = [p - centre[i] * centre[j] for p, (i, j) in zip(products, PAIRS, strict=True)]
    parts, determinant = adjugate(covariance, _COLOUR_VARIANCE)
    off = guide - centre
    twice = (1, 2, 2, 1, 2, 1)
    terms = [n * p * off[i] * off[j] for n, p, (i, j) in zip(twice, parts, PAIRS, strict=True)]
    return -0.5 * (sum(terms[1:], terms[0]) / determinant + determinant.log())[None]


def _products(guide: Guide, where: Plane, scale: int) -> Float[Tensor, "10 i j"]:
    """A side's weight, weighted colours and their products, means over scale × scale px."""
    planes = torch.cat(
        [torch.ones_like(where), guide, *(guide[i : i + 1] * guide[j : j + 1] for i, j in PAIRS)]
    )
    return functional.avg_pool2d((planes * where)[None], scale, ceil_mode=True)[0]


def _restored(depth: Plane, belongs: Plane, near: Plane, far: Plane, reach: int) -> Plane:
    """The near side's depth before it was smeared: its sum over the window is what it was, its area is known now.

    At most as near as what is around, and not much nearer than it seems; no nearer where that is a trace.
    """
    left = box(depth - far, reach)
    sharp = far + left / box(belongs, reach).clamp_min(0.02)
    told = ((left / (depth.max() - depth.min()) - _FAINT) / (_TOLD - _FAINT)).clamp(0, 1)
    nearest = torch.minimum(highest(depth, _AROUND * reach), far + (1 + (_LOST - 1) * told) * (near - far))
    return torch.minimum(torch.maximum(sharp, near), torch.maximum(nearest, near))


def _mean_where(depth: Plane, where: Plane, reach: int, otherwise: Plane) -> Plane:
    """Mean depth of a side in the window, where the side is in it."""
    weight = box(where, reach)
    return torch.where(weight > 1e-4, box(depth * where, reach) / weight.clamp_min(1e-6), otherwise)


def _either(share: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Near or far, with a pixel or two between: linear from 0.25 to 0.75."""
    return ((share - 0.25) / 0.5).clamp(0, 1)
