"""Hair, nets and wires that a smeared map has lost, found again in the photo: a connected piece is near as a whole.

Enters: inverse depth [1 h w] as it came and as its edges were laid, the photo, how far the map's steps are smeared.
Leaves: planes for `refine`, or None. What a thin thing leaves in a smeared map is its own shape, smeared. That of
each piece of the photo's thin structures is fitted to what the rest of the refined map doesn't explain. Where it
fits, the factor is the step of depth from what is behind to the piece; where it doesn't, the piece is a texture. Of
pieces in the colours of what is near and thick beside them, as hair is, less is asked: they are fitted all at once,
as hairs overlap when smeared, and are as near as that. What of all this, smeared, is less like the map than what was
there before is left out again.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy import ndimage
from torch import Tensor

from cocnet.depth.refinement.guided_filter import GuidedFilter
from cocnet.depth.refinement.shape_fit import fitted_together, regressed
from cocnet.depth.refinement.thin_pieces import (
    Map,
    Mask,
    Piece,
    Ridge,
    as_plane,
    pieces_of,
    ridges_of,
    smeared,
)
from cocnet.depth.refinement.windows import highest

MOST_PIECES = 64  # the largest
MOST_COLOURS = 256  # of what is near, that a piece is compared with
FITS = 0.8  # correlation of what is unexplained with the piece, smeared
WHOLE, BEYOND = 0.75, 1.5  # of the step to what is near around: it is near itself; it is nearer than that
LONG = 4  # in widths: a piece that may be nearer than all around
# Of a piece in the colours of what is near and thick: how far they may be off, how much of these it shows
OFF_COLOUR, SHOWS = 0.25, (0.3, 1.2)
# What it must fit beside all its like; of the step; widths; of the map's range
FITS_ALIKE, WHOLE_ALIKE, LONG_ALIKE, STEP_ALIKE = 0.6, 0.75, 2, 0.2
# Beside a piece what may be its own smear is laid anew: up to so many times that, and this part of the step
HALO, SPARE = 2.0, 0.1
TOO_NEAR = 1.3  # of the step of what is thick: it isn't laid right, unless the map says so
# Px beside a piece, which is the edge of something where this part of them is nearer than so much of its step
BESIDE_PX, EDGE, NEARER = 3, 0.35, 1 / 3
LAID = 0.7  # of its step: a pixel that is as near needs no help
ALREADY, ALREADY_ALIKE = 0.75, 0.9  # of a piece: it stays as it is
LEAST_STEP = 0.04  # of the map's range
WORSE = 0.04  # of a piece's step: so much farther off from the map on average, smeared, it isn't there
# Widths in which what is near is looked for; share of a piece from which it shapes the map
AROUND, TOUCHED = 6, 0.05


def thin_things(
    depth: Float[Tensor, "1 h w"], refined: Float[Tensor, "1 h w"], guided: GuidedFilter, width: float
) -> Float[Tensor, "7 h w"] | None:
    """Planes as `refine._sides` has them (a model of the near share, near and far depth, where they hold) of the thin
    things that aren't near yet; None where there are none. width: of a smeared step, px."""
    search = _Search(depth, refined, width, guided.guide.numpy())
    ridges = list(ridges_of(guided.guide, search.half))
    found = search.pieces_that_fit(ridges)
    if found.beyond(search):
        found = search.knowing(found).pieces_that_fit(ridges)
    search.drop_denied(found)
    if not found.pixels.any():
        return None
    near, shaped = search.laid(found)
    a, b = guided.model(as_plane(found.pixels))
    return torch.cat([a[0], b, as_plane(near), as_plane(search.low), as_plane(shaped)])


