"""EXIF orientation: one rule for photo, alpha and depth, so that they turn together."""

import numpy as np
from jaxtyping import Shaped

_FLIP_ROWS = (3, 4, 6, 7)
_FLIP_COLUMNS = (2, 3, 7, 8)
_TRANSPOSE = (5, 6, 7, 8)


def upright(array: Shaped[np.ndarray, "h w *c"], orientation: int) -> Shaped[np.ndarray, "h2 w2 *c"]:
    """Turn a stored picture [h w …] upright by its EXIF orientation 1–8; other values change nothing.

    Source: EXIF 2.32, tag 274 (5 transpose, 6 quarter turn clockwise, 7 transverse, 8 counter-clockwise).
    """
    turned = array[::-1] if orientation in _FLIP_ROWS else array
    turned = turned[:, ::-1] if orientation in _FLIP_COLUMNS else turned
    return np.ascontiguousarray(turned.swapaxes(0, 1) if orientation in _TRANSPOSE else turned)
