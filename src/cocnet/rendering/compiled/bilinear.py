"""A picture at twice its scale, bilinear with pixels' middles aligned: one number, a row, and the way back."""

import numpy as np

from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import ZERO

NEAR, FAR = np.float32(0.75), np.float32(0.25)


@jit
def between(plane, near_y, far_y, near_x, far_x):
    """A number at twice the scale of the plane: a nearer and a farther row and column of it."""
    return NEAR * (NEAR * plane[near_y, near_x] + FAR * plane[near_y, far_x]) + FAR * (
        NEAR * plane[far_y, near_x] + FAR * plane[far_y, far_x]
    )


@jit
def between_rows(plane, y, row):
    """The row of `plane` at row y of twice the scale."""
    near = y // 2
    far = max(near - 1, 0) if y % 2 == 0 else min(near + 1, plane.shape[0] - 1)
    one, two = plane[near], plane[far]
    for i in range(len(row)):
        row[i] = NEAR * one[i] + FAR * two[i]


@jit
def along(small, large):
    """A row at twice the scale, cut to the length of `large`."""
    count = len(small)
    for i in range(len(large)):
        near = i // 2
        far = max(near - 1, 0) if i % 2 == 0 else min(near + 1, count - 1)
        large[i] = NEAR * small[near] + FAR * small[far]


@jit
def double_backward(fine, begin, end, coarse):
    """Fill rows of the gradients of a picture from those of the same at twice the scale, cut to any size."""
    count, height, width = fine.shape
    _, small_h, small_w = coarse.shape
    row = np.empty(2 * small_w + 2, np.float32)
    inner = max(small_w - 1, 1)
    for y in range(begin, end):
        for k in range(count):
            row[:] = ZERO
            out = row[1 : 1 + width]
            for v in range(max(2 * y - 1, 0), min(2 * y + 3, height)):
                share, source = _share(v, y, small_h), fine[k, v]
                for i in range(width):
                    out[i] += share * source[i]
            made = coarse[k, y]
            for i in range(1, inner):
                made[i] = NEAR * (row[2 * i + 1] + row[2 * i + 2]) + FAR * (row[2 * i] + row[2 * i + 3])
            for i in (0, small_w - 1):
                found = ZERO
                for u in range(max(2 * i - 1, 0), min(2 * i + 3, width)):
                    found += _share(u, i, small_w) * out[u]
                made[i] = found


@jit
def _share(large, small, count):
    """How much of a number at half the scale is in one at twice it."""
    near = large // 2
    far = max(near - 1, 0) if large % 2 == 0 else min(near + 1, count - 1)
    return (NEAR if near == small else ZERO) + (FAR if far == small else ZERO)
