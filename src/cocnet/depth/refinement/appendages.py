"""Thin things that end where a subject's mask does though they are the subject's: antennae, whiskers, a rim.

Enters: a mask [h w] in 0..1 whose edge was laid along the photo's, the photo. Leaves: the mask with them. A line in
the photo that begins at the mask and ends in the open is taken where most of what is as thin around it is such a
line: in grass or foliage few of many thin things touch the subject, and only by chance. One that lies along the
mask's edge is its rim.
"""

from collections.abc import Iterable
from itertools import compress

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from cocnet.depth.estimators.estimator import Rgb
from cocnet.depth.refinement.guided_filter import GuidedFilter, shrunk, stripes, working_size
from cocnet.depth.refinement.thin_pieces import Map, Mask, Piece, as_plane, pieces_of, ridges_of

SEEN_SIDE_PX = 256  # of the picture that the mask's network sees
CELLS = 2  # of its pixels: half as wide as what it may miss
TOUCHING_PX = 2.0  # a piece's pixel that is nearer to the mask than this touches it
AROUND = 6  # widths, or the piece's length: there it is seen whether thin things are everywhere
LONG = 4  # times as long as wide: a line
CURLED = 2  # times the outline of its box is that of a line at most; that of a net of lines is longer
RIM = 2  # widths: what is shorter is no rim
_GUIDE_REACH, _GUIDE_VARIANCE = 2, 1e-4


def with_appendages(mask: Float32[np.ndarray, "h w"], rgb: Rgb, area_px: int) -> Float32[np.ndarray, "h w"]:
    """A mask and the thin things that grow out of it, looked for on so many pixels, along the photo at its size."""
    guide = shrunk(rgb, working_size(rgb.shape[0], rgb.shape[1], area_px))
    plane = torch.from_numpy(np.ascontiguousarray(mask))[None, None]
    small = functional.interpolate(plane, guide.shape[-2:], mode="bilinear", antialias=True)[0, 0]
    found = appendages(guide, small.numpy() > 0.5)
    if not found.any():
        return mask
    a, b = GuidedFilter(guide, _GUIDE_REACH, _GUIDE_VARIANCE).model(as_plane(found))
    out = mask.copy()
    for rows, photo, model in stripes(rgb, torch.cat([a[0], b])):
        share = (model[:3] * photo).sum(0) + model[3]
        np.maximum(out[rows], share.clamp(0, 1).numpy(), out=out[rows])
    return out


def appendages(photo: Float[Tensor, "3 h w"], solid: Mask) -> Mask:
    """The pixels of the thin things that belong to what is solid."""
    found = np.zeros_like(solid)
    if not solid.any() or solid.all():
        return found
    reach = max(1, round(CELLS * solid.size**0.5 / SEEN_SIDE_PX))
    width = 2 * reach + 1
    pieces = list(pieces_of(list(ridges_of(photo, reach)), solid, width))
    distance = ndimage.distance_transform_edt(~solid).astype(np.float32)
    growing = [_grows_out(piece, distance, width) for piece in pieces]
    own = _contrast(compress(pieces, growing), solid)
    others = _contrast((piece for piece, grows in zip(pieces, growing, strict=True) if not grows), solid)
    others[ndimage.maximum_filter(own > 0, width)] = 0
    own, others = _corner_sums(own), _corner_sums(others)
    for piece in compress(pieces, growing):
        margin = max(AROUND * width, piece.length)
        alone = _around(piece, own, margin) > _around(piece, others, margin)
        if (alone and _is_in_the_open(piece, distance, width)) or _is_rim(piece, distance, width):
            found[piece.box] |= _inside(piece)
    return found


def _inside(piece: Piece) -> Mask:
    return piece.labels[piece.box] == piece.number


def _grows_out(piece: Piece, distance: Map, width: int) -> bool:
    """Whether a piece within the picture touches the mask, is a line and not a net of lines, and doesn't bridge two
    parts of the mask: cut where it is farthest off, only one of its parts touches."""
    inside = _inside(piece)
    off = np.where(inside, distance[piece.box], np.inf)
    if off.min() >= TOUCHING_PX or LONG * piece.area > piece.length**2:
        return False
    farthest = np.unravel_index(np.where(inside, off, 0).argmax(), off.shape)
    if off[farthest] <= width:
        return True
    ends = zip(piece.box, distance.shape, strict=True)
    if any(side.start == 0 or side.stop == count for side, count in ends):
        return False
    if _outline(inside) > CURLED * 2 * sum(inside.shape):
        return False
    inside[tuple(slice(max(0, at - width // 2), at + width // 2 + 1) for at in farthest)] = False
    parts, count = ndimage.label(inside, np.ones((3, 3)))
    nearest = ndimage.minimum(off, parts, np.arange(1, count + 1))
    return int((nearest < TOUCHING_PX).sum()) == 1


def _is_in_the_open(piece: Piece, distance: Map, width: int) -> bool:
    """Whether what is around a piece, away from the mask and without thin things, varies less than it stands out, at
    its far end, too. A line of the background ends where another thing begins."""
    (rows, columns), inside = piece.within(2 * width)
    away = distance[rows, columns] >= width
    if not (inside & away).any():
        return False
    behind, side = piece.ridge.behind[:, rows, columns], 2 * width + 1
    lightest = ndimage.maximum_filter(np.where(away, behind, -np.inf), (1, side, side))
    darkest = ndimage.minimum_filter(np.where(away, behind, np.inf), (1, side, side))
    varied = (lightest - darkest).max(0)
    tip = np.unravel_index(np.where(inside, distance[rows, columns], -1).argmax(), inside.shape)
    stands_out = float(piece.ridge.contrast[rows, columns][inside].mean())
    return max(float(varied[inside & away].mean()), float(varied[tip])) < stands_out


def _outline(inside: Mask) -> int:
    """How many sides of pixels lie between what is inside and what isn't."""
    framed = np.pad(inside, 1)
    return int(sum((framed != np.roll(framed, 1, axis)).sum() for axis in (0, 1)))


def _is_rim(piece: Piece, distance: Map, width: int) -> bool:
    """Whether a piece touches the mask all along and is nowhere farther off than thin things are wide."""
    off = distance[piece.box][_inside(piece)]
    along = int((off < TOUCHING_PX).sum())
    return piece.length >= RIM * width and along >= piece.length and float(off.max()) <= width


def _contrast(pieces: Iterable[Piece], like: Mask) -> Map:
    """How much some pieces stand out, 0 elsewhere."""
    contrast = np.zeros(like.shape, np.float32)
    for piece in pieces:
        contrast[piece.box] += _inside(piece) * piece.ridge.contrast[piece.box]
    return contrast


def _corner_sums(values: Map) -> Float64[np.ndarray, "h1 w1"]:
    """Sums of all that is above and left of each pixel's corner."""
    return np.pad(values.cumsum(0, np.float64).cumsum(1), ((1, 0), (1, 0)))


def _around(piece: Piece, sums: Float64[np.ndarray, "h1 w1"], margin: int) -> float:
    """The sum over a piece's box and so many px around."""
    (top, bottom), (left, right) = (
        (max(0, side.start - margin), min(corners - 1, side.stop + margin))
        for side, corners in zip(piece.box, sums.shape, strict=True)
    )
    return float(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left])
