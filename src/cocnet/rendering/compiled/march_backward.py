"""The way back through `march`: what each fragment's colour and layer changed, from what changed the picture.

Enters: the layers as `march` blurred them (`kept`), the state before them, gradients of the state after them. Leaves:
gradients of the state before, and of the fragments with their layers.
"""

import numpy as np

from cocnet.rendering.compiled.blur import blur_row
from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.march import LEAST, PER_COVERAGE, WORTH_PAIRS
from cocnet.rendering.compiled.pool import NOWHERE, ONE, ZERO
from cocnet.rendering.layers import EQUAL

HALF = np.float32(0.5)
SAME = np.float32(EQUAL) * np.finfo(np.float32).eps


@jit
def composite_backward(
    kept, edge, radii, x_last, room, covered, g_light, g_room, g_covered, first_row, end_row
):
    """The rows of `kept` become the gradients of the blurred layers, those of g_room and g_covered the gradients of
    the state before.

    kept [layers d h w+2·edge], valid from column `edge` on; radii, x_last as in `march`. Minima as in `layers`.
    """
    count, d, _, _ = kept.shape
    width = room.shape[1]
    opens, seens = np.empty((count, width), np.float32), np.empty((count, width), np.float32)
    factor, g_factor = np.empty(width, np.float32), np.empty(width, np.float32)
    there = np.empty(count, np.bool_)
    for y in range(first_row, end_row):
        open_, seen = room[y].copy(), covered[y].copy()
        for n in range(count):
            coverage = kept[n, d - 1, y, edge : edge + width]
            most = ZERO
            for i in range(width):
                most = max(most, coverage[i])
            there[n] = most > ZERO
            if there[n]:
                opens[n], seens[n] = open_, seen
                _over(coverage, radii[n], x_last[y], open_, seen)
            else:
                seen[:] = ZERO
        for n in range(count - 1, -1, -1):
            if not there[n]:
                g_covered[y] = ZERO
                continue
            g_factor[:] = ZERO
            for c in range(d - 1):
                colour, g = kept[n, c, y, edge : edge + width], g_light[c, y]
                for i in range(width):
                    g_factor[i] += g[i] * colour[i]
            coverage = kept[n, d - 1, y, edge : edge + width]
            shown = (radii[n], x_last[y])
            _over_backward(coverage, *shown, opens[n], seens[n], g_factor, g_room[y], g_covered[y], factor)
            for c in range(d - 1):
                colour, g = kept[n, c, y, edge : edge + width], g_light[c, y]
                for i in range(width):
                    colour[i] = g[i] * factor[i]


@jit
def _over(coverage, radius, x_last, open_, seen):
    """The state behind a layer: as in `march`, without light."""
    for i in range(len(coverage)):
        own = coverage[i]
        before = seen[i] * min(own * PER_COVERAGE, ONE)
        left = ONE - before
        taken = min(own, left)
        through = open_[i] if x_last[i] >= radius else ZERO
        open_[i] = max(open_[i] - through / max(left, LEAST) * taken, ZERO)
        seen[i] = before + taken


@jit
def _over_backward(coverage, radius, x_last, open_, seen, g_factor, g_room, g_covered, factor):
    """One row of one layer: its coverage becomes that's gradient, g_room and g_covered those of the state before.

    g_factor: gradients of what the layer's colours are multiplied by, which goes into `factor`.
    """
    for i in range(len(open_)):
        own = coverage[i]
        solid = own * PER_COVERAGE
        part = min(solid, ONE)
        before = seen[i] * part
        left = ONE - before
        taken = min(own, left)
        per_room, per_cover = ONE / max(left, LEAST), ONE / max(own, LEAST)
        per_room = per_room if x_last[i] >= radius else ZERO
        share = open_[i] * per_room
        times = share * taken * per_cover
        g_product = g_factor[i] * per_cover - g_room[i]
        g_own = -g_factor[i] * times * per_cover if own >= LEAST else ZERO
        g_taken = g_product * share + g_covered[i]
        g_share = g_product * taken
        to_own = HALF if abs(own - left) <= SAME else (ONE if own < left else ZERO)
        g_left = g_taken * (ONE - to_own) - (g_share * share * per_room if left >= LEAST else ZERO)
        g_before = g_covered[i] - g_left
        factor[i] = times
        coverage[i] = g_own + g_taken * to_own + (g_before * seen[i] * PER_COVERAGE if solid <= ONE else ZERO)
        g_room[i] += g_share * per_room
        g_covered[i] = g_before * part


