"""Background carried in behind silhouettes, as `fragments` does it.

Enters: both fragments of each pixel, changed in place, and where the silhouettes are.
"""

import numpy as np

from cocnet.rendering.compiled.bilinear import between
from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import ONE, ZERO

TWO = np.float32(2)
MOSTLY_FAR, MOSTLY_NEAR = np.float32(0.3), np.float32(0.7)


@jit
def seeds(back, x_back, x_front, rim, dazzling, begin, end, out):
    """Sums over 2 × 2 px of x behind, x in front, what is behind and its weight, in rows of half the scale."""
    d, height, width = back.shape
    for y in range(begin, end):
        for i in range(out.shape[2]):
            out[:, y, i] = ZERO
            for n in range(4):
                r, c = min(2 * y + n // 2, height - 1), min(2 * i + n % 2, width - 1)
                if not rim[r, c]:
                    continue
                most = back[0, r, c]
                for k in range(1, d - 1):
                    most = max(most, back[k, r, c])
                weight = ONE / (ONE + (most / dazzling) * (most / dazzling))
                out[0, y, i] += x_back[r, c] * weight
                out[1, y, i] += x_front[r, c] * weight
                for k in range(d):
                    out[2 + k, y, i] += back[k, r, c] * weight


@jit
def pull(fine, begin, end, coarse):
    """Rows of the sums over 2 × 2 px; there is nothing outside."""
    d, height, width = fine.shape
    for y in range(begin, end):
        for k in range(d):
            for i in range(coarse.shape[2]):
                found = fine[k, 2 * y, 2 * i]
                if 2 * i + 1 < width:
                    found += fine[k, 2 * y, 2 * i + 1]
                if 2 * y + 1 < height:
                    found += fine[k, 2 * y + 1, 2 * i]
                    if 2 * i + 1 < width:
                        found += fine[k, 2 * y + 1, 2 * i + 1]
                coarse[k, y, i] = found


@jit
def push(coarse, least, begin, end, fine):
    """Rows of sums → means by their weight, the last plane; where that is below 1, the rest is the coarser means'.

    coarse may be empty: then what has weight is all there is.
    """
    d, _, width = fine.shape
    count, small_h, small_w = coarse.shape
    for y in range(begin, end):
        near_y = y // 2
        far_y = max(near_y - 1, 0) if y % 2 == 0 else min(near_y + 1, small_h - 1)
        for i in range(width):
            weight = fine[d - 1, y, i]
            share = min(weight, ONE) if count else ONE
            own = share / weight if weight > least else ZERO
            near_x = i // 2
            far_x = max(near_x - 1, 0) if i % 2 == 0 else min(near_x + 1, small_w - 1)
            carried = ZERO
            if share < ONE:
                weight = between(coarse[count - 1], near_y, far_y, near_x, far_x)
                carried = (ONE - share) / weight if weight > least else ZERO
            for k in range(d):
                found = fine[k, y, i] * own
                if carried > ZERO:
                    found += between(coarse[k], near_y, far_y, near_x, far_x) * carried
                fine[k, y, i] = found


@jit
def hide(
    back,
    x_back,
    x_front,
    x_last,
    rim,
    filled,
    distance,
    least,
    jump,
    seen,
    beyond_px,
    beyond,
    begin,
    end,
    taken,
):
    """Put what was carried in behind the pixels of the rows where it can be seen, and mark these in `taken`; where a
    pixel is opaque, x_last gets the last x that shows.

    filled and distance: at half the scale.
    """
    d, _, width = back.shape
    count, small_h, small_w = filled.shape
    for y in range(begin, end):
        near_y = y // 2
        far_y = max(near_y - 1, 0) if y % 2 == 0 else min(near_y + 1, small_h - 1)
        for i in range(width):
            taken[y, i] = False
            near_x, own = i // 2, x_front[y, i]
            far = distance[near_y, near_x]
            if rim[y, i] or not far < np.inf:
                continue
            if far > abs(own) + seen:
                x_last[y, i] = own + beyond * abs(own) + beyond_px
            far_x = max(near_x - 1, 0) if i % 2 == 0 else min(near_x + 1, small_w - 1)
            have = between(filled[count - 1], near_y, far_y, near_x, far_x)
            if have <= least:
                continue
            x_far = between(filled[0], near_y, far_y, near_x, far_x) / have
            if not (x_far - own > jump and far <= TWO * (max(abs(own), abs(x_far)) + seen)):
                continue
            x_near = between(filled[1], near_y, far_y, near_x, far_x) / have
            if own < MOSTLY_FAR * x_far + MOSTLY_NEAR * x_near:
                x_back[y, i], taken[y, i] = x_far, True
                for k in range(d):
                    back[k, y, i] = between(filled[2 + k], near_y, far_y, near_x, far_x) / have


@jit
def any_of(fine, begin, end, coarse):
    """Rows that say whether anything of 2 × 2 px is there."""
    height, width = fine.shape
    for y in range(begin, end):
        one, two = fine[2 * y], fine[min(2 * y + 1, height - 1)]
        for i in range(coarse.shape[1]):
            last = min(2 * i + 1, width - 1)
            coarse[y, i] = (one[2 * i] | two[2 * i]) | (one[last] | two[last])


@jit
def along_rows(far, begin, end):
    """Rows: steps to the next 0 in its row, or as many as there were."""
    width = far.shape[1]
    for y in range(begin, end):
        row = far[y]
        for i in range(1, width):
            row[i] = min(row[i], row[i - 1] + ONE)
        for i in range(width - 2, -1, -1):
            row[i] = min(row[i], row[i + 1] + ONE)


@jit
def along_columns(far, most, begin, end):
    """Columns: px to the next 0, from steps of half the scale along rows; infinite beyond `most`."""
    height = len(far)
    for y in range(1, height):
        above, own = far[y - 1, begin:end], far[y, begin:end]
        for i in range(len(own)):
            own[i] = min(own[i], above[i] + ONE)
    for y in range(height - 1, -1, -1):
        below, own = far[min(y + 1, height - 1), begin:end], far[y, begin:end]
        for i in range(len(own)):
            own[i] = min(own[i], below[i] + ONE)
    for y in range(height):
        own = far[y, begin:end]
        for i in range(len(own)):
            own[i] = TWO * own[i] if TWO * own[i] <= most else np.float32(np.inf)
