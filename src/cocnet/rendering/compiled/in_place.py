"""The loops of one image's composition over whole planes, shared out to threads; there and back.

Enters and leaves NumPy arrays of float32: fragments (colour times coverage and coverage [d h w]) with their
fractional layer [h w], states, and gradients of both.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cocnet.rendering.compiled.jit import bands, in_threads
from cocnet.rendering.compiled.march import march
from cocnet.rendering.compiled.march_backward import composite_backward, spread_backward
from cocnet.rendering.compiled.pool import levels, pool, settle
from cocnet.rendering.compiled.pool_backward import levels_backward, pool_backward, settle_backward
from cocnet.rendering.layers import Kernel
from cocnet.rendering.levels import Group, level_radius

Array: TypeAlias = np.ndarray[Any, Any]
Size: TypeAlias = tuple[int, int]

TALL, WIDE = 64, 512  # px of a tile, which stays in the cache
FRONT, BEHIND = 0, 1
ROUNDING = 1e-6
NOTHING = (np.zeros((0, 0, 0), np.float32), np.zeros((0, 0), np.float32))
UNKEPT = np.zeros((0, 0, 0, 0), np.float32)


class Layers(NamedTuple):
    """A group's layers on one side, front to back: the number of the first, spots, how far these reach from their
    middles, what of their rows isn't 0, and which are the same upside down."""

    low: int
    spots: Array
    halves: Array
    first: Array
    last: Array
    even: Array

    def turned(self) -> "Layers":
        """The same with spots as they are on the sensor: what a way back spreads by."""
        size = self.spots.shape[2]
        first, last = (np.ascontiguousarray((size - ends)[:, ::-1]) for ends in (self.last, self.first))
        return Layers(
            self.low, np.ascontiguousarray(self.spots[:, ::-1, ::-1]), self.halves, first, last, self.even
        )

    def radii(self) -> Array:
        """Signed, px of full scale."""
        return np.array([level_radius(self.low + n) for n in range(len(self.spots))], np.float32)


def layers_of(group: Group, side: int | None, kernel: Kernel) -> Layers:
    """The group's layers on a side (None: both); spots are turned by 180°, in frames of one size."""
    numbers = {
        None: range(-group.last, group.last + 1),
        FRONT: range(-group.last, -group.first + 1),
        BEHIND: range(group.first, group.last + 1),
    }[side]
    made = [kernel(level_radius(n), group.scale).numpy()[::-1, ::-1] for n in numbers]
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


def smaller(size: Size, scale: int) -> Size:
    return size[0] // scale, size[1] // scale


def march_on(
    leaves: Sequence[Array], layers: Layers, x_last: Array, state: Sequence[Array], kept: Array = UNKEPT
) -> None:
    """Add one side of a group to the state, in place; `kept` gets the blurred layers (as in `march`).

    leaves: a fragment and its layer, or two of each; x_last: the last radius that shows; state: light, transmittance,
    coverage of the current surface.
    """
    pair, radii = (*leaves, *NOTHING)[:4], layers.radii()
    rows, columns = state[1].shape
    in_threads(
        lambda top, left: march(*pair, *layers, radii, x_last, *state, top, left, TALL, WIDE, kept),
        [(top, left) for top in range(0, rows, TALL) for left in range(0, columns, WIDE)],
    )


def layers_kept(layers: Layers, depth: int, size: Size, most_bytes: float = math.inf) -> Array | None:
    """Room for blurred layers (as in `march`), or None where it would be more than so many bytes."""
    shape = len(layers.spots), depth, size[0], size[1] + 2 * (layers.spots.shape[1] - 1)
    return np.zeros(shape, np.float32) if 4 * math.prod(shape) <= most_bytes else None


def march_back(
    leaves: Sequence[Array],
    layers: Layers,
    x_last: Array,
    before: tuple[Array, Array],
    gradients: Sequence[Array],
    kept: Array | None,
    needed: Sequence[bool],
) -> list[Array]:
    """Gradients of the leaves, an empty array where none is needed; those of transmittance and coverage behind the
    march become those `before` it, in place. kept: the blurred layers (used up), None where they were not kept."""
    room, covered = before
    edge = layers.spots.shape[1] - 1
    if kept is None:
        kept = layers_kept(layers, len(leaves[0]), room.shape)
        assert kept is not None
        light = np.zeros((len(leaves[0]) - 1, *room.shape), np.float32)
        march_on(leaves, layers, x_last, [light, room.copy(), covered.copy()], kept)
    blurred, about = kept, (layers.radii(), x_last, room, covered)
    in_threads(lambda a, b: composite_backward(blurred, edge, *about, *gradients, a, b), bands(len(room)))
    found = [
        np.zeros_like(plane) if asked or plane.ndim == 2 else NOTHING[0]
        for plane, asked in zip(leaves, needed, strict=True)
    ]
    back = layers.turned()
    for value, level, *into in zip(leaves[::2], leaves[1::2], found[::2], found[1::2], strict=True):
        in_threads(
            lambda a, b: spread_backward(value, level, *back, blurred, room.shape[1], a, b, *into),  # noqa: B023
            bands(len(level)),
        )
    return found


