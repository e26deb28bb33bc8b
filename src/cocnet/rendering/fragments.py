"""Silhouettes split in near and far, and the background that a near object hides.

Enters: an image and the signed radius of the circle of confusion per pixel (px, + behind the focus). Leaves: two
fragments per pixel: in front what the pixel shows, behind it what a defocused silhouette lets through. A pixel on
a silhouette mixes two colours but carries one depth: αF + (1 − α)B = I is solved from the clean colours beside it.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from cocnet.rendering.grid import Grid
from cocnet.rendering.matting import Matte, matte

JUMP_PX = 2.0  # smaller steps of the blur radius are no silhouettes,
SHARP_JUMP_PX, SHARP_PX = 1.3, 2.0  # but these are, where the near side is blurred less than that
JUMP_RATIO = 2.0  # a silhouette jumps by this many times the slope that continues beside it
OWN_PART = 0.01  # a rim pixel farther from both sides, in parts of the jump, has a mixture for a depth
MAX_FILL_LEVELS = 8
SEEN_PX = 1.0  # hidden background shows as far in as the blur in front of it reaches, and so much more
LEAK_PX = 8  # and to the sides so much farther than its blur reaches, at coarser scales
# Farther in, nothing shows whose signed radius is greater than a surface's own by so much and this share of it
BEYOND_PX, BEYOND = 3.0, 0.25
LIGHTS_PX = 4  # beside a light, small steps stay whole: its colour says little about what is there
DAZZLING = 1.0  # light from which a seed of hidden background counts less than half
EMPTY = 1e-6  # weight up to which nothing has been spread to a pixel


class Fragments(NamedTuple):
    """Colour times coverage and coverage [b c+1 h w], signed CoC radius in px [b 1 h w], in front and behind; and the
    radius behind which a picture's pixel shows nothing [b 1 h w]."""

    front: Tensor
    x_front: Tensor
    back: Tensor
    x_back: Tensor
    x_last: Tensor


def fragments(
    image: Float[Tensor, "b c h w"], x: Float[Tensor, "b 1 h w"], max_radius_px: float | None = None
) -> Fragments:
    """Split the pixels on silhouettes and give near pixels beside them a hidden background.

    The background reaches in as far as blurs of max_radius_px (None: of the picture) let it be seen.
    Everything is differentiable in image and x, apart from the choice which pixels are on a silhouette.
    """
    rim = silhouettes(x, beside_lights(image))
    front, back = torch.cat([_flat(image), torch.ones_like(_flat(x))]), None
    if not rim.any():
        front = _whole(front, x)
        return Fragments(front, x, torch.zeros_like(front), x, endless(x))
    index, found = matte(image, x, rim)
    back = torch.zeros_like(front)
    front.index_copy_(1, index, torch.cat([found.near * found.alpha, found.alpha[None]]))
    back.index_copy_(1, index, torch.cat([found.far, torch.ones_like(found.alpha)[None]]))
    ends = sides(x.flatten().index_select(0, index), found)
    x_front, x_back = (_whole(_flat(x).index_copy(1, index, side[None]), x) for side in ends)
    rim = torch.zeros_like(rim).flatten().index_fill(0, index, True).view_as(rim)
    reach = float(x.detach().abs().max()) if max_radius_px is None else max_radius_px
    parts = Fragments(_whole(front, x), x_front, _whole(back, x), x_back, endless(x))
    return _hide(parts, rim, reach)


