"""Every pixel's layer, and what the coarse groups of layers get of it, in one pass.

Enters: one fragment per pixel and its signed radius of the circle of confusion (px). Leaves: its fractional layer,
and for each coarse group and side the means of its members over scale × scale px.
"""

import numpy as np

from cocnet.rendering.compiled.jit import jit

ZERO, ONE, NOWHERE = np.float32(0), np.float32(1), np.float32(1e9)
LEAST = np.float32(1e-6)


@jit
def levels(value, x, radii2, front, first_row, end_row, level, counts):
    """Fractional layers of the rows, NOWHERE where nothing is covered.

    radii2: squared radius of each layer. front: layers of what is in front, where that is; then what is behind starts
    two layers further, at the last one if need be. counts [2 layers]: pixels that touch each, in front
    and behind.
    """
    d, _, width = value.shape
    top = len(radii2) - 2
    behind = front.shape[0] > 0
    below = 0
    for y in range(first_row, end_row):
        for i in range(width):
            if value[d - 1, y, i] <= ZERO:
                level[y, i] = NOWHERE
                continue
            own = x[y, i]
            size2 = own * own
            while below > 0 and size2 < radii2[below]:
                below -= 1
            while below < top and size2 >= radii2[below + 1]:
                below += 1
            share = (size2 - radii2[below]) / (radii2[below + 1] - radii2[below])
            found = np.float32(below) + min(max(share, ZERO), ONE)
            found = found if own >= ZERO else -found
            if behind and front[y, i] < NOWHERE:
                least = np.float32(np.floor(front[y, i])) + np.float32(2)
                found = max(found, min(least, np.float32(top)))
            level[y, i] = found
            lower, s = np.int64(abs(found)), 1 if found > ZERO else 0
            counts[s, lower] += 1
            counts[s, min(lower + 1, top)] += 1 if abs(found) > np.float32(lower) else 0


@jit
def pool(value, level, group_of, shifts, starts, size, first, end, pooled):
    """Add the rows first…end of the padded picture of `size` to the coarse groups' sums.

    group_of: the group of each layer, 0 for those of full scale. shifts: logarithms of scales to base 2. pooled is
    flat: group g's side s (0 in front, 1 behind) begins at starts[g, s], with d + 1 numbers for each of its pixels:
    one beside the other they share a line of the cache. The last one is the layer times the coverage.
    """
    d, height, width = value.shape
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
                at = starts[g, s] + ((y >> shifts[g]) * (size[1] >> shifts[g]) + (i >> shifts[g])) * (d + 1)
                for c in range(d):
                    pooled[at + c] += value[c, row, column]
                pooled[at + d] += value[d - 1, row, column] * own
                continue
            number = np.float32(below) if s else -np.float32(below)
            if g > 0:
                _gather(value, row, column, ONE - share, number, y, i, shifts[g], size, starts[g, s], pooled)
            if share > ZERO:
                number += ONE if s else -ONE
                _gather(value, row, column, share, number, y, i, shifts[up], size, starts[up, s], pooled)


@jit
def _gather(value, row, column, weight, level, y, i, shift, size, start, pooled):
    """Add a pixel's share to the sum that holds it."""
    d = len(value)
    at = start + ((y >> shift) * (size[1] >> shift) + (i >> shift)) * (d + 1)
    for c in range(d):
        pooled[at + c] += value[c, row, column] * weight
    pooled[at + d] += value[d - 1, row, column] * weight * level


@jit
def settle(sums, share, begin, end, out):
    """Rows of means from sums [h w d+1]; layer times coverage → layer, in the last plane of `out`."""
    d = sums.shape[2] - 1
    for y in range(begin, end):
        for c in range(d + 1):
            row = out[c, y]
            for i in range(len(row)):
                row[i] = sums[y, i, c] * share
        mass, level = out[d - 1, y], out[d, y]
        for i in range(len(mass)):
            level[i] /= max(mass[i], LEAST)
