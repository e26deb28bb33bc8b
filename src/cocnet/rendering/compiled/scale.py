"""Pictures at half and at twice the scale, and the finished ones.

Enters: planes. Leaves: rows of the smaller or larger ones; the larger are bilinear with pixels' middles aligned.
"""

import numpy as np

from cocnet.rendering.compiled.bilinear import along, between_rows
from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import ONE, ZERO

HALF = np.float32(0.5)
LEAST = np.float32(1e-6)
LEAST_ROOM = np.float32(1e-4)


@jit
def halve(planes, factor, begin, end, out):
    """Rows begin…end of means over 2 × 2 px, times a factor; at the border over what is inside."""
    count, height, width = planes.shape
    for k in range(count):
        for y in range(begin, end):
            one, two = planes[k, 2 * y], planes[k, min(2 * y + 1, height - 1)]
            for i in range(width // 2):
                total = (one[2 * i] + one[2 * i + 1]) + (two[2 * i] + two[2 * i + 1])
                out[k, y, i] = total * (HALF * HALF * factor)
            if width % 2:
                out[k, y, width // 2] = (one[width - 1] + two[width - 1]) * (HALF * factor)


@jit
def farthest(plane, begin, end, out):
    """Rows begin…end of the greatest of 4 × 4 px about the middle of a pixel at half the scale."""
    height, width = plane.shape
    most = np.empty(width, np.float32)
    for y in range(begin, end):
        for i in range(width):
            most[i] = max(plane[2 * y, i], plane[2 * y + 1, i])
        for row in (plane[max(2 * y - 1, 0)], plane[min(2 * y + 2, height - 1)]):
            for i in range(width):
                most[i] = max(most[i], row[i])
        for i in range(out.shape[1]):
            inner = max(most[2 * i], most[2 * i + 1])
            out[y, i] = max(inner, max(most[max(2 * i - 1, 0)], most[min(2 * i + 2, width - 1)]))


@jit
def double(small, begin, end, large):
    """Fill the rows begin…end of `large` [c 2h 2w]."""
    between = np.empty(small.shape[2], np.float32)
    for y in range(begin, end):
        for c in range(small.shape[0]):
            between_rows(small[c], y, between)
            along(between, large[c, y])


@jit
def shares(light, room, covered, farther, x_last, first, begin, end, out):
    """Rows of light and coverage of what lies behind `covered`, as a share of the room that this leaves; farther: the
    same of what lies behind that (or empty), seen where x_last isn't below `first`."""
    last, width = out.shape[0] - 1, out.shape[2]
    scale, through = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(begin, end):
        for i in range(width):
            through[i] = room[y, i] if x_last[y, i] >= first else ZERO
        for i in range(width):
            scale[i] = ONE / max(ONE - covered[y, i], LEAST_ROOM)
        for i in range(width):
            out[last, y, i] = (ONE - room[y, i] - covered[y, i]) * scale[i]
        for c in range(last):
            for i in range(width):
                out[c, y, i] = light[c, y, i] * scale[i]
        for c in range(len(farther)):
            for i in range(width):
                out[c, y, i] += through[i] * farther[c, y, i] * scale[i]


@jit
def finish(light, room, far, x_last, first, begin, end, out):
    """Rows of the picture: light of full scale and what lies behind, at half the scale (or empty), over coverage.

    What lies behind is seen where x_last isn't below `first`.
    """
    c, _, width = out.shape
    open_ = np.empty(width, np.float32)
    behind = np.empty((c + 1, width), np.float32)
    between = np.empty(far.shape[2], np.float32)
    for y in range(begin, end):
        if len(far):
            for n in range(c + 1):
                between_rows(far[n], y, between)
                along(between, behind[n])
                for i in range(width):
                    behind[n, i] = behind[n, i] if x_last[y, i] >= first else ZERO
            for i in range(width):
                open_[i] = ONE / max(ONE - room[y, i] * (ONE - behind[c, i]), LEAST)
            for n in range(c):
                for i in range(width):
                    out[n, y, i] = (light[n, y, i] + room[y, i] * behind[n, i]) * open_[i]
        else:
            for n in range(c):
                for i in range(width):
                    out[n, y, i] = light[n, y, i] / max(ONE - room[y, i], LEAST)


@jit
def detailed(image, x, small, blurred, begin, end, out):
    """Rows of the picture: blurred at full size, and of what `small` has lost of the image as much as is in focus."""
    _, _, width = image.shape
    row = np.empty(small.shape[2], np.float32)
    up, plain, share = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(begin, end):
        most = ZERO
        for i in range(width):
            share[i] = max(ONE - abs(x[y, i]) * HALF, ZERO)
            most = max(most, share[i])
        for c in range(len(image)):
            between_rows(blurred[c], y, row)
            along(row, up)
            own, made = image[c, y], out[c, y]
            if most > ZERO:
                between_rows(small[c], y, row)
                along(row, plain)
                for i in range(width):
                    up[i] += (own[i] - plain[i]) * share[i]
            for i in range(width):
                made[i] = max(up[i], ZERO)
