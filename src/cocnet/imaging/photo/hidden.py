"""Colours that nobody sees: what lies in wholly transparent pixels is arbitrary, and a blur would spread it.

Enters: a photo. Leaves: the photo with the colour of the nearest solid pixel there; of large photos, of the nearest
block of pixels, so that no more than `MOST_CELLS` distances are held.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Shaped
from scipy import ndimage

from cocnet.imaging.photo.photo import Photo

MOST_CELLS = 1 << 22
SOLID = 0.9  # of the largest alpha: soft edges below it hold some of what was behind them, or nothing but rounding


def fill_hidden(photo: Photo) -> Photo:
    """The photo with other colours where its alpha is 0; itself where it has no such pixel, or no other."""
    alpha = photo.alpha
    if alpha is None or alpha.shape != photo.pixels.shape[:2] or alpha.all() or not alpha.any():
        return photo
    step = int(np.ceil((alpha.size / MOST_CELLS) ** 0.5))
    colours = _nearest(_sums(photo.pixels, alpha, step)).astype(photo.pixels.dtype)
    pixels = photo.pixels.copy()
    for y, x in np.ndindex(step, step):
        hidden = alpha[y::step, x::step, None] == 0
        np.copyto(pixels[y::step, x::step], colours[: hidden.shape[0], : hidden.shape[1]], where=hidden)
    return replace(photo, pixels=pixels)


def _sums(
    pixels: Shaped[np.ndarray, "h w 3"], alpha: Shaped[np.ndarray, "h w"], step: int
) -> Float32[np.ndarray, "i j 4"]:
    """Over each block of step × step px: the codes of solid pixels, and how many they are."""
    total = np.zeros((*(-(-length // step) for length in alpha.shape), 4), np.float32)
    least = SOLID * float(alpha.max())
    for y, x in np.ndindex(step, step):
        solid = alpha[y::step, x::step, None] >= least
        part = total[: solid.shape[0], : solid.shape[1]]
        part[..., :3] += pixels[y::step, x::step] * solid
        part[..., 3:] += solid
    return total


def _nearest(total: Float32[np.ndarray, "i j 4"]) -> Float32[np.ndarray, "i j 3"]:
    """The mean code of each block, of one without pixels that of the nearest with some."""
    empty = total[..., 3] == 0
    rows, columns = ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
    found = total[rows, columns]
    return np.rint(found[..., :3] / found[..., 3:])
