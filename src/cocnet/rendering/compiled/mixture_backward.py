"""The way back through `mixture`: from what α and both colours changed to what the photo and x did.

Enters: what `mixture` got and made, and gradients [p 1+2c] of α, the colour in front, that behind. Leaves: the same
of the round before, and gradients of the photo and of x, to which rows add. Weights that `matting` finds without
gradients have none here. What a pixel of the band tells its window is written down first (`told`), so that rows can
be shared out to threads: every row takes what the band's pixels around it have told.
"""

import numpy as np

from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.neighbours import REACH, neighbours_means
from cocnet.rendering.compiled.pool import ONE, ZERO
from cocnet.rendering.compiled.solve_backward import HIGH, LOW, OWN, solve_backward

FOUR = np.float32(4)


@jit
def again_backward(about, fall, facts, begin, end, old, g_found, told, g_old, g_spread, rest):
    """Fill told [p 2 c+1], for each side the gradient of its mean over the weights' sum, and the mean's product with
    that, and g_old's α; add to gradients of spreads [p 2 c c] and to rest [p 3 c].

    rest: gradients of the pixel's own light, of the least and of the greatest light around.
    """
    kinds, image, x, number, rows, columns, middle, outline, constants = about
    channels = len(kinds)
    least = constants[1]
    means, g_mean = np.empty((2, channels), np.float32), np.empty((2, channels))
    matrix, own = np.empty((channels, 2 * channels)), np.empty(channels, np.float32)
    for p in range(begin, end):
        row, column = rows[p], columns[p]
        place = row, column, middle[p]
        totals = neighbours_means(kinds, image, x, number, place, fall, least, old, means)
        for k in range(channels):
            own[k] = image[k, row, column]
        given = (own, outline[p], means, facts[p], old[p, 0])
        g_old[p, 0] = solve_backward(
            kinds, constants, given, g_found[p], matrix, g_mean, g_spread[p], rest[p]
        )
        for s in range(2):
            along = 0.0
            for k in range(channels):
                along += g_mean[s, k] * means[s, k]
                told[p, s, k] = g_mean[s, k] / totals[s]
            told[p, s, channels] = along / totals[s]


@jit
def again_told(about, fall, old, told, first, last, begin, end, g_old, g_image):
    """Add to the gradients of the photo's rows begin…end and of the band there what pixels first…last have told."""
    kinds, _, x, number, rows, columns, middle, _, constants = about
    channels = len(kinds)
    width = x.shape[1]
    least = constants[1]
    for p in range(first, last):
        row, column = rows[p], columns[p]
        for r in range(max(row - REACH, begin), min(row + REACH + 1, end)):
            for c in range(max(column - REACH, 0), min(column + REACH + 1, width)):
                weight = fall[r - row + REACH, c - column + REACH]
                q = number[r, c]
                if q < 0:
                    is_near = ONE if x[r, c] < middle[p] else ZERO
                    near, far = weight * (is_near + least), weight * (ONE - is_near + least)
                    for k in range(channels):
                        g_image[k, r, c] += near * told[p, 0, k] + far * told[p, 1, k]
                    continue
                near, far = weight * (old[q, 1] + least), weight * (old[q, 2] + least)
                along_near, along_far = -told[p, 0, channels], -told[p, 1, channels]
                for k in range(channels):
                    g_old[q, 1 + k] += near * told[p, 0, k]
                    g_old[q, 1 + channels + k] += far * told[p, 1, k]
                    along_near += old[q, 3 + k] * told[p, 0, k]
                    along_far += old[q, 3 + channels + k] * told[p, 1, k]
                alpha = old[q, 0]
                beta = ONE - alpha
                more = alpha * alpha * alpha * along_near - beta * beta * beta * along_far
                g_old[q, 0] += FOUR * weight * more


