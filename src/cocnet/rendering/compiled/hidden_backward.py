"""The way back through `hidden`: from what lies behind near pixels to the silhouettes that it was carried in from.

Enters: what `hidden` made, and gradients of x behind and, where these are asked for, of the colours there [m h w].
Leaves: the same of the silhouettes' own. The weights by which all was carried have no gradients.
"""

from cocnet.rendering.compiled.bilinear import between
from cocnet.rendering.compiled.jit import jit
from cocnet.rendering.compiled.pool import ONE, ZERO


@jit
def hide_backward(taken, have, begin, end, g):
    """Rows of gradients [m h w] of what was put behind pixels → of the sums that it came from; 0 elsewhere."""
    _, width = taken.shape
    small_h, small_w = have.shape
    for y in range(begin, end):
        near_y = y // 2
        far_y = max(near_y - 1, 0) if y % 2 == 0 else min(near_y + 1, small_h - 1)
        for i in range(width):
            scale = ZERO
            if taken[y, i]:
                near_x = i // 2
                far_x = max(near_x - 1, 0) if i % 2 == 0 else min(near_x + 1, small_w - 1)
                scale = ONE / between(have, near_y, far_y, near_x, far_x)
            for k in range(len(g)):
                g[k, y, i] *= scale


@jit
def push_backward(weights, coarser, least, begin, end, g, sums):
    """Rows of gradients g [m h w] of means → of the sums at this scale; g becomes those of what coarser means gave.

    weights: of the sums; coarser: the last plane of the coarser means (may be empty). As in `push`.
    """
    _, width = weights.shape
    small_h, small_w = coarser.shape
    for y in range(begin, end):
        near_y = y // 2
        far_y = max(near_y - 1, 0) if y % 2 == 0 else min(near_y + 1, small_h - 1)
        for i in range(width):
            weight = weights[y, i]
            share = min(weight, ONE) if small_h else ONE
            own = share / weight if weight > least else ZERO
            carried = ZERO
            if share < ONE:
                near_x = i // 2
                far_x = max(near_x - 1, 0) if i % 2 == 0 else min(near_x + 1, small_w - 1)
                there = between(coarser, near_y, far_y, near_x, far_x)
                carried = (ONE - share) / there if there > least else ZERO
            for k in range(len(g)):
                sums[k, y, i] = g[k, y, i] * own
                g[k, y, i] *= carried


@jit
def pull_backward(coarse, begin, end, fine):
    """Add to the rows of gradients of sums what those over 2 × 2 px of them have."""
    count, _, width = fine.shape
    for k in range(count):
        for y in range(begin, end):
            for i in range(width):
                fine[k, y, i] += coarse[k, y // 2, i // 2]
