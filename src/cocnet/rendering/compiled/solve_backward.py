"""The way back through one pixel's likeliest α and colours, as `mixture` solves for them.

Enters: what it solved with, and gradients of what it found. Leaves: gradients of what it solved with.
"""

import numpy as np

from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import ONE

OWN, LOW, HIGH = 0, 1, 2  # rows of `rest`


@jit
def solve_backward(kinds, constants, given, g_found, matrix, g_mean, g_spread, rest):
    """Fill g_mean [2 c], of the sides' mean light; add to gradients of spreads [2 c c] and to rest [3 c]: of the
    pixel's own light, and of the least and the greatest that its colours may have. Returned: of the α before.

    given: own light, outline, mean light, facts as in `mixture`, the α before. matrix: room for [c 2c].
    """
    own, outline, mean, about, alpha = given
    channels = len(kinds)
    noise, noise_share, prior = float(constants[3]), float(constants[4]), float(constants[5])
    one_less = float(ONE - alpha)
    a, b = float(alpha) * float(alpha), one_less * one_less
    size = 0.0
    for k in range(channels):
        for m in range(channels):
            matrix[k, m] = a * about[0, k, m] + b * about[1, k, m]
            matrix[k, channels + m] = 1.0 if k == m else 0.0
        size += matrix[k, k]
    for k in range(channels):
        matrix[k, k] += noise + noise_share * size
    _invert(kinds, matrix)
    gap, off_far = np.empty(channels), np.empty(channels)
    told, off, g_told, g_off = np.zeros(channels), np.zeros(channels), np.zeros(channels), np.zeros(channels)
    for k in range(channels):
        gap[k] = mean[0, k] - mean[1, k]
        off_far[k] = own[k] - mean[1, k]
    top, bottom = prior * outline, prior
    for k in range(channels):
        for m in range(channels):
            told[k] += matrix[k, channels + m] * gap[m]
            off[k] += matrix[k, channels + m] * off_far[m]
        top += told[k] * off_far[k]
        bottom += told[k] * gap[k]
    ratio = top / bottom
    share = float(np.float32(min(max(ratio, 0.0), 1.0)))
    behind = 1.0 - share
    g_share = float(g_found[0])
    for k in range(channels):
        off[k] -= share * told[k]
    for k in range(channels):
        along_near = along_far = 0.0
        for m in range(channels):
            along_near += about[0, k, m] * off[m]
            along_far += about[1, k, m] * off[m]
        low, high = about[0, k, channels + 1], about[0, k, channels + 2]
        for s in range(2):
            moved = share * along_near if s == 0 else behind * along_far
            value, g = np.float32(mean[s, k] + moved), float(g_found[1 + s * channels + k])
            if value < low:
                rest[LOW, k] += g
                g = 0.0
            elif value > high:
                rest[HIGH, k] += g
                g = 0.0
            g_mean[s, k] = g
            g_share += g * along_near if s == 0 else -g * along_far
    for k in range(channels):
        for m in range(channels):
            g_spread[0, k, m] += share * g_mean[0, k] * off[m]
            g_spread[1, k, m] += behind * g_mean[1, k] * off[m]
            g_off[m] += share * about[0, k, m] * g_mean[0, k] + behind * about[1, k, m] * g_mean[1, k]
    for k in range(channels):
        g_share -= told[k] * g_off[k]
        g_told[k] = -share * g_off[k]
    g_ratio = g_share if 0.0 <= ratio <= 1.0 else 0.0
    g_top, g_bottom = g_ratio / bottom, -g_ratio * ratio / bottom
    for k in range(channels):
        g_told[k] += g_top * off_far[k] + g_bottom * gap[k]
    g_size = g_alpha = 0.0
    for k in range(channels):
        back_told = back_off = 0.0
        for m in range(channels):
            back_told += matrix[k, channels + m] * g_told[m]
            back_off += matrix[k, channels + m] * g_off[m]
        g_gap = g_bottom * told[k] + back_told
        g_off_far = g_top * told[k] + back_off
        g_mean[0, k] += g_gap
        g_mean[1, k] -= g_gap + g_off_far
        rest[OWN, k] += g_off_far
        for m in range(channels):
            whole = off[m] + share * told[m]
            g = -(back_told * told[m] + back_off * whole)
            g_size += g if k == m else 0.0
            g_alpha += g * (2.0 * alpha * about[0, k, m] - 2.0 * one_less * about[1, k, m])
            g_spread[0, k, m] += a * g
            g_spread[1, k, m] += b * g
    for k in range(channels):
        more = noise_share * g_size
        g_alpha += more * (2.0 * alpha * about[0, k, k] - 2.0 * one_less * about[1, k, k])
        g_spread[0, k, k] += a * more
        g_spread[1, k, k] += b * more
    return g_alpha


@jit
def _invert(kinds, matrix):
    """[c 2c], the identity on the right → the inverse there; the left is symmetric, and positive definite."""
    channels = len(kinds)
    for k in range(channels):
        scale = 1 / matrix[k, k]
        for j in range(2 * channels):
            matrix[k, j] *= scale
        for m in range(channels):
            if m != k:
                factor = matrix[m, k]
                for j in range(2 * channels):
                    matrix[m, j] -= factor * matrix[k, j]
