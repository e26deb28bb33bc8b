"""Blurred layers composited from front to back, blurrier ones at a lower scale (as in Eq. 13 of the paper).

Enters: fragments with their signed radius of the circle of confusion (px). Leaves: the bokeh picture.
A pixel between two layers (`levels`) belongs to both; the gradient flows through its shares.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.rendering.convolution import spread
from cocnet.rendering.fragments import Fragments
from cocnet.rendering.grid import Grid
from cocnet.rendering.leaves import Leaf, gather, leaves_of, reach_of, span
from cocnet.rendering.levels import (
    LINEAR,
    Group,
    groups,
    level_above,
    level_radius,
)

EQUAL = 8  # roundings of 1.0: coverage and room that differ by no more are equal
CONNECTED = 0.02  # coverage in one layer from which it continues the surface in front of it

# signed radius in px, scale → the blur spot, sum 1, which at 1/scale blurs like that radius
Kernel = Callable[[float, int], Float[Tensor, "k k"]]


class State(NamedTuple):
    """Light gathered so far, transmittance left, and how much of the current surface has been seen."""

    light: Float[Tensor, "b c h w"]
    open: Float[Tensor, "b 1 h w"]
    covered: Float[Tensor, "b 1 h w"]


def composite(
    parts: Fragments, max_radius_px: float, kernel: Kernel, fine_layers: int = LINEAR
) -> Float[Tensor, "b c h w"]:
    """The picture through the lens: near layers first, each surface fills the room that those in front leave.

    Layers of one surface add up; across a gap in depth what is behind is seen through what is in front. The full
    scale is worked through in tiles that fit in a processor's cache; a layer that a tile lacks costs nothing.
    """
    height, width = parts.front.shape[-2:]
    fine, *coarse = groups(max_radius_px, fine_layers)
    grid = Grid.of(height, width, coarse[-1].scale if coarse else 1)
    margin = reach_of(fine)
    cut = [grid.cut(part, margin) for part in parts]
    top = max(level_above(max_radius_px), 0)
    tiles = [leaves_of(Fragments(*tile), top) for tile in zip(*cut, strict=True)]
    fine_last, *last = _lasts(parts.x_last, grid, len(coarse))
    near = _in_front(tiles, coarse, kernel, grid, margin, last)
    lasts = grid.cut(fine_last, 0)
    states = _fine(tiles, fine, kernel, _cut_state(near, grid, parts.front), lasts)
    del near
    return _seen_through(states, tiles, coarse, kernel, grid, margin, lasts, last)[..., :height, :width]


def _lasts(x_last: Float[Tensor, "b 1 h w"], grid: Grid, more: int) -> list[Float[Tensor, "b 1 i j"]]:
    """The radius behind which nothing shows at full scale and at so many more, each half the one before: the greatest
    of the pixels that interpolation lets a pixel reach."""
    below, right = (size - own for size, own in zip(grid.size, grid.whole, strict=True))
    found = [functional.pad(x_last, (0, right, 0, below), mode="replicate")]
    for _ in range(more):
        found.append(functional.max_pool2d(found[-1], 4, 2, 1))
    return found


def _in_front(
    tiles: list[tuple[Leaf, Leaf]],
    coarse: list[Group],
    kernel: Kernel,
    grid: Grid,
    margin: int,
    lasts: list[Tensor],
) -> State | None:
    """What the coarse layers in front of the focus leave, at the first group's scale; None where there are none."""
    state: State | None = None
    for group, last in reversed(list(zip(coarse, lasts, strict=True))):
        leaves = gather(tiles, group, -1, grid, margin)
        if leaves or state is not None:
            begun = _at_scale(state, group.scale, grid, tiles[0][0].value)
            state = _march(leaves, group, -1, kernel, begun, last)
    return state


def _fine(
    tiles: list[tuple[Leaf, Leaf]],
    group: Group,
    kernel: Kernel,
    states: Iterable[State],
    lasts: list[Tensor],
) -> list[State]:
    """The layers at full scale, tile by tile."""
    done = []
    for tile, state, last in zip(tiles, states, lasts, strict=True):
        leaves = [leaf for leaf in (leaf.member(group, 0) for leaf in tile) if leaf is not None]
        done.append(_march(leaves, group, 0, kernel, state, last))
    return done


def _seen_through(
    states: list[State],
    tiles: list[tuple[Leaf, Leaf]],
    coarse: list[Group],
    kernel: Kernel,
    grid: Grid,
    margin: int,
    fine_lasts: list[Tensor],
    lasts: list[Tensor],
) -> Float[Tensor, "b c h w"]:
    """The finished picture: the coarse layers behind the focus, seen through the states of the tiles."""
    far: Iterable[Tensor | None] = [None] * len(states)
    if coarse:
        covered = grid.join(functional.avg_pool2d(state.covered, 2) for state in states)
        leaves = [gather(tiles, group, 1, grid, margin) for group in coarse]
        if any(leaves):
            found = _behind(coarse, leaves, kernel, covered, states[0].light.shape[1], lasts)
            far = (
                _shown(last, coarse[0].first) * behind
                for last, behind in zip(fine_lasts, grid.cut_doubled(found), strict=True)
            )
    return grid.join(finished(state, behind) for state, behind in zip(states, far, strict=True))


