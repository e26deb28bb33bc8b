"""Coverage and two colours of each pixel of the band, as `matting` finds them.

Enters: a photo, the signed radius of the circle of confusion, the band's pixels and what parts their sides. Leaves:
α, both colours and both radii of each.
"""

import numpy as np

from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import ONE, ZERO

TINY = np.float32(1e-12)
SIDE = 5  # px of a window
COUNT = SIDE * SIDE


@jit
def smoothed(x, rows, columns, middle, fall, begin, end, out):
    """The share of each pixel's window on the near side; fall: weights of a window."""
    height, width = x.shape
    for p in range(begin, end):
        near = total = ZERO
        for n in range(COUNT):
            r, c = rows[p] + n // SIDE - 2, columns[p] + n % SIDE - 2
            if 0 <= r < height and 0 <= c < width:
                total += fall[n]
                near += fall[n] if x[r, c] < middle[p] else ZERO
        out[p] = near / total


@jit
def begin_mixture(
    image,
    x,
    number,
    rows,
    columns,
    middle,
    outline,
    constants,
    falls,
    begin,
    end,
    alpha,
    colours,
    ends,
    spreads,
):
    """From the clean pixels of both sides, or what is there of thin things.

    falls [2 n]: weights of a window for colours and for their spread. constants: what an unsolved pixel weighs, the
    least weight, the share of the spread that stays, noise and its share, the outline's weight. Leaves α [p],
    colours [2 c p], x [2 p] and spreads [p 2 c c], near first.
    """
    channels, height, width = image.shape
    unsolved, least, kept = constants[0], constants[1], constants[2]
    clean, wide, pure = np.empty(COUNT, np.float32), np.empty(COUNT, np.float32), np.empty(COUNT, np.float32)
    mean = np.empty((2, channels), np.float32)
    for p in range(begin, end):
        most = np.zeros(2, np.float32)
        for n in range(COUNT):
            r, c = rows[p] + n // SIDE - 2, columns[p] + n % SIDE - 2
            if 0 <= r < height and 0 <= c < width:
                off = x[r, c] - middle[p]
                if off < ZERO:
                    most[0] = min(most[0], off)
                else:
                    most[1] = max(most[1], off)
        for s in range(2):
            total, total_wide, total_pure = ZERO, ZERO, ZERO
            for n in range(COUNT):
                clean[n] = wide[n] = pure[n] = ZERO
                r, c = rows[p] + n // SIDE - 2, columns[p] + n % SIDE - 2
                if not (0 <= r < height and 0 <= c < width):
                    continue
                off = x[r, c] - middle[p]
                if (off < ZERO) != (s == 0):
                    continue
                weight, purity = ONE, ONE
                if number[r, c] >= 0:
                    share = outline[number[r, c]] if s == 0 else ONE - outline[number[r, c]]
                    weight = unsolved * share * share * share * share + least
                    ratio = off / most[s] if most[s] != ZERO else off
                    purity = ratio * ratio + least
                clean[n], wide[n] = falls[0, n] * weight, falls[1, n] * weight
                pure[n] = purity
                total += clean[n]
                total_wide += wide[n]
            scale, scale_wide = ONE / max(total, TINY), ONE / max(total_wide, TINY)
            for n in range(COUNT):
                clean[n] *= scale
                wide[n] *= scale_wide
                pure[n] *= clean[n]
                total_pure += pure[n]
            mean[s] = ZERO
            ends[s, p] = ZERO
            for n in range(COUNT):
                if clean[n] <= ZERO and wide[n] <= ZERO:
                    continue
                r, c = rows[p] + n // SIDE - 2, columns[p] + n % SIDE - 2
                ends[s, p] += x[r, c] * (pure[n] / max(total_pure, TINY))
                for k in range(channels):
                    mean[s, k] += image[k, r, c] * clean[n]
            spreads[p, s] = ZERO
            for n in range(COUNT):
                if wide[n] <= ZERO:
                    continue
                r, c = rows[p] + n // SIDE - 2, columns[p] + n % SIDE - 2
                for k in range(channels):
                    off_k = (image[k, r, c] - mean[s, k]) * wide[n] * kept
                    for m in range(channels):
                        spreads[p, s, k, m] += off_k * (image[m, r, c] - mean[s, m])
        alpha[p] = outline[p]
        _solve(
            image,
            rows[p],
            columns[p],
            outline[p],
            mean,
            spreads[p],
            constants,
            p,
            alpha,
            colours,
        )


