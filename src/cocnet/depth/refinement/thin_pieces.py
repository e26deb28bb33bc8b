"""What a photo shows of thin things: where they stand out from what is around, in connected pieces.

Enters: a photo [3 h w]. Leaves: ridges, pieces with their pixels, and what a smeared map would show of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int32
from scipy import ndimage
from torch import Tensor

from cocnet.depth.refinement.windows import box, highest

# Of a piece at its strongest and weakest, 0..1 of white, against what is around
CONTRAST, WEAKEST = 0.1, 0.05
# A pixel's share of the contrast amid the thing: less is more than half background
OF_THE_RIDGE, RIDGE_PX = 0.5, 2

Map = Float32[np.ndarray, "h w"]
Mask = Bool[np.ndarray, "h w"]


class Ridge(NamedTuple):
    """How much a thin thing stands out, and the light without it."""

    contrast: Map
    behind: Float32[np.ndarray, "3 h w"]


@dataclass(frozen=True, eq=False)
class Piece:
    """One connected thin thing: its number among `labels`, its box there, its pixels."""

    labels: Int32[np.ndarray, "h w"]
    number: int
    box: tuple[slice, ...]
    area: int
    ridge: Ridge

    @property
    def length(self) -> int:
        """The longer side of its bounding box, px."""
        return max(side.stop - side.start for side in self.box)

    def within(self, margin: int) -> tuple[tuple[slice, slice], Mask]:
        """Its box with so many px around, and its pixels in it."""
        rows, columns = (
            slice(max(0, side.start - margin), side.stop + margin) for side in (self.box[0], self.box[1])
        )
        return (rows, columns), self.labels[rows, columns] == self.number


def ridges_of(guide: Float[Tensor, "3 h w"], reach: int) -> Iterator[Ridge]:
    """By how much each pixel is darker, and brighter, than what is around it in at most 2·reach px (top-hats)."""
    for sign in (-1.0, 1.0):
        light = sign * guide
        opened = highest(-highest(-light, reach), reach)
        yield Ridge((light - opened).amax(0).clamp_min(0).numpy(), (sign * opened).numpy())


def pieces_of(ridges: list[Ridge], thick: Mask, length: int) -> Iterator[Piece]:
    """Connected thin things of a length and contrast that count, outside of what is thick."""
    for which in ridges:
        ridge = which.contrast
        peak = ndimage.maximum_filter(ridge, 2 * RIDGE_PX + 1)
        labels, count = ndimage.label(
            (ridge > WEAKEST) & (ridge > OF_THE_RIDGE * peak) & ~thick, np.ones((3, 3))
        )
        strongest = ndimage.maximum(ridge, labels, np.arange(1, count + 1))
        areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        for i, place in enumerate(ndimage.find_objects(labels)):
            piece = Piece(labels, i + 1, place, int(areas[i]), which)
            if piece.length >= length and strongest[i] > CONTRAST:
                yield piece


def smeared(plane: Map | Mask, reach: int) -> Map:
    """A plane blurred by two box filters, as estimators blur depth: a step becomes about 2 · reach px wide."""
    return box(box(as_plane(plane), reach), max(1, reach // 2))[0].numpy()


def as_plane(values: Map | Mask) -> Float[Tensor, "1 h w"]:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))[None]