@dataclass(frozen=True, eq=False)
class _Found:
    """Pixels of the pieces that are near, their inverse depth, what is near and thick, and the pieces."""

    pixels: Mask
    depth: Map
    thick: Mask
    pieces: list[Piece] = field(default_factory=list)

    def add(self, piece: Piece, near: Map | float) -> None:
        """Have a piece in its box so near."""
        where, inside = piece.within(0)
        self.pixels[where] |= inside
        self.depth[where] = np.where(inside, near, self.depth[where])
        self.pieces.append(piece)

    def drop(self, piece: Piece) -> None:
        where, inside = piece.within(0)
        self.pixels[where] &= ~inside
        self.depth[where] = np.where(inside, 0, self.depth[where])

    def beyond(self, search: "_Search") -> bool:
        """Whether a piece is nearer than everything that the map shows around."""
        return bool((self.depth > search.low + 1.2 * search.step).any())


class _Search:
    """A map as it came and refined, with the far and near depth around each pixel."""

    def __init__(
        self, depth: Tensor, refined: Tensor, width: float, photo: Float32[np.ndarray, "3 h w"]
    ) -> None:
        self.photo = photo
        self.half, self.width = max(2, round(width / 2)), round(width)
        self.depth, self.refined = depth[0].numpy(), refined[0].numpy()
        self.low = -highest(-depth, self.width)[0].numpy()
        self.step = highest(depth, AROUND * self.width)[0].numpy() - self.low
        self.least = LEAST_STEP * float(np.ptp(self.depth))

    def knowing(self, found: _Found) -> "_Search":
        """The same search where what was found is near, too."""
        search = _Search(as_plane(self.depth), as_plane(self.refined), self.width, self.photo)
        near = highest(as_plane(found.depth), AROUND * self.width)[0].numpy()
        search.step = np.maximum(self.step, near - self.low)
        return search

    def pieces_that_fit(self, ridges: list[Ridge]) -> _Found:
        """Piece by piece, the largest first: what one explains isn't there for the others, nor what is beside it."""
        near = (self.refined > self.low + self.step / 2) & (self.step > self.least)
        side = 2 * self.half + 1
        thick = ndimage.maximum_filter(ndimage.minimum_filter(near, side), side)
        pieces = sorted(pieces_of(ridges, thick, self.width), key=lambda piece: -piece.area)[:MOST_PIECES]
        every = np.zeros_like(thick)
        for piece in pieces:
            every[piece.box] |= piece.labels[piece.box] == piece.number
        bare = ~thick & (smeared(every, self.half) > TOUCHED / 2)
        unexplained = self.depth - smeared(np.where(bare, self.low, self.refined), self.half)
        taken = ndimage.maximum_filter(thick, side)
        found = _Found(np.zeros_like(thick), np.zeros_like(self.depth), thick)
        alike = self._fit_alike([p for p in pieces if self._is_alike(p, thick)], unexplained, found)
        for piece in pieces:
            if piece not in alike:
                self._fit(piece, unexplained, taken, found)
        return found

    def laid(self, found: _Found) -> tuple[Map, Mask]:
        """How near the pieces are, around each of them, and where the map is laid anew."""
        touched = smeared(found.pixels, self.half)
        nearest = highest(as_plane(np.where(found.pixels, found.depth, -np.inf)), self.half)[0].numpy()
        near = np.where(np.isfinite(nearest), nearest, self.low)
        halo = self.refined - self.low < (HALO * touched + SPARE) * (near - self.low)
        return near, (touched > TOUCHED) & halo & ~found.thick | found.pixels

    def drop_denied(self, found: _Found) -> None:
        """Leave out the pieces with which the map, smeared as it is, is explained worse than without."""
        near, shaped = self.laid(found)
        made = np.where(shaped, np.where(found.pixels, near, self.low), self.refined)
        with_it, without = (np.abs(smeared(one, self.half) - self.depth) for one in (made, self.refined))
        for piece in list(found.pieces):
            where, inside = piece.within(2 * self.half)
            weight = smeared(inside, self.half)
            worse = float(((with_it - without)[where] * weight).sum() / weight.sum())
            if worse > WORSE * float((near - self.low)[where][inside].mean()):
                found.drop(piece)

    def _fit_alike(self, pieces: list[Piece], unexplained: Map, found: _Found) -> list[Piece]:
        """Those of the pieces in the colours of what is near and thick that fit beside each other, which may overlap
        when smeared: they are as near as that. The map must say less of them than of others."""
        places = [piece.within(2 * self.half) for piece in pieces]
        shapes = [smeared(inside, self.half) for _, inside in places]
        free = ~ndimage.maximum_filter(found.thick, 2 * self.half + 1)
        boxes = [where for where, _ in places]
        factors, whole = fitted_together(unexplained, boxes, shapes, free)
        near = []
        for piece, (where, inside), shape, factor in zip(pieces, places, shapes, factors, strict=True):
            alone = unexplained[where] - whole[where] + factor * shape
            _, fit = regressed(alone[free[where]], shape[free[where]])
            step = float(self.step[where][inside].mean())
            if (
                fit < FITS_ALIKE
                or not WHOLE_ALIKE * step <= factor <= BEYOND * step
                or step <= STEP_ALIKE * float(np.ptp(self.depth))
                or piece.length < LONG_ALIKE * self.width
            ):
                continue
            near.append(piece)
            unexplained[where] -= factor * shape
            self._lay_alike(piece, factor, found)
        return near

    def _lay_alike(self, piece: Piece, factor: float, found: _Found) -> None:
        """Make a piece as near as the thick thing beside it, unless it is near already and as the map has it."""
        where, inside = piece.within(0)
        depth = self._thick_depth(piece, found.thick)
        low, refined = self.low[where][inside], self.refined[where][inside]
        share = (refined - low) / np.maximum(depth - low, 1e-9)
        off, told = np.abs(refined - low - factor), np.abs(depth - low - factor)
        right = np.median(share) < TOO_NEAR or np.median(off) <= np.median(told)
        if right and (share > LAID).mean() > ALREADY_ALIKE:
            return
        grown, inner = piece.within(BESIDE_PX)
        ring = ndimage.binary_dilation(inner, np.ones((3, 3)), BESIDE_PX) & ~inner
        nearer = self.refined[grown] - self.low[grown] > NEARER * (depth - self.low[grown])
        if nearer[ring].mean() > EDGE:
            return
        found.add(piece, depth)

    def _thick_depth(self, piece: Piece, thick: Mask) -> float:
        """The middle depth of what is near and thick around a piece, as close to it as there is any."""
        grown = (piece.within(widths * self.width)[0] for widths in range(1, AROUND + 1))
        where = next(place for place in grown if thick[place].any())
        return float(np.median(self.refined[where][thick[where]]))

    def _is_alike(self, piece: Piece, thick: Mask) -> bool:
        """Whether the strong half of a piece is a mixture of a colour of what is near and thick around and of the
        colour behind."""
        where, inside = piece.within(0)
        wide, _ = piece.within(AROUND * self.width)
        near = self.photo[:, *wide][:, thick[wide]]
        if not near.size:
            return False
        contrast = piece.ridge.contrast[where]
        strong = inside & (contrast >= np.median(contrast[inside]))
        behind = piece.ridge.behind[:, *where][:, strong].mean(1)
        colour = self.photo[:, *where][:, strong].mean(1) - behind
        near = near[:, :: max(1, near.shape[1] // MOST_COLOURS)] - behind[:, None]
        share = colour @ near / np.maximum((near * near).sum(0), 1e-9)
        off = np.linalg.norm(colour[:, None] - share * near, axis=0) / max(
            float(np.linalg.norm(colour)), 1e-9
        )
        return bool((off[(share > SHOWS[0]) & (share < SHOWS[1])] < OFF_COLOUR).any())

    def _fit(self, piece: Piece, unexplained: Map, taken: Mask, found: _Found) -> None:
        where, inside = piece.within(2 * self.half)
        free = ~taken[where]
        if 2 * (inside & free).sum() < piece.area:
            return
        shape = smeared(inside, self.half)
        factor, fit = regressed(unexplained[where][free], shape[free])
        low, steps = self.low[where], self.step[where]
        step = float(steps[inside].mean())
        is_long = piece.length >= LONG * self.width
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
        beyond = steps[inside].max() if factor < BEYOND * step else factor
        found.add(piece, self.low[piece.within(0)[0]] + beyond)