def find_levels(value: Array, x: Array, radii2: Array, before: Array) -> tuple[Array, Array]:
    """Each pixel's layer [h w], and how many pixels in front and behind touch each [2 layers] (as in `levels`)."""
    level = np.empty_like(x)
    rows = bands(len(x))
    counts = np.zeros((len(rows), 2, len(radii2) - 1), np.int64)
    in_threads(
        lambda n, a, b: levels(value, x, radii2, before, a, b, level, counts[n]),
        [(n, a, b) for n, (a, b) in enumerate(rows)],
    )
    return level, counts.sum(0)


def levels_back(level: Array, x: Array, radii2: Array, gradient: Array) -> Array:
    """The gradient of x from that of the layers."""
    found = np.empty_like(x)
    in_threads(lambda a, b: levels_backward(level, x, radii2, gradient, a, b, found), bands(len(x)))
    return found


class Pooling(NamedTuple):
    """What the coarse groups get of a fragment: sums for each pixel, one group's side after the other.

    group_of: each layer's group, 0 for those of full scale; shifts: logarithms of scales to base 2; there: group and
    side of each picture that there is; size: of the padded picture.
    """

    group_of: Array
    shifts: Array
    there: list[tuple[int, int]]
    size: Size

    @staticmethod
    def of(counts: Array, coarse: list[Group], size: Size) -> "Pooling":
        """The groups and sizes to pool for, given how many pixels touch each layer on either side of the focus."""
        group_of = np.zeros(counts.shape[1], np.int64)
        shifts = np.zeros(len(coarse) + 1, np.int64)
        there = []
        for number, group in enumerate(coarse, 1):
            group_of[group.first : group.last + 1], shifts[number] = number, group.scale.bit_length() - 1
            for side in (FRONT, BEHIND):
                if counts[side, group.first : group.last + 1].any():
                    there.append((number, side))
        return Pooling(group_of, shifts, there, size)

    def pooled(self, value: Array, level: Array) -> list[Array]:
        """Means and their layer [d+1 i j] for each group and side."""
        (height, width), depth = level.shape, len(value) + 1
        shapes = [(*smaller(self.size, 1 << self.shifts[number]), depth) for number, _ in self.there]
        starts, flat = self._flat(shapes)
        rows = bands(self.size[0], 1 << int(self.shifts[-1]))
        in_threads(
            lambda a, b: pool(value, level, self.group_of, self.shifts, starts, self.size, a, b, flat), rows
        )
        found = []
        for (number, side), shape in zip(self.there, shapes, strict=True):
            start, scale = starts[number, side], 1 << int(self.shifts[number])
            sums = flat[start : start + math.prod(shape)].reshape(shape)
            planes = np.empty((depth, -(-height // scale), -(-width // scale)), np.float32)
            share = np.float32(1 / scale**2)
            in_threads(lambda a, b: settle(sums, share, a, b, planes), bands(planes.shape[1]))  # noqa: B023
            found.append(planes)
        return found

    def back(
        self,
        value: Array,
        level: Array,
        planes: Sequence[Array],
        gradients: Sequence[Array],
        of_value: bool,
    ) -> list[Array]:
        """Gradients of the fragment (or an empty array) and its layer from those of what `pooled` made."""
        starts, flat = self._flat([(*plane.shape[1:], plane.shape[0]) for plane in planes], len(value) + 1)
        widths = np.zeros((len(self.shifts), 2), np.int64)
        for (number, side), plane, gradient in zip(self.there, planes, gradients, strict=True):
            start = starts[number, side]
            sums = flat[start : start + plane.size].reshape(*plane.shape[1:], len(plane))
            settle_backward(plane, gradient, np.float32(4.0 ** -int(self.shifts[number])), sums)
            widths[number] = plane.shape[1:]
        found = [np.zeros_like(value) if of_value else NOTHING[0], np.zeros_like(level)]
        about = (self.group_of, self.shifts, starts, widths, self.size)
        rows = bands(self.size[0], 1 << int(self.shifts[-1]))
        in_threads(lambda a, b: pool_backward(value, level, *about, a, b, flat, *found), rows)
        return found

    def _flat(self, shapes: Sequence[tuple[int, ...]], more: int = 0) -> tuple[Array, Array]:
        """Where each group's side begins [groups 2], -1 where there is none, and zeros for all of them and more."""
        starts = np.full((len(self.shifts), 2), -1, np.int64)
        length = 0
        for place, shape in zip(self.there, shapes, strict=True):
            starts[place] = length
            length += math.prod(shape)
        return starts, np.zeros(length + more, np.float32)
