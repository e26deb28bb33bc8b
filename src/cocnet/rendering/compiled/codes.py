"""Linear light to 8-bit codes, whole pixels at a time.

Enters: linear light and, for each cell of it, the code at its beginning and the light from which the next code is
nearer. Leaves: codes, equal to those of a search among all bounds.
"""

import numpy as np

from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import ONE, ZERO


@jit
def codes(light, first, next_bound, begin, end, out):
    """Rows begin…end of codes [h w 3]; cells are even from 0 to 1, NaN is 0."""
    cells = np.float32(first.shape[1] - 1)
    for y in range(begin, end):
        for c in range(3):
            row, made, starts, bounds = light[c, y], out[y, :, c], first[c], next_bound[c]
            for i in range(len(row)):
                own = row[i]
                own = min(own, ONE) if own > ZERO else ZERO
                cell = np.int64(own * cells)
                made[i] = starts[cell] + np.uint8(own >= bounds[cell])