@jit
def spread_backward(
    value, level, low, spots, halves, first, last, even, kept, wide, first_row, end_row, g_value, g_level
):
    """Add to the gradients of the rows of a fragment [d h w], unless there is no room for them, and its layer [h w].

    spots, first, last: not turned, otherwise as in `march`; kept [layers d h w+4·reach]: gradients of the blurred
    layers, `wide` columns of them. A pixel of the border stands for all beyond it.
    """
    d, height, width = value.shape
    count, reach, rows = len(spots), spots.shape[1] // 2, kept.shape[2]
    begins, ends = np.empty(count, np.int64), np.empty(count, np.int64)
    found, pair = np.empty((d, wide + 2 * reach), np.float32), np.empty(kept.shape[3], np.float32)
    share, along = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(first_row, end_row):
        _members(level[y], low, begins, ends)
        top = -reach if y == 0 else y
        bottom = rows + reach if y == height - 1 else y + 1
        for n in range(count):
            if begins[n] >= ends[n]:
                continue
            begin = begins[n] + reach if begins[n] > 0 else 0
            end = ends[n] + reach if ends[n] < width else wide + 2 * reach
            half = halves[n]
            found[:, begin:end] = ZERO
            for v in range(top, bottom):
                for k in range(reach - half, reach + half + 1):
                    row, other = v - reach + k, v + reach - k
                    paired = even[n] and k != reach and last[n, k] - first[n, k] >= WORTH_PAIRS
                    paired = paired and 0 <= row < rows and 0 <= other < rows
                    if not 0 <= row < rows or (paired and k > reach):
                        continue
                    a, b = begin + first[n, k], end + last[n, k]
                    for c in range(d):
                        source = kept[n, c, row]
                        if paired:
                            one, two, both = source[a:b], kept[n, c, other, a:b], pair[a:b]
                            for i in range(len(both)):
                                both[i] = one[i] + two[i]
                            source = pair
                        blur_row(source, spots[n, k], first[n, k], last[n, k], begin, end, found[c])
            if begin == 0:
                for c in range(d):
                    found[c, reach] += found[c, :reach].sum()
            if end > width + reach:
                for c in range(d):
                    found[c, width + reach - 1] += found[c, width + reach : end].sum()
            a, b = begins[n], ends[n]
            _share_backward(
                value[:, y, a:b],
                level[y, a:b],
                np.float32(low + n),
                found[:, a + reach : b + reach],
                share[: b - a],
                along[: b - a],
                g_value[:, y, a:b],
                g_level[y, a:b],
            )


@jit
def _members(level, low, begins, ends):
    """First and end of the columns of each layer in a row."""
    count = len(begins)
    begins[:], ends[:] = len(level), 0
    for i in range(len(level)):
        own = level[i]
        if own >= NOWHERE:
            continue
        below = np.floor(own)
        n = np.int64(below) - low
        if 0 <= n < count:
            begins[n], ends[n] = min(begins[n], i), i + 1
        if -1 <= n < count - 1 and own > below:
            begins[n + 1], ends[n + 1] = min(begins[n + 1], i), i + 1


@jit
def _share_backward(value, level, number, found, share, along, g_value, g_level):
    """One row of one layer: back from what the layer got to the fragment (if g_value isn't empty) and its layer."""
    for i in range(len(level)):
        share[i] = max(ONE - abs(level[i] - number), ZERO)
        along[i] = ZERO
    for c in range(len(value)):
        own, source = value[c], found[c]
        for i in range(len(level)):
            along[i] += source[i] * own[i]
    for i in range(len(level)):
        off = level[i] - number
        sign = -ONE if off > ZERO else (ONE if off < ZERO else ZERO)
        g_level[i] += sign * along[i] if share[i] > ZERO else ZERO
    for c in range(len(g_value)):
        source, out = found[c], g_value[c]
        for i in range(len(level)):
            out[i] += source[i] * share[i]
