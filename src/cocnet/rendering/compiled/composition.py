"""The picture of one image's fragments, as `layers.composite` makes it.

Enters: fragments of one image with the signed radius of their circle of confusion (px). Leaves: the bokeh picture,
with gradients where these are asked for.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.rendering.compiled.in_place import BEHIND, FRONT, Array, Layers, Size, smaller
from cocnet.rendering.compiled.step_gradients import Seen
from cocnet.rendering.compiled.steps import (
    Leaf,
    State,
    doubled,
    finished,
    halved,
    last_radii,
    leaf_of,
    marched,
    pooled,
    shared,
)
from cocnet.rendering.fragments import Fragments
from cocnet.rendering.grid import Grid
from cocnet.rendering.levels import Group, groups, level_above, level_radius

LayersOf = Callable[[Group, int | None], Layers]


def composed(
    parts: Fragments, max_radius_px: float, layers: LayersOf, fine_layers: int
) -> Float[Tensor, "1 c h w"]:
    """The blurred picture of one photo, composed from back to front as `layers.composite` does.

    layers: gives the layers of a group of radii, on one side of the focus (`in_place.layers_of`).
    """
    height, width = parts.front.shape[-2:]
    fine, *coarse = groups(max_radius_px, fine_layers)
    size = Grid.of(height, width, coarse[-1].scale if coarse else 1).size
    leaves, counts = _leaves(parts, max(level_above(max_radius_px), 0))
    smaller_ones = [pooled(leaf, count, coarse, size) for leaf, count in zip(leaves, counts, strict=True)]
    fine_last, *lasts = last_radii(parts.x_last[0, 0], size, len(coarse))
    state = None
    for number, group in reversed(list(enumerate(coarse))):
        found = _there(own[number][FRONT] for own in smaller_ones)
        if found or state is not None:
            state = _begun(state, parts.front, smaller(size, group.scale))
            state = marched(found, layers(group, FRONT), state, lasts[number])
    state = marched(leaves, layers(fine, None), _begun(state, parts.front, size), fine_last)
    behind = [_there(own[n][BEHIND] for own in smaller_ones) for n in range(len(coarse))]
    far = None
    if any(behind):
        far = _behind(coarse, behind, layers, halved(state.covered), len(state.light), lasts)
    return finished(state, far, _seen(fine_last, coarse), height, width)[None]


def _leaves(parts: Fragments, top: int) -> tuple[list[Leaf], list[Array]]:
    """What is in front and what is behind, and how many pixels of each touch a layer [2 top+1]."""
    radii2 = np.array([level_radius(n) ** 2 for n in range(top + 2)], np.float32)
    leaf, count = leaf_of(parts.front[0], parts.x_front[0, 0], None, radii2)
    back, others = leaf_of(parts.back[0], parts.x_back[0, 0], leaf.level, radii2)
    return ([leaf, back], [count, others]) if others.any() else ([leaf], [count])


def _there(leaves: Iterable[Leaf | None]) -> list[Leaf]:
    return [leaf for leaf in leaves if leaf is not None]


def _begun(before: State | None, like: Float[Tensor, "1 d i j"], size: Size) -> State:
    """The state of a coarser group at twice its scale, or further up; or a fresh one."""
    if before is None:
        room = like.new_ones(size)
        return State(like.new_zeros(like.shape[1] - 1, *size), room, torch.zeros_like(room))
    while before.room.shape != size:
        before = State(doubled(before.light), *(doubled(t[None])[0] for t in before[1:]))
    return before


def _behind(
    coarse: list[Group],
    leaves: list[list[Leaf]],
    layers: LayersOf,
    covered: Float[Tensor, "h w"],
    channels: int,
    lasts: list[Array],
) -> Float[Tensor, "d h w"]:
    """Light and coverage of the coarse groups behind the focus, as a share of the room in front of them."""
    begun = State(covered.new_zeros(channels, *covered.shape), 1 - covered, covered.clone())
    state = marched(leaves[0], layers(coarse[0], BEHIND), begun, lasts[0])
    farther = None
    if any(leaves[1:]):
        farther = doubled(_behind(coarse[1:], leaves[1:], layers, halved(state.covered), channels, lasts[1:]))
    return shared(state, covered, farther, _seen(lasts[0], coarse[1:]))


def _seen(x_last: Array, behind: list[Group]) -> Seen:
    """Where the groups behind can be seen."""
    return Seen(x_last, np.float32(level_radius(behind[0].first) if behind else 0))
