"""Hair, nets and wires that a smeared map has lost, found again in the photo: a connected piece is near as a whole.

Enters: inverse depth [1 h w] as it came and as its edges were laid, the photo, how far the map's steps are smeared.
Leaves: planes for `refine`, or None. What a thin thing leaves in a smeared map is its own shape, smeared. That of
each piece of the photo's thin structures is fitted to what the rest of the refined map doesn't explain. Where it
fits, the factor is the step of depth between the piece and what is behind; where it doesn't, the piece is a texture.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int32
from scipy import ndimage
from torch import Tensor

from cocnet.depth.refinement.guided_filter import GuidedFilter
from cocnet.depth.refinement.windows import box, highest

# Of a piece at its strongest and weakest, 0..1 of white, against what is around
CONTRAST, WEAKEST = 0.1, 0.05
# A pixel's share of the contrast amid the thing: less is more than half background
OF_THE_RIDGE, RIDGE_PX = 0.5, 2
MOST_PIECES = 64  # the largest
FITS = 0.8  # correlation of what is unexplained with the piece, smeared
WHOLE, BEYOND = 0.75, 1.5  # of the step to what is near around: it is near itself; it is nearer than that
LONG = 4  # in widths: a piece that may be nearer than all around
LAID = 0.7  # of its step: a pixel that is as near needs no help
ALREADY = 0.75  # of a piece: it stays as it is
LEAST_STEP = 0.04  # of the map's range
# Widths in which what is near is looked for; share of a piece from which it shapes the map
AROUND, TOUCHED = 6, 0.05

Map = Float32[np.ndarray, "h w"]
Mask = Bool[np.ndarray, "h w"]


@dataclass(frozen=True, eq=False)
class Piece:
    """One connected thin thing: its number among `labels`, its box there, its pixels."""

    labels: Int32[np.ndarray, "h w"]
    number: int
    box: tuple[slice, ...]
    area: int

    def within(self, margin: int) -> tuple[tuple[slice, slice], Mask]:
        """Its box with so many px around, and its pixels in it."""
        rows, columns = (
            slice(max(0, side.start - margin), side.stop + margin) for side in (self.box[0], self.box[1])
        )
        return (rows, columns), self.labels[rows, columns] == self.number


def thin_things(
    depth: Float[Tensor, "1 h w"], refined: Float[Tensor, "1 h w"], guided: GuidedFilter, width: float
) -> Float[Tensor, "7 h w"] | None:
    """Planes as `refine._sides` has them (a model of the near share, near and far depth, where they hold) of the thin
    things that aren't near yet; None where there are none. width: of a smeared step, px."""
    search = _Search(depth, refined, width)
    ridges = list(_ridges(guided.guide, search.half))
    found = search.pieces_that_fit(ridges)
    if found.beyond(search):
        found = search.knowing(found).pieces_that_fit(ridges)
    if not found.pixels.any():
        return None
    shaped = (_smeared(found.pixels, search.half) > TOUCHED) & ~found.thick | found.pixels
    a, b = guided.model(_plane(found.pixels))
    near = highest(_plane(np.where(found.pixels, found.depth, -np.inf)), max(search.half, 2))
    near = torch.where(near.isfinite(), near, _plane(search.low))
    return torch.cat([a[0], b, near, _plane(search.low), _plane(shaped)])


@dataclass(frozen=True, eq=False)
class _Found:
    """Pixels of the pieces that are near, their inverse depth, and what is near and thick."""

    pixels: Mask
    depth: Map
    thick: Mask

    def beyond(self, search: "_Search") -> bool:
        """Whether a piece is nearer than everything that the map shows around."""
        return bool((self.depth > search.low + 1.2 * search.step).any())


