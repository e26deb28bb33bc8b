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
    """Add to the gradients of the rows that `pool` took from first…end of the padded picture; g_value may be empty.

    As in `pool`; group g's side s begins at starts[g, s] of g_pooled (below 0: there is none) and has shapes[g] rows
    and columns. The last d + 1 numbers of g_pooled are 0: for pixels that gave nothing.
    """
    d, height, width = value.shape
    nowhere = len(g_pooled) - d - 1
    at, weight = np.empty((2, size[1]), np.int64), np.empty((2, size[1]), np.float32)
    number, sign = np.empty((2, size[1]), np.float32), np.empty((2, size[1]), np.float32)
    line, g_line = np.empty(size[1], np.float32), np.empty(size[1], np.float32)
    moved = np.empty((2, size[1]), np.float32)
    for y in range(first, end):
        row = min(y, height - 1)
        a, b = _places(level[row], y, group_of, shifts, starts, shapes, nowhere, d, at, weight, number, sign)
        if a >= b:
            continue
        moved[:, a:b] = ZERO
        for c in range(d):
            line[:width] = value[c, row]
            line[width:] = value[c, row, width - 1]
            for i in range(a, b):
                one, two = g_pooled[at[0, i] + c], g_pooled[at[1, i] + c]
                if c == d - 1:
                    one += g_pooled[at[0, i] + d] * number[0, i]
                    two += g_pooled[at[1, i] + d] * number[1, i]
                moved[0, i] += one * line[i]
                moved[1, i] += two * line[i]
                g_line[i] = one * weight[0, i] + two * weight[1, i]
            if len(g_value):
                _add_line(g_line, a, b, g_value[c, row])
        for i in range(a, b):
            along = sign[0, i] * moved[0, i] + sign[1, i] * moved[1, i]
            alone = g_pooled[at[0, i] + d] * line[i] if sign[0, i] == ZERO else ZERO
            g_line[i] = along + alone
        _add_line(g_line, a, b, g_level[row])


@jit
def _places(level, y, group_of, shifts, starts, shapes, nowhere, d, at, weight, number, sign):
    """Where a row's pixels went: two places, with the weight and the layer that each entered with, and whether that
    weight grows with the layer; 0: all of the pixel went there with its own layer.

    Returned: the first column that gave anything, and the end of these.
    """
    top, width = len(group_of) - 1, len(level)
    first, end = at.shape[1], 0
    for i in range(at.shape[1]):
        at[0, i] = at[1, i] = nowhere
        weight[0, i] = weight[1, i] = number[0, i] = number[1, i] = sign[0, i] = sign[1, i] = ZERO
        own = level[min(i, width - 1)]
        off = abs(own)
        below = np.int64(off)
        if own >= NOWHERE or (below < top and group_of[below + 1] == 0):
            continue
        first, end = min(first, i), i + 1
        share, s = off - np.float32(below), 1 if own > ZERO else 0
        g, up = group_of[min(below, top)], group_of[min(below + 1, top)]
        if g == up:
            at[0, i] = _place(y, i, shifts[g], shapes[g, 0], shapes[g, 1], starts[g, s], d, nowhere)
            weight[0, i], number[0, i] = ONE, own
            continue
        outward = ONE if s else -ONE
        sign[0, i], sign[1, i] = -outward, outward
        if g > 0:
            at[0, i] = _place(y, i, shifts[g], shapes[g, 0], shapes[g, 1], starts[g, s], d, nowhere)
            weight[0, i], number[0, i] = ONE - share, np.float32(below) * outward
        if share > ZERO:
            at[1, i] = _place(y, i, shifts[up], shapes[up, 0], shapes[up, 1], starts[up, s], d, nowhere)
            weight[1, i], number[1, i] = share, np.float32(below + 1) * outward
    return first, end


@jit
def _place(y, i, shift, rows, columns, start, d, nowhere):
    """Where the sums of a pixel begin."""
    v, u = y >> shift, i >> shift
    return start + (v * columns + u) * (d + 1) if start >= 0 and v < rows and u < columns else nowhere


@jit
def _add_line(line, first, end, out):
    """Add a row's columns first…end; what lies beyond `out` is its last pixel's."""
    width = len(out)
    for i in range(first, min(end, width)):
        out[i] += line[i]
    for i in range(max(first, width), end):
        out[width - 1] += line[i]
