"""The layers of a tile, blurred and composited from front to back in one go, while they lie in the cache.

Enters: up to two fragments per pixel with their layers, the spots of these, and what has been gathered in front.
Leaves: light, transmittance and coverage of the current surface, changed in place (as `layers.State`).
"""

import numpy as np

from cocnet.rendering.compiled.blur import blur_row
from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import NOWHERE, ONE, ZERO
from cocnet.rendering.layers import CONNECTED

LEAST = np.float32(1e-6)
WORTH_PAIRS = 5  # numbers in a spot's row from which on it is quicker to add such rows first
PER_COVERAGE = np.float32(1 / CONNECTED)


@jit
def march(
    one,
    one_level,
    two,
    two_level,
    low,
    spots,
    halves,
    first,
    last,
    even,
    radii,
    x_last,
    light,
    room,
    covered,
    top,
    left,
    tall,
    wide,
    kept,
):
    """Add the layers from `low` on, front to back, to the state in the window of tall × wide px at (top, left).

    one, two [d h w] with layers [h w]; two may be empty. spots [layers k k]: each layer's spot, turned by 180°, in
    the middle of a frame of zeros, and how far it reaches from there; first, last [layers k]: what of its rows isn't
    0; even [layers]: whether it is the same upside down; radii [layers]: signed, px; those above x_last aren't seen.
    Outside the picture its border goes on.
    kept [layers d h w+4·reach], or empty: gets the blurred layers, where they are, from column 2·reach on.
    """
    d, height, width = one.shape
    count, reach = spots.shape[0], spots.shape[1] // 2
    tall, wide = min(tall, room.shape[0] - top), min(wide, room.shape[1] - left)
    rows, columns = tall + 2 * reach, wide + 2 * reach
    begins, ends = np.full((2, count, rows), columns, np.int64), np.zeros((2, count, rows), np.int64)
    inner, outer = max(0, reach - left), min(columns, width - left + reach)  # columns inside the picture
    _ranges(one_level, low, top - reach, left - reach, columns, inner, outer, begins[0], ends[0])
    if len(two):
        _ranges(two_level, low, top - reach, left - reach, columns, inner, outer, begins[1], ends[1])
    begin_of, end_of = np.minimum(begins[0], begins[1]), np.maximum(ends[0], ends[1])
    part, sums = np.empty((rows, d, columns), np.float32), np.empty((d, wide), np.float32)
    pair, share = np.empty((d, columns), np.float32), np.empty(columns, np.float32)
    for n in range(count):
        half = halves[n]
        for y in range(reach - half, rows - reach + half):
            begin, end = begin_of[n, y], end_of[n, y]
            if begin >= end:
                continue
            part[y, :, max(0, begin - 2 * reach - 8) : end + 2 * reach + 8] = ZERO
            row = min(max(top - reach + y, 0), height - 1)
            a, b = begins[0, n, y], ends[0, n, y]
            if a < b:
                _share(one, one_level, low + n, row, left - reach, inner, outer, a, b, share, part[y])
            a, b = begins[1, n, y], ends[1, n, y]
            if a < b:
                _share(two, two_level, low + n, row, left - reach, inner, outer, a, b, share, part[y])
        for y in range(tall):
            begin, end = columns, 0
            for k in range(y + reach - half, y + reach + half + 1):
                begin, end = min(begin, begin_of[n, k]), max(end, end_of[n, k])
            begin, end = max(0, begin - reach - half), min(wide, end - reach + half)
            seen = covered[top + y, left : left + wide]
            if begin >= end:
                seen[:] = ZERO
                continue
            seen[:begin] = ZERO
            seen[end:] = ZERO
            sums[:, begin:end] = ZERO
            for k in range(reach - half, reach + half + 1):
                upper, lower = y + k, y + 2 * reach - k
                a, b = begin_of[n, upper], end_of[n, upper]
                paired = even[n] and k != reach and last[n, k] - first[n, k] >= WORTH_PAIRS
                paired = paired and a < b and begin_of[n, lower] < end_of[n, lower]
                if a >= b or (paired and k > reach):
                    continue
                if paired:
                    other_a, other_b = begin_of[n, lower], end_of[n, lower]
                    _pair(part[upper], a, b, part[lower], other_a, other_b, 2 * reach + 8, pair)
                    a, b = min(a, other_a), max(b, other_b)
                a, b = max(begin, a - reach - half), min(end, b - reach + half)
                for c in range(d if a < b else 0):
                    source = pair[c] if paired else part[upper, c]
                    blur_row(source, spots[n, k], first[n, k], last[n, k], a, b, sums[c])
            if len(kept):
                at = left + 2 * reach
                kept[n, :, top + y, at + begin : at + end] = sums[:, begin:end]
            open_, shown = room[top + y, left : left + wide], x_last[top + y, left : left + wide]
            _add(sums, begin, end, light, open_, seen, share, shown, radii[n], top + y, left)