class _Search:
    """A map as it came and refined, with the far and near depth around each pixel."""

    def __init__(self, depth: Tensor, refined: Tensor, width: float) -> None:
        self.half, self.width = max(2, round(width / 2)), round(width)
        self.depth, self.refined = depth[0].numpy(), refined[0].numpy()
        self.low = -highest(-depth, self.width)[0].numpy()
        self.step = highest(depth, AROUND * self.width)[0].numpy() - self.low
        self.least = LEAST_STEP * float(np.ptp(self.depth))

    def knowing(self, found: _Found) -> "_Search":
        """The same search where what was found is near, too."""
        search = _Search(_plane(self.depth), _plane(self.refined), self.width)
        near = highest(_plane(found.depth), AROUND * self.width)[0].numpy()
        search.step = np.maximum(self.step, near - self.low)
        return search

    def pieces_that_fit(self, ridges: list[Map]) -> _Found:
        """Piece by piece, the largest first: what one explains isn't there for the others, nor what is beside it."""
        near = (self.refined > self.low + self.step / 2) & (self.step > self.least)
        side = 2 * self.half + 1
        thick = ndimage.maximum_filter(ndimage.minimum_filter(near, side), side)
        pieces = sorted(self._pieces(ridges, thick), key=lambda piece: -piece.area)[:MOST_PIECES]
        every = np.zeros_like(thick)
        for piece in pieces:
            every[piece.box] |= piece.labels[piece.box] == piece.number
        bare = ~thick & (_smeared(every, self.half) > TOUCHED / 2)
        unexplained = self.depth - _smeared(np.where(bare, self.low, self.refined), self.half)
        taken = ndimage.maximum_filter(thick, side)
        found = _Found(np.zeros_like(thick), np.zeros_like(self.depth), thick)
        for piece in pieces:
            self._fit(piece, unexplained, taken, found)
        return found

    def _fit(self, piece: Piece, unexplained: Map, taken: Mask, found: _Found) -> None:
        where, inside = piece.within(2 * self.half)
        free = ~taken[where]
        if 2 * (inside & free).sum() < piece.area:
            return
        shape = _smeared(inside, self.half)
        factor, fit = _regressed(unexplained[where][free], shape[free])
        low, steps = self.low[where], self.step[where]
        step = float(steps[inside].mean())
        is_long = max(side.stop - side.start for side in piece.box) >= LONG * self.width
        if (
            fit < FITS
            or step <= self.least
            or factor < WHOLE * step
            or (factor > BEYOND * step and not is_long)
        ):
            return
        unexplained[where] -= factor * shape
        taken[where] |= ndimage.maximum_filter(inside, 2 * self.half + 1)
        if (self.refined[where] - low > LAID * factor)[inside].mean() > ALREADY:
            return
        near = low + (steps[inside].max() if factor < BEYOND * step else factor)
        found.pixels[where] |= inside
        found.depth[where] = np.where(inside, near, found.depth[where])

    def _pieces(self, ridges: list[Map], thick: Mask) -> Iterator[Piece]:
        """Connected thin things of a length and contrast that count, outside of what is thick."""
        for ridge in ridges:
            peak = ndimage.maximum_filter(ridge, 2 * RIDGE_PX + 1)
            labels, count = ndimage.label(
                (ridge > WEAKEST) & (ridge > OF_THE_RIDGE * peak) & ~thick, np.ones((3, 3))
            )
            strongest = ndimage.maximum(ridge, labels, np.arange(1, count + 1))
            areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
            for i, place in enumerate(ndimage.find_objects(labels)):
                long = max(side.stop - side.start for side in place) >= self.width
                if long and strongest[i] > CONTRAST:
                    yield Piece(labels, i + 1, place, int(areas[i]))


def _ridges(guide: Float[Tensor, "3 h w"], reach: int) -> Iterator[Map]:
    """By how much each pixel is darker, and brighter, than what is around it in at most 2·reach px (top-hats)."""
    for sign in (-1.0, 1.0):
        light = sign * guide
        opened = highest(-highest(-light, reach), reach)
        yield (light - opened).amax(0).clamp_min(0).numpy()


def _regressed(values: Float32[np.ndarray, " n"], shape: Float32[np.ndarray, " n"]) -> tuple[float, float]:
    """The factor of shape in values, up to a constant, and their correlation; 0 and 0 where there is no shape."""
    if not len(values):
        return 0.0, 0.0
    x, y = shape - shape.mean(), values - values.mean()
    both, alone = float((x * y).sum()), float((x * x).sum())
    if alone <= 0:
        return 0.0, 0.0
    return both / alone, both / float(np.sqrt(alone * (y * y).sum()) + 1e-12)


def _smeared(plane: Map | Mask, reach: int) -> Map:
    """As a map smears it whose steps are about twice the reach wide."""
    return box(box(_plane(plane), reach), max(1, reach // 2))[0].numpy()


def _plane(values: Map | Mask) -> Float[Tensor, "1 h w"]:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))[None]
