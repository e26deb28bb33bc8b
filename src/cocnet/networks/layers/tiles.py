"""Tiles of a picture: a regular grid, the cheapest that hold the cells which are asked for, and what of a U-Net's
levels one of them needs.

Enters: the picture's size, px, or which cells of it are asked for [i j]. Leaves: tiles, in the units that entered.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int
from torch import Tensor

WITH_MARGINS = 0.3  # of a pixel's work is done in a tile's margins as well
EACH = 16  # cells' work that a tile costs beside that
LEAST = 4  # cells: shorter tiles aren't cut


class Tile(NamedTuple):
    """Rows and columns of a picture."""

    rows: slice
    columns: slice

    def grown(self, by: int, height: int, width: int) -> "Tile":
        """With that much around it, as far as the picture goes."""
        return Tile(
            *(
                slice(max(0, span.start - by), min(length, span.stop + by))
                for span, length in zip(self, (height, width), strict=True)
            )
        )

    def within(self, outer: "Tile") -> "Tile":
        """The same, counted from the first row and column of an outer one."""
        return Tile(*(slice(a.start - b.start, a.stop - b.start) for a, b in zip(self, outer, strict=True)))

    def of(self, planes: Tensor) -> Tensor:
        """That part of planes [… h w]."""
        return planes[..., self.rows, self.columns]

    def smaller(self, factor: int) -> "Tile":
        """All pixels that it touches at so many times smaller a scale."""
        return Tile(*(slice(span.start // factor, -(-span.stop // factor)) for span in self))

    def scaled(self, factor: int) -> "Tile":
        """At so many times the scale."""
        return Tile(*(slice(span.start * factor, span.stop * factor) for span in self))


class LevelTiles(NamedTuple):
    """At one level of a U-Net: what of its decoder's output is needed, and for that of its input."""

    needed: Tile
    entered: Tile


def of_levels(tile: Tile, height: int, width: int, levels: int, reach: int) -> list[LevelTiles]:
    """What decoders of a U-Net that see `reach` px far need of each level, finest first, for a tile of the picture,
    where each level is enlarged (bilinear) for the one before."""
    found = []
    for _ in range(levels):
        found.append(LevelTiles(tile, tile.grown(reach, height, width)))
        height, width = height // 2, width // 2
        tile = found[-1].entered.smaller(2).grown(1, height, width)
    return found


def grid(height: int, width: int, side: int) -> list[Tile]:
    """Tiles of side × side px, row by row."""
    return [Tile(rows, columns) for rows in _spans(height, side) for columns in _spans(width, side)]


def covering(asked: Bool[np.ndarray, "i j"], most: int, margin: int) -> list[Tile]:
    """Tiles, no longer or wider than `most` cells, which hold all cells that are asked for: cut where the work with
    margins of `margin` cells becomes less. They don't overlap."""
    return _cheapest(asked, 0, 0, most, margin)[1]


def _spans(length: int, side: int) -> Iterator[slice]:
    return (slice(start, min(start + side, length)) for start in range(0, length, side))


def _cheapest(
    asked: Bool[np.ndarray, "i j"], top: int, left: int, most: int, margin: int
) -> tuple[float, list[Tile]]:
    """The least work that was found, and its tiles; asked begins at (top, left)."""
    rows, columns = np.flatnonzero(asked.any(1)), np.flatnonzero(asked.any(0))
    if not len(rows):
        return 0.0, []
    asked = asked[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top, left = top + int(rows[0]), left + int(columns[0])
    height, width = asked.shape
    fits = max(height, width) <= most
    whole = float(_work(np.array(height), np.array(width), most, margin))
    tile = Tile(slice(top, top + height), slice(left, left + width))
    if fits and (max(height, width) <= LEAST or bool(asked.all())):
        return whole, [tile]
    axis, cut = _best_cut(asked, most, margin)
    if axis == 0:
        one, two = asked[:cut], asked[cut:]
        parts = _cheapest(one, top, left, most, margin), _cheapest(two, top + cut, left, most, margin)
    else:
        one, two = asked[:, :cut], asked[:, cut:]
        parts = _cheapest(one, top, left, most, margin), _cheapest(two, top, left + cut, most, margin)
    together = parts[0][0] + parts[1][0]
    if fits and whole <= together:
        return whole, [tile]
    return together, parts[0][1] + parts[1][1]


def _work(
    height: Int[np.ndarray, "..."], width: Int[np.ndarray, "..."], most: int, margin: int
) -> Int[np.ndarray, "..."]:
    """What a rectangle of cells costs; one that is too large comes in several tiles."""
    tall, wide = -(-height // most), -(-width // most)
    outer = (height + 2 * margin * tall) * (width + 2 * margin * wide)
    return (1 - WITH_MARGINS) * height * width + WITH_MARGINS * outer + EACH * tall * wide


def _best_cut(asked: Bool[np.ndarray, "i j"], most: int, margin: int) -> tuple[int, int]:
    """Axis and place of the cut after which both sides, each as small as what is asked there, cost least; of several
    the one nearest to the middle."""
    found = []
    for axis, cells in enumerate((asked, asked.T)):
        if len(cells) > 1:
            work = _sides_work(cells, most, margin) + _sides_work(cells[::-1], most, margin)[::-1]
            off = np.abs(np.arange(1, len(cells)) - len(cells) / 2)
            cut = int(np.lexsort((off, work))[0])
            found.append((float(work[cut]), axis, cut + 1))
    return min(found)[1:]


def _sides_work(cells: Bool[np.ndarray, "i j"], most: int, margin: int) -> Int[np.ndarray, " c"]:
    """The work of what is asked before each cut between two rows."""
    count, wide = cells.shape
    there = cells.any(1)
    begin = np.minimum.accumulate(np.where(there, cells.argmax(1), wide))
    end = np.maximum.accumulate(np.where(there, wide - cells[:, ::-1].argmax(1), 0))
    first = int(there.argmax())
    last = np.maximum.accumulate(np.where(there, np.arange(count), 0))
    work = _work(np.maximum(last - first + 1, 0), np.maximum(end - begin, 0), most, margin)
    return np.where(np.logical_or.accumulate(there), work, 0)[:-1]
