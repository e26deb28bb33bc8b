"""The picture of one image's fragments, as `layers.composite` makes it.

Enters: fragments of one image with the signed radius of their circle of confusion (px). Leaves: the bokeh picture.
Each group of layers is worked through in tiles that stay in the cache; threads share the tiles.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.rendering.compiled.jit import bands, in_threads
from cocnet.rendering.compiled.march import march
from cocnet.rendering.compiled.pool import levels, pool, settle
from cocnet.rendering.compiled.scale import doubled, finish, halved, shares
from cocnet.rendering.fragments import Fragments
from cocnet.rendering.grid import Grid
from cocnet.rendering.layers import Kernel
from cocnet.rendering.levels import Group, groups, level_above, level_radius, own_radius

Array: TypeAlias = np.ndarray[Any, Any]
Size: TypeAlias = tuple[int, int]

TALL, WIDE = 64, 512  # px of a tile
FRONT, BEHIND = 0, 1
ROUNDING = 1e-6


class Leaf(NamedTuple):
    """Colour times coverage and coverage [d h w], and the fractional layer [h w]."""

    value: Array
    level: Array


class State(NamedTuple):
    """Light [c h w], transmittance and how much of the current surface has been seen [h w]; changed in place."""

    light: Array
    room: Array
    covered: Array


class Layers(NamedTuple):
    """A group's layers on one side, front to back: the number of the first, spots, how far these reach from their
    middles, what of their rows isn't 0, and which are the same upside down."""

    low: int
    spots: Array
    halves: Array
    first: Array
    last: Array
    even: Array


NOTHING = Leaf(np.zeros((0, 0, 0), np.float32), np.zeros((0, 0), np.float32))


def composed(
    parts: Fragments, max_radius_px: float, kernel: Kernel, fine_layers: int
) -> Float[Tensor, "1 c h w"]:
    """As `layers.composite`, for one image."""
    height, width = parts.front.shape[-2:]
    fine, *coarse = groups(max_radius_px, fine_layers)
    size = Grid.of(height, width, coarse[-1].scale if coarse else 1).size
    leaves, counts = _leaves(parts, max(level_above(max_radius_px), 0))
    pooled = [_pooled(leaf, count, coarse, size) for leaf, count in zip(leaves, counts, strict=True)]
    state = None
    for number, group in reversed(list(enumerate(coarse))):
        found = _there(own[number][FRONT] for own in pooled)
        if found or state is not None:
            state = _begun(state, parts.front.shape[1] - 1, _smaller(size, group.scale))
            _march(found, _layers(group, FRONT, kernel), state)
    state = _begun(state, parts.front.shape[1] - 1, size)
    _march(leaves, _layers(fine, None, kernel), state)
    behind = [_there(own[n][BEHIND] for own in pooled) for n in range(len(coarse))]
    far = (
        _behind(coarse, behind, kernel, _halved(state.covered), len(state.light))
        if any(behind)
        else NOTHING.value
    )
    out = np.empty((len(state.light), height, width), np.float32)
    in_threads(lambda a, b: finish(state.light, state.room, far, a, b, out), bands(height))
    return torch.from_numpy(out)[None]


def _leaves(parts: Fragments, top: int) -> tuple[list[Leaf], list[Array]]:
    """What is in front and what is behind, and how many pixels of each touch a layer [2 top+1]."""
    radii2 = np.array([level_radius(n) ** 2 for n in range(top + 2)], np.float32)
    leaves: list[Leaf] = []
    counts: list[Array] = []
    for value, x in ((parts.front, parts.x_front), (parts.back, parts.x_back)):
        values, radius = value[0].contiguous().numpy(), x[0, 0].contiguous().numpy()
        before = leaves[0].level if leaves else NOTHING.level
        level = np.empty_like(radius)
        rows = bands(len(radius))
        found = np.zeros((len(rows), 2, top + 1), np.int64)
        in_threads(
            lambda n, a, b: levels(values, radius, radii2, before, a, b, level, found[n]),  # noqa: B023
            [(n, a, b) for n, (a, b) in enumerate(rows)],
        )
        if found.any() or not leaves:
            leaves.append(Leaf(values, level))
            counts.append(found.sum(0))
    return leaves, counts