def endless(x: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
    """The last radius where everything may show."""
    return torch.full_like(x, torch.inf, requires_grad=False)


def fill_levels(max_radius_px: float) -> int:
    """Levels of the pyramid that carries hidden background in: it reaches 2**levels px, twice the radius."""
    return min(MAX_FILL_LEVELS, math.ceil(math.log2(max(2 * max_radius_px, 2))))


def silhouettes(
    x: Float[Tensor, "b 1 h w"], whole: Bool[Tensor, "b 1 h w"] | None = None
) -> Bool[Tensor, "b 1 h w"]:
    """The pixels on both sides of every true jump of x; slanted surfaces have none. whole: where small jumps don't
    count."""
    x = x.detach()
    rim = torch.zeros_like(x, dtype=torch.bool)
    for axis in (2, 3):
        count = x.shape[axis] - 1
        if count < 1:
            continue
        jump = x.diff(dim=axis)
        zero = torch.zeros_like(jump.narrow(axis, 0, 1))
        before = torch.cat([zero, jump.narrow(axis, 0, count - 1)], axis)
        after = torch.cat([jump.narrow(axis, 1, count - 1), zero], axis)
        sign = jump.sign()
        slope = torch.minimum((before * sign).relu_(), (after * sign).relu_())
        size = jump.abs()
        small = torch.minimum(x.narrow(axis, 0, count), x.narrow(axis, 1, count)).abs() < SHARP_PX
        if whole is not None:
            small &= ~(whole.narrow(axis, 0, count) | whole.narrow(axis, 1, count))
        torn = (size > JUMP_PX) | (small & (size > SHARP_JUMP_PX))
        torn &= size > JUMP_RATIO * slope
        rim.narrow(axis, 0, count).logical_or_(torn)
        rim.narrow(axis, 1, count).logical_or_(torn)
    return rim


def beside_lights(image: Float[Tensor, "b c h w"]) -> Bool[Tensor, "b 1 h w"] | None:
    """Within LIGHTS_PX of light above 1.0, None where there is none."""
    if not bool(image.detach().max() > DAZZLING):
        return None
    found = image.detach().amax(1, keepdim=True) > DAZZLING
    for axis in (2, 3):
        found = _widened(found, LIGHTS_PX, axis)
    return found


def _widened(there: Bool[Tensor, "b 1 h w"], reach: int, axis: int) -> Bool[Tensor, "b 1 h w"]:
    """What is there within so many pixels along an axis: a square, one axis after the other, takes a
    fifteenth of `max_pool2d`'s time."""
    found, count = there.clone(), there.shape[axis]
    for step in range(1, min(reach, count - 1) + 1):
        found.narrow(axis, step, count - step).logical_or_(there.narrow(axis, 0, count - step))
        found.narrow(axis, 0, count - step).logical_or_(there.narrow(axis, step, count - step))
    return found


def sides(own: Float[Tensor, " p"], found: Matte) -> tuple[Float[Tensor, " p"], Float[Tensor, " p"]]:
    """A pixel's own x on the side where it is; depth that is a mixture is on neither."""
    with torch.no_grad():
        close = OWN_PART * (found.x_far - found.x_near)
        near, far = own < found.x_near + close, own > found.x_far - close
    return torch.where(near, own, found.x_near), torch.where(far, own, found.x_far)


def _flat(t: Float[Tensor, "b c h w"]) -> Float[Tensor, "c bhw"]:
    return t.transpose(0, 1).flatten(1)


def _whole(flat: Float[Tensor, "c bhw"], like: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b c h w"]:
    return flat.view(len(flat), like.shape[0], *like.shape[2:]).transpose(0, 1)


def _hide(parts: Fragments, rim: Bool[Tensor, "b 1 h w"], reach_px: float) -> Fragments:
    """Carry the far side of every silhouette in behind its near side (push and pull over a pyramid).

    Accepted where a pixel is nearer to the occluder than to the background that would lie behind it, and where
    its own blur reaches the silhouette: elsewhere it could show only in the small gaps that slopes leave between
    layers. Lights count little: what is known of one is what is seen of it. Full scale is worked through in tiles.
    What is farther from every silhouette than its own blur reaches is opaque: the gaps that the blurs of its own
    pixels leave show nothing.
    """
    grid = Grid.of(rim.shape[2], rim.shape[3], 2)
    cut = [grid.cut(part, 0) for part in parts]
    rims = grid.cut(rim.to(parts.x_front), 0)
    seeds = grid.join(_seeds(Fragments(*tile), own) for *tile, own in zip(*cut, rims, strict=True))
    height, width = (-(-size // 2) for size in rim.shape[2:])
    filled = push_pull(seeds[..., :height, :width], fill_levels(reach_px) - 1)
    far = distance(functional.max_pool2d(rim.float(), 2, ceil_mode=True), leak_px(reach_px))
    found = zip(rims, grid.cut_doubled(filled), grid.cut_doubled(far, "nearest"), strict=True)
    behind = grid.join(_hidden(Fragments(*tile), *about) for *tile, about in zip(*cut, found, strict=True))
    behind = behind[..., : rim.shape[2], : rim.shape[3]]
    return Fragments(parts.front, parts.x_front, behind[:, 2:], behind[:, 1:2], behind[:, :1].detach())


def _seeds(tile: Fragments, rim: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b d i j"]:
    """x behind, x in front, what is behind and its weight, on the silhouettes of a tile: sums at half the scale."""
    dim = 1 / (1 + (tile.back[:, :-1].detach().amax(1, keepdim=True) / DAZZLING) ** 2)
    weight = dim * rim
    found = torch.cat([tile.x_back * weight, tile.x_front * weight, tile.back * weight], 1)
    return functional.avg_pool2d(found, 2) * 4


def _hidden(
    tile: Fragments,
    rim: Float[Tensor, "b 1 h w"],
    filled: Float[Tensor, "b d h w"],
    far: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, "b e h w"]:
    """The last x, x and what is behind in a tile, with what was carried in where that can be seen."""
    have = filled[:, -1:].detach()
    x = tile.x_front
    filled = filled / have.clamp(min=EMPTY)
    x_far, x_near, hidden = filled[:, 0:1], filled[:, 1:2], filled[:, 2:]
    with torch.no_grad():
        near = (x < 0.3 * x_far + 0.7 * x_near) & (x_far - x > SHARP_JUMP_PX)
        seen = far <= 2 * (torch.maximum(x.abs(), x_far.abs()) + SEEN_PX)
        accept = near & seen & (have > EMPTY) & (rim == 0)
        opaque = (far > x.abs() + SEEN_PX) & far.isfinite()
        last = torch.where(opaque, x + BEYOND * x.abs() + BEYOND_PX, tile.x_last)
    behind = torch.where(accept, torch.cat([x_far, hidden], 1), torch.cat([tile.x_back, tile.back], 1))
    return torch.cat([last, behind], 1)


def leak_px(max_radius_px: float) -> float:
    """How far from a silhouette hidden background can show: less than the margin of tiles."""
    return 1.5 * max_radius_px + min(2 * max_radius_px, 2**MAX_FILL_LEVELS) + LEAK_PX


def distance(there: Float[Tensor, "b 1 i j"], most_px: float) -> Float[Tensor, "b 1 i j"]:
    """Of the next rim pixel, along its rows plus along its columns, px; infinite beyond most_px. Enters and leaves at
    half the scale."""
    far = torch.where(there > 0, 0, torch.inf).to(there)
    for axis in (2, 3):
        steps = torch.arange(far.shape[axis]).to(far).view((-1, 1) if axis == 2 else (-1,))
        ahead = (far - steps).cummin(axis).values + steps
        behind = (far + steps).flip(axis).cummin(axis).values.flip(axis) - steps
        far = torch.minimum(ahead, behind)
    return torch.where(2 * far <= most_px, 2 * far, torch.inf)


def push_pull(seeds: Float[Tensor, "b d h w"], levels: int) -> Float[Tensor, "b d h w"]:
    """Spread weighted values (the last channel is the weight) into the empty pixels around the seeds."""
    pyramid = [seeds]
    for _ in range(levels):
        last = pyramid[-1]
        if max(last.shape[-2:]) < 2:
            break
        even = functional.pad(last, (0, last.shape[-1] % 2, 0, last.shape[-2] % 2))
        pyramid.append(functional.avg_pool2d(even, 2) * 4)
    filled = _normalised(pyramid.pop())
    while pyramid:
        level = pyramid.pop()
        share = level[:, -1:].clamp(max=1)
        filled = _normalised(level) * share + _normalised(_doubled(filled, level)) * (1 - share)
    return filled


def _doubled(t: Float[Tensor, "b d h w"], like: Float[Tensor, "b d h2 w2"]) -> Float[Tensor, "b d h2 w2"]:
    up = functional.interpolate(t, scale_factor=2, mode="bilinear", align_corners=False)
    return up[..., : like.shape[-2], : like.shape[-1]]


def _normalised(t: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
    """Values divided by their weight, zero where there is none."""
    weight = t[:, -1:]
    return t / weight.clamp(min=EMPTY) * (weight > EMPTY)
