"""Mean colours of both sides around a pixel of the band, for the rounds of `mixture` and their gradients.

Enters: what `mixture` knows, and what its band's pixels have found. Leaves: the colour in front, that behind.
"""

import numpy as np

from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import ONE, ZERO

TINY = np.float32(1e-12)
REACH = 2  # px of a window around its middle


@jit
def neighbours_means(kinds, image, x, number, place, fall, least, old, means):
    """Fill means [2 c], of either side, from what is around a pixel of the band (place: row, column, what parts its
    sides); the sums of weights, near and far."""
    channels = len(kinds)
    height, width = x.shape
    row, column, parting = place
    total_near = total_far = ZERO
    means[:] = ZERO
    for r in range(max(row - REACH, 0), min(row + REACH + 1, height)):
        for c in range(max(column - REACH, 0), min(column + REACH + 1, width)):
            weight = fall[r - row + REACH, c - column + REACH]
            q = number[r, c]
            if q >= 0:
                near, far = weight * (old[q, 1] + least), weight * (old[q, 2] + least)
                for k in range(channels):
                    means[0, k] += near * old[q, 3 + k]
                    means[1, k] += far * old[q, 3 + channels + k]
            else:
                is_near = ONE if x[r, c] < parting else ZERO
                near, far = weight * (is_near + least), weight * (ONE - is_near + least)
                for k in range(channels):
                    means[0, k] += near * image[k, r, c]
                    means[1, k] += far * image[k, r, c]
            total_near += near
            total_far += far
    total_near, total_far = max(total_near, TINY), max(total_far, TINY)
    for k in range(channels):
        means[0, k] /= total_near
        means[1, k] /= total_far
    return total_near, total_far
