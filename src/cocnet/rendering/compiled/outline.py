"""Silhouettes and the narrow band along them, as `fragments.silhouettes` and `matting` choose them.

Enters: the signed radius of the circle of confusion (px, + behind the focus). Leaves: where it jumps.
"""

import numpy as np

from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import ZERO

TWO, HALF = np.float32(2), np.float32(0.5)


@jit
def silhouettes(x, whole, jump, sharp_jump, sharp, ratio, begin, end, rim):
    """Mark the pixels of rows begin…end on both sides of true jumps.

    whole: empty, or where small jumps don't count.
    """
    height, width = x.shape
    torn = np.empty(width, np.bool_)
    for y in range(begin, end):
        own = x[y]
        rim[y] = False
        for side in range(2):
            a = y - 1 + side
            if a < 0 or a + 1 >= height:
                continue
            before, one, two, after = x[max(a - 1, 0)], x[a], x[a + 1], x[min(a + 2, height - 1)]
            for i in range(width):
                torn[i] = _torn(before[i], one[i], two[i], after[i], jump, sharp_jump, sharp, ratio)
            if len(whole):
                for i in range(width):
                    if torn[i] and (whole[a, i] or whole[a + 1, i]):
                        torn[i] = _torn(before[i], one[i], two[i], after[i], jump, jump, sharp, ratio)
            for i in range(width):
                rim[y, i] |= torn[i]
        for i in range(width - 1):
            before, after = own[max(i - 1, 0)], own[min(i + 2, width - 1)]
            least = jump if len(whole) and (whole[y, i] or whole[y, i + 1]) else sharp_jump
            if _torn(before, own[i], own[i + 1], after, jump, least, sharp, ratio):
                rim[y, i] = rim[y, i + 1] = True


@jit
def _torn(before, one, two, after, jump, sharp_jump, sharp, ratio):
    """Whether x jumps between `one` and `two`, more than it goes on on both sides."""
    step = two - one
    size = abs(step)
    sign = np.float32(1) if step > ZERO else -np.float32(1)
    slope = max(min((one - before) * sign, (after - two) * sign), ZERO)
    small = abs(min(one, two)) < sharp
    return (size > ratio * slope) & ((size > jump) | (small & (size > sharp_jump)))


@jit
def jumps(x, rim, begin, end, jump):
    """How far x jumps at the silhouettes' pixels of the rows, 0 elsewhere."""
    for y in range(begin, end):
        for i in range(x.shape[1]):
            jump[y, i] = ZERO
            if rim[y, i]:
                low, high = _extremes(x, y, i)
                jump[y, i] = high - low


@jit
def touching(x, rim, jump, begin, end, band):
    """Mark the pixels of the rows that touch both sides of a jump."""
    height, width = x.shape
    beside = np.zeros(width + 2, np.uint8)
    for y in range(begin, end):
        above, own, below = rim[max(y - 1, 0)], rim[y], rim[min(y + 1, height - 1)]
        for i in range(width):
            beside[i + 1] = above[i] | own[i] | below[i]
        for i in range(width):
            band[y, i] = own[i]
            if own[i] or not (beside[i] | beside[i + 1] | beside[i + 2]):
                continue
            most = ZERO
            for r in range(max(y - 1, 0), min(y + 2, height)):
                for c in range(max(i - 1, 0), min(i + 2, width)):
                    most = max(most, jump[r, c])
            low, high = _extremes(x, y, i)
            band[y, i] = high - low > HALF * most


@jit
def middles(x, rows, columns, middle):
    """The x that parts the two sides, of each pixel of the band."""
    for p in range(len(rows)):
        low, high = _extremes(x, rows[p], columns[p])
        middle[p] = (low + high) / TWO


@jit
def _extremes(x, y, i):
    height, width = x.shape
    low = high = x[y, i]
    for r in range(max(y - 1, 0), min(y + 2, height)):
        for c in range(max(i - 1, 0), min(i + 2, width)):
            low, high = min(low, x[r, c]), max(high, x[r, c])
    return low, high