def finished(state: State, far: Float[Tensor, "b d h w"] | None) -> Float[Tensor, "b c h w"]:
    """What a state gathered and, through what is open, what lies behind, over what both cover."""
    open_ = state.open
    if far is None:
        return state.light / (1 - open_).clamp(min=1e-6)
    light = state.light + open_ * far[:, :-1]
    return light / (1 - open_ * (1 - far[:, -1:])).clamp(min=1e-6)


def _behind(
    coarse: list[Group],
    leaves: list[list[Leaf]],
    kernel: Kernel,
    covered: Tensor,
    channels: int,
    lasts: list[Tensor],
) -> Float[Tensor, "b d h w"]:
    """Light and coverage of the coarse groups behind the focus, as a share of the room in front of them.

    `covered` at the first group's scale is how much of the current surface has been seen already.
    """
    light = covered.new_zeros(covered.shape[0], channels, *covered.shape[2:])
    state = _march(leaves[0], coarse[0], 1, kernel, State(light, 1 - covered, covered), lasts[0])
    total = torch.cat([state.light, 1 - state.open - covered], 1)
    if any(leaves[1:]):
        covered_further = functional.avg_pool2d(state.covered, 2)
        further = _behind(coarse[1:], leaves[1:], kernel, covered_further, channels, lasts[1:])
        through = state.open * _shown(lasts[0], coarse[1].first)
        total = total + through * _enlarged(further, *covered.shape[2:])
    return total / (1 - covered).clamp(min=1e-4)


def _march(
    leaves: list[Leaf], group: Group, sign: int, kernel: Kernel, state: State, last: Float[Tensor, "b 1 h w"]
) -> State:
    """Add the group's layers on one side (0: both) to the state, front to back; those behind `last` stay unseen."""
    low, high = span(group, sign)
    for number in range(low, high + 1):
        blurred = _blurred(leaves, number, group.scale, kernel, reach_of(group))
        state = _leave(state) if blurred is None else _add(state, blurred, _shown(last, number))
    return state


def _blurred(
    leaves: list[Leaf], number: int, scale: int, kernel: Kernel, reach: int
) -> Float[Tensor, "b d h w"] | None:
    """Colour and coverage of one layer after its blur; None where no pixel belongs to it."""
    total: Tensor | None = None
    for leaf in leaves:
        if number in leaf.touched:
            part = leaf.value * (1 - (leaf.level - number).abs()).clamp(min=0)
            total = part if total is None else total + part
    if total is None:
        return None
    spot = kernel(level_radius(number), scale).to(total)
    edge = reach - spot.shape[-1] // 2
    inner = total[..., edge : total.shape[-2] - edge, edge : total.shape[-1] - edge]
    return inner if spot.shape[-1] == 1 else spread(inner, spot.flip(0, 1))


def _shown(last: Float[Tensor, "b 1 h w"], number: int) -> Float[Tensor, "b 1 h w"]:
    """1 where a layer isn't behind the last radius that shows, else 0."""
    return (last >= level_radius(number)).to(last)


def _add(state: State, blurred: Float[Tensor, "b d h w"], shown: Float[Tensor, "b 1 h w"]) -> State:
    """One layer behind the state: it takes the room that its surface has left, where it is shown."""
    coverage = blurred[:, -1:]
    covered = state.covered * (coverage / CONNECTED).clamp(0, 1)
    room = 1 - covered
    taken = _least(coverage, room)
    share = shown * state.open / room.clamp(min=1e-6)
    light = state.light + blurred[:, :-1] * (share * taken / coverage.clamp(min=1e-6))
    left = state.open - share * taken
    return State(light, left - left.detach().clamp(max=0), covered + taken)  # below 0 by rounding alone


def _least(coverage: Tensor, room: Tensor) -> Tensor:
    """The smaller one. A flat surface fills its room exactly: there the gradient goes to both, as a difference of
    renders does, where a plain minimum takes the side that rounding makes the smaller."""
    with torch.no_grad():
        share = torch.where(
            (coverage - room).abs() <= EQUAL * torch.finfo(room.dtype).eps,
            0.5,
            (coverage < room).to(coverage),
        )
    return share * coverage + (1 - share) * room


def _leave(state: State) -> State:
    """An empty layer ends the current surface."""
    return State(state.light, state.open, torch.zeros_like(state.covered))


def _at_scale(state: State | None, scale: int, grid: Grid, like: Tensor) -> State:
    """The state of a coarser group at this scale, or a fresh one."""
    height, width = grid.size[0] // scale, grid.size[1] // scale
    if state is None:
        return _fresh(like, height, width)
    return State(*(_enlarged(t, height, width) for t in state))


def _fresh(like: Tensor, height: int, width: int) -> State:
    one = like.new_ones(like.shape[0], 1, height, width)
    return State(like.new_zeros(like.shape[0], like.shape[1] - 1, height, width), one, torch.zeros_like(one))


def _cut_state(state: State | None, grid: Grid, like: Tensor) -> Iterator[State]:
    """A state for each tile at full scale: that of the first coarse group enlarged, or a fresh one."""
    if state is None:
        return repeat(_fresh(like, grid.height, grid.width), grid.rows * grid.columns)
    cut = (grid.cut_doubled(t) for t in state)
    return (State(*parts) for parts in zip(*cut, strict=True))


def _enlarged(t: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c h2 w2"]:
    return functional.interpolate(t, size=(height, width), mode="bilinear", align_corners=False)
