"""The way back through `scale`: shares of what lies behind, and finished pictures.

Enters: what these got, and gradients of what they made. Leaves: gradients of what they got.
"""

import numpy as np

from cocnet.rendering.compiled.bilinear import along, between_rows
from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import ONE, ZERO
from cocnet.rendering.compiled.scale import LEAST, LEAST_ROOM


@jit
def shares_backward(
    light, room, covered, farther, x_last, first, g, begin, end, g_light, g_room, g_covered, g_farther
):
    """Fill the rows; g_farther is empty where `farther` is."""
    count, _, width = light.shape
    scale, g_scale = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(begin, end):
        for i in range(width):
            left, own = ONE - covered[y, i], g[count, y, i]
            scale[i] = ONE / max(left, LEAST_ROOM)
            g_scale[i] = own * (left - room[y, i])
            g_room[y, i] = -own * scale[i]
        for c in range(count):
            for i in range(width):
                g_scale[i] += g[c, y, i] * light[c, y, i]
                g_light[c, y, i] = g[c, y, i] * scale[i]
        for c in range(len(farther)):
            for i in range(width):
                own = g[c, y, i] if x_last[y, i] >= first else ZERO
                moved = own * farther[c, y, i]
                g_scale[i] += moved * room[y, i]
                g_room[y, i] += moved * scale[i]
                g_farther[c, y, i] = own * room[y, i] * scale[i]
        for i in range(width):
            more = g_scale[i] * scale[i] * scale[i] if ONE - covered[y, i] >= LEAST_ROOM else ZERO
            g_covered[y, i] = more - g[count, y, i] * scale[i]


@jit
def finish_backward(light, room, far, x_last, first, g, begin, end, g_light, g_room, g_far):
    """Fill the rows of gradients of light and room, and of what lies behind at full scale (g_far, or empty)."""
    c, _, width = g.shape
    scale, moved = np.empty(width, np.float32), np.empty(width, np.float32)
    behind = np.empty((c + 1, width), np.float32)
    row = np.empty(far.shape[2], np.float32)
    for y in range(begin, end):
        for n in range(len(far)):
            between_rows(far[n], y, row)
            along(row, behind[n])
            for i in range(width):
                behind[n, i] = behind[n, i] if x_last[y, i] >= first else ZERO
        if not len(far):
            behind[:] = ZERO
        for i in range(width):
            scale[i] = ONE / max(ONE - room[y, i] * (ONE - behind[c, i]), LEAST)
            moved[i] = g_room[y, i] = ZERO
        for n in range(c):
            for i in range(width):
                own = g[n, y, i] * scale[i]
                g_light[n, y, i] = own
                moved[i] += own * (light[n, y, i] + room[y, i] * behind[n, i])
                g_room[y, i] += own * behind[n, i]
        for i in range(width):
            inside = ONE - room[y, i] * (ONE - behind[c, i]) >= LEAST
            moved[i] *= scale[i] if inside else ZERO
            g_room[y, i] += moved[i] * (ONE - behind[c, i])
        if len(far):
            for n in range(c):
                for i in range(width):
                    g_far[n, y, i] = g_light[n, y, i] * room[y, i] if x_last[y, i] >= first else ZERO
            for i in range(width):
                g_far[c, y, i] = -moved[i] * room[y, i] if x_last[y, i] >= first else ZERO