def _pooled(
    leaf: Leaf, counts: Array, coarse: list[Group], size: Size
) -> list[tuple[Leaf | None, Leaf | None]]:
    """What each coarse group gets of a leaf, in front of the focus and behind it; None where it gets nothing."""
    (height, width), d = leaf.level.shape, len(leaf.value)
    group_of = np.zeros(counts.shape[1], np.int64)
    shifts, starts = np.zeros(len(coarse) + 1, np.int64), np.zeros((len(coarse) + 1, 2), np.int64)
    places: list[list[slice | None]] = []
    length = 0
    for number, group in enumerate(coarse, 1):
        group_of[group.first : group.last + 1], shifts[number] = number, group.scale.bit_length() - 1
        tall, wide = _smaller(size, group.scale)
        places.append([None, None])
        for side in (FRONT, BEHIND):
            if counts[side, group.first : group.last + 1].any():
                starts[number, side] = length
                length += (d + 1) * tall * wide
                places[-1][side] = slice(int(starts[number, side]), length)
    flat = np.zeros(length, np.float32)
    if length:
        rows = bands(size[0], coarse[-1].scale)
        in_threads(lambda a, b: pool(*leaf, group_of, shifts, starts, size, a, b, flat), rows)

    def cut(place: slice | None, group: Group) -> Leaf | None:
        if place is None:
            return None
        sums = flat[place].reshape(*_smaller(size, group.scale), d + 1)
        planes = np.empty((d + 1, -(-height // group.scale), -(-width // group.scale)), np.float32)
        share = np.float32(1 / group.scale**2)
        in_threads(lambda a, b: settle(sums, share, a, b, planes), bands(planes.shape[1]))
        return Leaf(planes[:d], planes[d])

    return [
        (cut(own[FRONT], group), cut(own[BEHIND], group)) for own, group in zip(places, coarse, strict=True)
    ]


def _there(leaves: Iterable[Leaf | None]) -> list[Leaf]:
    return [leaf for leaf in leaves if leaf is not None]


def _begun(before: State | None, channels: int, size: Size) -> State:
    """The state of a coarser group at twice its scale, or further up; or a fresh one."""
    if before is None:
        return State(
            np.zeros((channels, *size), np.float32), np.ones(size, np.float32), np.zeros(size, np.float32)
        )
    while before.room.shape != size:
        before = State(_doubled(before.light), *(_doubled(t[None])[0] for t in before[1:]))
    return before


def _behind(
    coarse: list[Group], leaves: list[list[Leaf]], kernel: Kernel, covered: Array, channels: int
) -> Float[Array, "d h w"]:
    """Light and coverage of the coarse groups behind the focus, as a share of the room in front of them."""
    state = State(np.zeros((channels, *covered.shape), np.float32), 1 - covered, covered.copy())
    _march(leaves[0], _layers(coarse[0], BEHIND, kernel), state)
    farther = NOTHING.value
    if any(leaves[1:]):
        farther = _doubled(_behind(coarse[1:], leaves[1:], kernel, _halved(state.covered), channels))
    out = np.empty((channels + 1, *covered.shape), np.float32)
    in_threads(lambda a, b: shares(state.light, state.room, covered, farther, a, b, out), bands(len(covered)))
    return out


def _march(leaves: list[Leaf], layers: Layers, state: State) -> None:
    """Add one side of a group to the state."""
    if not leaves:
        state.covered[:] = 0
        return
    pair = [*leaves, NOTHING][:2]
    rows, columns = state.room.shape
    in_threads(
        lambda top, left: march(*pair[0], *pair[1], *layers, *state, top, left, TALL, WIDE),
        [(top, left) for top in range(0, rows, TALL) for left in range(0, columns, WIDE)],
    )


def _layers(group: Group, side: int | None, kernel: Kernel) -> Layers:
    """The group's layers on a side (None: both); spots are turned by 180°, in frames of one size."""
    numbers = {
        None: range(-group.last, group.last + 1),
        FRONT: range(-group.last, -group.first + 1),
        BEHIND: range(group.first, group.last + 1),
    }[side]
    made = [kernel(own_radius(level_radius(n), group.scale)).numpy()[::-1, ::-1] for n in numbers]
    size = max(len(spot) for spot in made)
    spots = np.zeros((len(made), size, size), np.float32)
    for whole, spot in zip(spots, made, strict=True):
        edge = (size - len(spot)) // 2
        whole[edge : size - edge, edge : size - edge] = spot
    there = spots != 0
    first, last = there.argmax(2), size - there[:, :, ::-1].argmax(2)
    rows = there.any(2)
    off = np.abs(np.arange(size) - size // 2)
    halves = np.maximum((rows * off).max(1), (there.any(1) * off).max(1))
    even = np.abs(spots - spots[:, ::-1]).max((1, 2)) <= ROUNDING * spots.max((1, 2))
    return Layers(numbers[0], spots, halves, np.where(rows, first, 0), np.where(rows, last, 0), even)


def _smaller(size: Size, scale: int) -> Size:
    return size[0] // scale, size[1] // scale


def _halved(plane: Float[Array, "h w"]) -> Float[Array, "h/2 w/2"]:
    out = np.empty((1, plane.shape[0] // 2, plane.shape[1] // 2), np.float32)
    in_threads(lambda a, b: halved(plane[None], np.float32(1), a, b, out), bands(out.shape[1]))
    return out[0]


def _doubled(small: Float[Array, "c h w"]) -> Float[Array, "c 2h 2w"]:
    large = np.empty((len(small), 2 * small.shape[1], 2 * small.shape[2]), np.float32)
    in_threads(lambda a, b: doubled(small, a, b, large), bands(large.shape[1]))
    return large
