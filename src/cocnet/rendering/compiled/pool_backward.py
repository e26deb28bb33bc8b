"""The way back through `levels` and `pool`: from a fragment's layer to its blur, from the coarse groups' means to it.

Enters: what `levels` and `pool` got and made, and gradients of the latter. Leaves: gradients of the former.
"""

import numpy as np

from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import LEAST, NOWHERE, ONE, ZERO

SAME = np.float32(1e-3)


@jit
def levels_backward(level, x, radii2, g_level, first_row, end_row, g_x):
    """Fill rows of g_x: shares are linear in the radius squared; what was put further behind does not move."""
    top = len(radii2) - 2
    for y in range(first_row, end_row):
        for i in range(x.shape[1]):
            own, found = x[y, i], level[y, i]
            g_x[y, i] = ZERO
            if found >= NOWHERE:
                continue
            size, size2 = abs(own), own * own
            below = np.int64(min(abs(found), np.float32(top)))
            share = (size2 - radii2[below]) / (radii2[below + 1] - radii2[below])
            plain = np.float32(below) + min(max(share, ZERO), ONE)
            plain = plain if own >= ZERO else -plain
            if abs(plain - found) < SAME and ZERO <= share <= ONE:
                g_x[y, i] = g_level[y, i] * np.float32(2) * size / (radii2[below + 1] - radii2[below])


@jit
def settle_backward(planes, g_planes, share, sums):
    """Gradients [d+1 h w] of what `settle` made (planes) → of sums [h w d+1], times `share`."""
    d = planes.shape[0] - 1
    for y in range(planes.shape[1]):
        for i in range(planes.shape[2]):
            mass, level = planes[d - 1, y, i], planes[d, y, i]
            of_level = g_planes[d, y, i] / max(mass, LEAST)
            for c in range(d):
                sums[y, i, c] = g_planes[c, y, i] * share
            sums[y, i, d - 1] -= of_level * level * share if mass >= LEAST else ZERO
            sums[y, i, d] = of_level * share


@jit
def pool_backward(
    value, level, group_of, shifts, starts, shapes, size, first, end, g_pooled, g_value, g_level
):
    """Add to the gradients of the rows that `pool` took from first…end of the padded picture.

    As in `pool`; group g's side s begins at starts[g, s] of g_pooled (below 0: there is none) and has shapes[g] rows
    and columns.
    """
    height, width = level.shape
    top = len(group_of) - 1
    for y in range(first, end):
        row = min(y, height - 1)
        for i in range(size[1]):
            column = min(i, width - 1)
            own = level[row, column]
            off = abs(own)
            below = np.int64(off)
            if own >= NOWHERE or (below < top and group_of[below + 1] == 0):
                continue
            share, s = off - np.float32(below), 1 if own > ZERO else 0
            g, up = group_of[min(below, top)], group_of[min(below + 1, top)]
            if g == up:
                start, shape = starts[g, s], shapes[g]
                _, along = _scatter(
                    value, row, column, ONE, own, y, i, shifts[g], shape, start, g_pooled, g_value
                )
                g_level[row, column] += along
                continue
            outward, moved = ONE if s else -ONE, ZERO
            number = np.float32(below) * outward
            if g > 0:
                start, shape, weight = starts[g, s], shapes[g], ONE - share
                less, _ = _scatter(
                    value, row, column, weight, number, y, i, shifts[g], shape, start, g_pooled, g_value
                )
                moved -= less
            if share > ZERO:
                start, shape, number = starts[up, s], shapes[up], number + outward
                more, _ = _scatter(
                    value, row, column, share, number, y, i, shifts[up], shape, start, g_pooled, g_value
                )
                moved += more
            g_level[row, column] += moved * outward


@jit
def _scatter(value, row, column, weight, level, y, i, shift, shape, start, g_pooled, g_value):
    """Add a sum's gradient to its pixel; how the weight and the layer that it entered with would change the loss."""
    d = len(value)
    v, u = y >> shift, i >> shift
    if start < 0 or v >= shape[0] or u >= shape[1]:
        return ZERO, ZERO
    at = start + (v * shape[1] + u) * (d + 1)
    mass = g_pooled[at + d]
    moved = value[d - 1, row, column] * level * mass
    for c in range(d):
        g_value[c, row, column] += g_pooled[at + c] * weight
        moved += value[c, row, column] * g_pooled[at + c]
    g_value[d - 1, row, column] += mass * level * weight
    return moved, value[d - 1, row, column] * mass * weight
