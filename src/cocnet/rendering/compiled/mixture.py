"""Coverage and two colours of each pixel of the band, as `matting` finds them.

Enters: a photo, the signed radius of the circle of confusion, the band's pixels and what parts their sides. Leaves:
a row of `found` [p 3+2c] for each: α, its fourth power, that of 1 − α, the colour in front, that behind. `kinds` has
as many items as the photo channels: its length is known when a loop is compiled, which takes a third off its time.
"""

import numpy as np

from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.neighbours import REACH, neighbours_means
from cocnet.rendering.compiled.pool import ONE, ZERO

SIDE = 2 * REACH + 1  # px of a window


@jit
def smoothed(x, rows, columns, middle, fall, begin, end, out):
    """The share of each pixel's window on the near side; fall: weights of a window [5 5]."""
    height, width = x.shape
    for p in range(begin, end):
        row, column = rows[p], columns[p]
        near = total = ZERO
        for r in range(max(row - REACH, 0), min(row + REACH + 1, height)):
            for c in range(max(column - REACH, 0), min(column + REACH + 1, width)):
                weight = fall[r - row + REACH, c - column + REACH]
                total += weight
                near += weight if x[r, c] < middle[p] else ZERO
        out[p] = near / total


@jit
def begin_mixture(
    kinds, image, x, number, rows, columns, middle, outline, constants, falls, begin, end, about, found
):
    """From the clean pixels of both sides, or what is there of thin things.

    falls [2 5 5]: weights of a window for colours and for their spread. constants: what an unsolved pixel weighs, the
    least weight, the share of the spread that stays, noise and its share, the outline's weight. Leaves `found` and
    about [p 2 c c+3]: near first, the spread of colours, then the x (in the first row); the least and the greatest of
    the window in the last two columns of both.
    """
    channels = len(kinds)
    height, width = x.shape
    unsolved, least, kept = constants[0], constants[1], constants[2]
    colour, low, high = np.empty(channels), np.empty(channels, np.float32), np.empty(channels, np.float32)
    mean, sums = np.empty((2, channels)), np.empty((2, channels))
    products, total = np.empty((2, channels, channels)), np.empty((2, 4))
    means, explained = np.empty((2, channels), np.float32), np.empty((channels, channels + 2))
    for p in range(begin, end):
        row, column, parting = rows[p], columns[p], middle[p]
        first, last = max(row - REACH, 0), min(row + REACH + 1, height)
        left, right = max(column - REACH, 0), min(column + REACH + 1, width)
        nearest = farthest = ZERO
        for r in range(first, last):
            for c in range(left, right):
                off = x[r, c] - parting
                nearest, farthest = min(nearest, off), max(farthest, off)
        scale_near = ONE / nearest if nearest != ZERO else ONE
        scale_far = ONE / farthest if farthest != ZERO else ONE
        mean[:], sums[:], products[:], total[:] = 0.0, 0.0, 0.0, 0.0
        for k in range(channels):
            low[k] = high[k] = image[k, row, column]
        for r in range(first, last):
            for c in range(left, right):
                off = x[r, c] - parting
                s = 0 if off < ZERO else 1
                weight, purity = ONE, ONE
                q = number[r, c]
                if q >= 0:
                    share = ONE - outline[q] if s else outline[q]
                    weight = unsolved * (share * share) * (share * share) + least
                    ratio = off * (scale_far if s else scale_near)
                    purity = ratio * ratio + least
                clean = float(falls[0, r - row + REACH, c - column + REACH] * weight)
                wide = float(falls[1, r - row + REACH, c - column + REACH] * weight)
                total[s, 0] += clean
                total[s, 1] += wide
                total[s, 2] += clean * purity
                total[s, 3] += clean * purity * x[r, c]
                for k in range(channels):
                    own = image[k, r, c]
                    low[k], high[k] = min(low[k], own), max(high[k], own)
                    colour[k] = own - image[k, row, column]
                    mean[s, k] += clean * colour[k]
                    part = wide * colour[k]
                    sums[s, k] += part
                    for m in range(k + 1):
                        products[s, k, m] += part * colour[m]
        for s in range(2):
            there = total[s, 0] > 0
            scale, scale_wide = (1 / total[s, 0], 1 / total[s, 1]) if there else (0.0, 0.0)
            about[p, s, 0, channels] = total[s, 3] / total[s, 2] if there else 0.0
            for k in range(channels):
                mean[s, k] *= scale
                sums[s, k] *= scale_wide
                means[s, k] = mean[s, k] + image[k, row, column] if there else 0.0
            for k in range(channels):
                about[p, s, k, channels + 1], about[p, s, k, channels + 2] = low[k], high[k]
                for m in range(k + 1):
                    spread = products[s, k, m] * scale_wide + mean[s, k] * mean[s, m]
                    spread -= mean[s, k] * sums[s, m] + sums[s, k] * mean[s, m]
                    about[p, s, k, m] = about[p, s, m, k] = kept * spread if there else 0.0
        _solve(
            kinds, image, row, column, outline[p], means, about[p], constants, outline[p], explained, found[p]
        )