@jit
def _ranges(level, low, top, left, columns, inner, outer, begins, ends):
    """First and end of the columns of each layer in each row of the window."""
    height, count = level.shape[0], len(begins)
    for y in range(begins.shape[1]):
        row = level[min(max(top + y, 0), height - 1)]
        for i in range(inner, outer):
            own = row[left + i]
            if own >= NOWHERE:
                continue
            below = np.floor(own)
            n = np.int64(below) - low
            if 0 <= n < count:
                begins[n, y], ends[n, y] = min(begins[n, y], i), i + 1
            if -1 <= n < count - 1 and own > below:
                begins[n + 1, y], ends[n + 1, y] = min(begins[n + 1, y], i), i + 1
        for n in range(count):
            if begins[n, y] == inner:
                begins[n, y] = 0
            if ends[n, y] == outer:
                ends[n, y] = columns


@jit
def _share(value, level, number, row, left, inner, outer, begin, end, share, part):
    """Add the layer's share of one row of the window; the border goes on outside the picture."""
    a, b = max(begin, inner), min(end, outer)
    layers, weights = level[row, left + a : left + b], share[: b - a]
    middle = np.float32(number)
    for i in range(len(weights)):
        weights[i] = max(ONE - abs(layers[i] - middle), ZERO)
    for c in range(len(value)):
        source, out = value[c, row, left + a : left + b], part[c, a:b]
        for i in range(len(weights)):
            out[i] += source[i] * weights[i]
        part[c, begin:a] += source[0] * weights[0]
        part[c, b:end] += source[b - a - 1] * weights[b - a - 1]


@jit
def _pair(one, one_begin, one_end, two, two_begin, two_end, margin, sums):
    """The sum of two rows that a spot treats alike, with zeros around it."""
    begin, end = max(0, min(one_begin, two_begin) - margin), max(one_end, two_end) + margin
    for c in range(len(one)):
        out = sums[c, begin:end]
        for i in range(len(out)):
            out[i] = ZERO
        out, source = sums[c, one_begin:one_end], one[c, one_begin:one_end]
        for i in range(len(out)):
            out[i] = source[i]
        out, source = sums[c, two_begin:two_end], two[c, two_begin:two_end]
        for i in range(len(out)):
            out[i] += source[i]


@jit
def _add(sums, begin, end, light, room, covered, factor, x_last, radius, row, left):
    """One layer behind the state: it takes the room that its surface has left (as in `layers`)."""
    d, x_last = len(sums), x_last[begin:end]
    coverage, open_, seen = sums[d - 1, begin:end], room[begin:end], covered[begin:end]
    for i in range(len(coverage)):
        own = coverage[i]
        before = seen[i] * min(own * PER_COVERAGE, ONE)
        left_over = ONE - before
        taken = min(own, left_over)
        through = open_[i] if x_last[i] >= radius else ZERO
        share = through / max(left_over, LEAST)
        factor[i] = share * taken / max(own, LEAST)
        open_[i] = max(open_[i] - share * taken, ZERO)
        seen[i] = before + taken
    for c in range(d - 1):
        out, source = light[c, row, left + begin : left + end], sums[c, begin:end]
        for i in range(len(source)):
            out[i] += source[i] * factor[i]