@jit
def begin_backward(about, falls, facts, begin, end, g_found, told, g_spread, rest):
    """Fill told [p 2 2c]: for each side what a clean pixel's weight brings it, and the mean of the side's light.

    g_spread becomes what a pixel's weight and its light's distance from that mean bring it; `rest` is completed.
    """
    kinds, image, x, number, rows, columns, middle, outline, constants = about
    channels = len(kinds)
    height, width = x.shape
    colour, mean, wide = np.empty(channels), np.empty((2, channels)), np.empty((2, channels))
    means, g_mean = np.empty((2, channels), np.float32), np.empty((2, channels))
    light = np.empty(channels, np.float32)
    matrix, both = np.empty((channels, 2 * channels)), np.empty((channels, channels))
    ties, total, total_wide = np.empty((2, channels)), np.empty(2), np.empty(2)
    for p in range(begin, end):
        row, column, parting = rows[p], columns[p], middle[p]
        mean[:], wide[:], ties[:] = 0.0, 0.0, 0.0
        total[:], total_wide[:] = 0.0, 0.0
        for r in range(max(row - REACH, 0), min(row + REACH + 1, height)):
            for c in range(max(column - REACH, 0), min(column + REACH + 1, width)):
                s = 0 if x[r, c] < parting else 1
                weight = _begun_weight(number[r, c], outline, s, constants)
                clean = float(falls[0, r - row + REACH, c - column + REACH] * weight)
                wide_one = float(falls[1, r - row + REACH, c - column + REACH] * weight)
                total[s] += clean
                total_wide[s] += wide_one
                for k in range(channels):
                    own = image[k, r, c]
                    colour[k] = own - image[k, row, column]
                    mean[s, k] += clean * colour[k]
                    wide[s, k] += wide_one * colour[k]
                    ties[0, k] += own == facts[p, 0, k, channels + 1]
                    ties[1, k] += own == facts[p, 0, k, channels + 2]
        for s in range(2):
            scale, scale_wide = (1 / total[s], 1 / total_wide[s]) if total[s] > 0 else (0.0, 0.0)
            for k in range(channels):
                mean[s, k] *= scale
                wide[s, k] *= scale_wide
                means[s, k] = mean[s, k] + image[k, row, column] if total[s] > 0 else 0.0
        for k in range(channels):
            light[k] = image[k, row, column]
        given = (light, outline[p], means, facts[p], outline[p])
        solve_backward(kinds, constants, given, g_found[p], matrix, g_mean, g_spread[p], rest[p])
        for s in range(2):
            scale, scale_wide = (1 / total[s], 1 / total_wide[s]) if total[s] > 0 else (0.0, 0.0)
            for k in range(channels):
                for m in range(channels):
                    both[k, m] = float(constants[2]) * (g_spread[p, s, k, m] + g_spread[p, s, m, k])
            for k in range(channels):
                moved = g_mean[s, k]
                for m in range(channels):
                    moved -= both[k, m] * (wide[s, m] - mean[s, m])
                    g_spread[p, s, k, m] = both[k, m] * scale_wide
                told[p, s, k] = moved * scale
                told[p, s, channels + k] = means[s, k]
        for k in range(channels):
            rest[p, LOW, k] /= ties[0, k]
            rest[p, HIGH, k] /= ties[1, k]


@jit
def begin_told(about, falls, facts, told, g_spread, rest, first, last, begin, end, g_image):
    """Add to the gradients of the photo's rows begin…end what the band's pixels first…last have told."""
    kinds, image, x, number, rows, columns, middle, outline, constants = about
    channels = len(kinds)
    width = x.shape[1]
    for p in range(first, last):
        row, column = rows[p], columns[p]
        for r in range(max(row - REACH, begin), min(row + REACH + 1, end)):
            for c in range(max(column - REACH, 0), min(column + REACH + 1, width)):
                s = 0 if x[r, c] < middle[p] else 1
                weight = _begun_weight(number[r, c], outline, s, constants)
                clean = falls[0, r - row + REACH, c - column + REACH] * weight
                wide = falls[1, r - row + REACH, c - column + REACH] * weight
                for k in range(channels):
                    own = image[k, r, c]
                    more = clean * told[p, s, k]
                    for m in range(channels):
                        more += wide * g_spread[p, s, k, m] * (image[m, r, c] - told[p, s, channels + m])
                    if own == facts[p, 0, k, channels + 1]:
                        more += rest[p, LOW, k]
                    if own == facts[p, 0, k, channels + 2]:
                        more += rest[p, HIGH, k]
                    g_image[k, r, c] += more
        if begin <= row < end:
            for k in range(channels):
                g_image[k, row, column] += rest[p, OWN, k]


@jit
def ends_told(about, fall, g_ends, first, last, begin, end, g_x):
    """Add to the gradient of rows begin…end of x what both sides' x of the band's pixels [p 2] came from."""
    _, _, x, number, rows, columns, middle, outline, constants = about
    height, width = x.shape
    scales, totals = np.empty(2, np.float32), np.empty(2)
    for p in range(first, last):
        row, column, parting = rows[p], columns[p], middle[p]
        nearest = farthest = ZERO
        for r in range(max(row - REACH, 0), min(row + REACH + 1, height)):
            for c in range(max(column - REACH, 0), min(column + REACH + 1, width)):
                off = x[r, c] - parting
                nearest, farthest = min(nearest, off), max(farthest, off)
        scales[0] = ONE / nearest if nearest != ZERO else ONE
        scales[1] = ONE / farthest if farthest != ZERO else ONE
        totals[:] = 0.0
        for add in range(2):
            low, high = (begin, end) if add else (0, height)
            for r in range(max(row - REACH, low), min(row + REACH + 1, high)):
                for c in range(max(column - REACH, 0), min(column + REACH + 1, width)):
                    off = x[r, c] - parting
                    s = 0 if off < ZERO else 1
                    weight = _begun_weight(number[r, c], outline, s, constants)
                    if number[r, c] >= 0:
                        ratio = off * scales[s]
                        weight *= ratio * ratio + constants[1]
                    weight *= fall[r - row + REACH, c - column + REACH]
                    if add:
                        g_x[r, c] += g_ends[p, s] * np.float32(weight / totals[s])
                    else:
                        totals[s] += weight


@jit
def _begun_weight(q, outline, side, constants):
    """What a pixel weighs in the first round: 1, less in the band (as in `mixture`)."""
    if q < 0:
        return ONE
    share = ONE - outline[q] if side else outline[q]
    return constants[0] * (share * share) * (share * share) + constants[1]