@jit
def again(
    kinds, image, x, number, rows, columns, middle, outline, constants, fall, about, begin, end, old, found
):
    """From what the band's pixels have found (`old`), each in the share in which it consists of a side."""
    channels = len(kinds)
    least = constants[1]
    means, explained = np.empty((2, channels), np.float32), np.empty((channels, channels + 2))
    for p in range(begin, end):
        row, column = rows[p], columns[p]
        neighbours_means(kinds, image, x, number, (row, column, middle[p]), fall, least, old, means)
        _solve(
            kinds, image, row, column, outline[p], means, about[p], constants, old[p, 0], explained, found[p]
        )


@jit
def _solve(kinds, image, row, column, outline, mean, about, constants, alpha, explained, found):
    """The likeliest α of mean colours, and the likeliest colours of that α; alpha: the one before."""
    channels = len(kinds)
    noise, noise_share, prior = float(constants[3]), float(constants[4]), float(constants[5])
    a, b = float(alpha * alpha), float((ONE - alpha) * (ONE - alpha))
    size = 0.0
    for k in range(channels):
        for m in range(channels):
            explained[k, m] = a * about[0, k, m] + b * about[1, k, m]
        size += explained[k, k]
        explained[k, channels] = mean[0, k] - mean[1, k]
        explained[k, channels + 1] = image[k, row, column] - mean[1, k]
    for k in range(channels):
        explained[k, k] += noise + noise_share * size
    for k in range(channels):
        scale = 1 / explained[k, k]
        for m in range(k + 1, channels):
            factor = explained[m, k] * scale
            for j in range(k + 1, channels + 2):
                explained[m, j] -= factor * explained[k, j]
    for k in range(channels - 1, -1, -1):
        scale = 1 / explained[k, k]
        for j in range(channels, channels + 2):
            for m in range(k + 1, channels):
                explained[k, j] -= explained[k, m] * explained[m, j]
            explained[k, j] *= scale
    top, bottom = prior * outline, prior
    for k in range(channels):
        told = explained[k, channels]
        top += told * (image[k, row, column] - mean[1, k])
        bottom += told * (mean[0, k] - mean[1, k])
    share = np.float32(min(max(top / bottom, 0.0), 1.0))
    rest = ONE - share
    found[0], found[1], found[2] = share, (share * share) * (share * share), (rest * rest) * (rest * rest)
    for k in range(channels):
        one, two = float(mean[0, k]), float(mean[1, k])
        for m in range(channels):
            off = explained[m, channels + 1] - share * explained[m, channels]
            one += share * about[0, k, m] * off
            two += rest * about[1, k, m] * off
        low, high = about[0, k, channels + 1], about[0, k, channels + 2]
        found[3 + k] = min(max(np.float32(one), low), high)
        found[3 + channels + k] = min(max(np.float32(two), low), high)