@jit
def again(
    image,
    x,
    number,
    rows,
    columns,
    middle,
    outline,
    constants,
    fall,
    spreads,
    begin,
    end,
    alpha,
    colours,
    new_alpha,
    new_colours,
):
    """From what the band's pixels have found (α, colours), each in the share in which it consists of a side."""
    channels, height, width = image.shape
    least = constants[1]
    mean = np.empty((2, channels), np.float32)
    for p in range(begin, end):
        for s in range(2):
            total = ZERO
            mean[s] = ZERO
            for n in range(COUNT):
                r, c = rows[p] + n // SIDE - 2, columns[p] + n % SIDE - 2
                if not (0 <= r < height and 0 <= c < width):
                    continue
                q = number[r, c]
                if q >= 0:
                    share = alpha[q] if s == 0 else ONE - alpha[q]
                    weight = share * share * share * share
                else:
                    weight = ONE if (x[r, c] < middle[p]) == (s == 0) else ZERO
                weight = fall[n] * (weight + least)
                total += weight
                for k in range(channels):
                    mean[s, k] += weight * (colours[s, k, q] if q >= 0 else image[k, r, c])
            for k in range(channels):
                mean[s, k] /= max(total, TINY)
        new_alpha[p] = alpha[p]
        _solve(
            image,
            rows[p],
            columns[p],
            outline[p],
            mean,
            spreads[p],
            constants,
            p,
            new_alpha,
            new_colours,
        )


@jit
def _solve(image, row, column, outline, mean, spread, constants, p, alpha, colours):
    """The likeliest α of mean colours, and the likeliest colours of that α; alpha[p] enters as α before."""
    channels, height, width = image.shape
    noise, noise_share, prior = constants[3], constants[4], constants[5]
    a, b = alpha[p] * alpha[p], (ONE - alpha[p]) * (ONE - alpha[p])
    explained = np.empty((channels, channels + 2), np.float64)
    size = 0.0
    for k in range(channels):
        for m in range(channels):
            explained[k, m] = a * spread[0, k, m] + b * spread[1, k, m]
        size += explained[k, k]
        explained[k, channels] = mean[0, k] - mean[1, k]
        explained[k, channels + 1] = image[k, row, column] - mean[1, k]
    for k in range(channels):
        explained[k, k] += noise + noise_share * size
    for k in range(channels):
        for m in range(k + 1, channels):
            factor = explained[m, k] / explained[k, k]
            for j in range(k, channels + 2):
                explained[m, j] -= factor * explained[k, j]
    for j in range(channels, channels + 2):
        for k in range(channels - 1, -1, -1):
            for m in range(k + 1, channels):
                explained[k, j] -= explained[k, m] * explained[m, j]
            explained[k, j] /= explained[k, k]
    top, bottom = float(prior) * outline, float(prior)
    for k in range(channels):
        told = explained[k, channels]
        top += told * (image[k, row, column] - mean[1, k])
        bottom += told * (mean[0, k] - mean[1, k])
    found = np.float32(min(max(top / bottom, 0.0), 1.0))
    alpha[p] = found
    for k in range(channels):
        one, two = float(mean[0, k]), float(mean[1, k])
        for m in range(channels):
            off = explained[m, channels + 1] - found * explained[m, channels]
            one += found * spread[0, k, m] * off
            two += (1 - found) * spread[1, k, m] * off
        low = high = image[k, row, column]
        for r in range(max(row - 2, 0), min(row + 3, height)):
            for c in range(max(column - 2, 0), min(column + 3, width)):
                low, high = min(low, image[k, r, c]), max(high, image[k, r, c])
        colours[0, k, p] = min(max(np.float32(one), low), high)
        colours[1, k, p] = min(max(np.float32(two), low), high)
