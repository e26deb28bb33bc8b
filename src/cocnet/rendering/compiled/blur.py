"""A row of a layer seen through a row of a spot: what blurs, there and back, are made of."""

from cocnet.rendering.compiled.jit import jit


@jit
def blur_row(source, taps, first, last, begin, end, sums):
    """Add one row, seen through one row of the spot, to the sums."""
    out = sums[begin:end]
    k = first
    while k + 8 <= last:
        near = source[begin + k : end + k + 7]
        w0, w1, w2, w3 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
        w4, w5, w6, w7 = taps[k + 4], taps[k + 5], taps[k + 6], taps[k + 7]
        for i in range(len(out)):
            out[i] += (w0 * near[i] + w1 * near[i + 1] + w2 * near[i + 2] + w3 * near[i + 3]) + (
                w4 * near[i + 4] + w5 * near[i + 5] + w6 * near[i + 6] + w7 * near[i + 7]
            )
        k += 8
    while k + 3 <= last:
        near = source[begin + k : end + k + 2]
        w0, w1, w2 = taps[k], taps[k + 1], taps[k + 2]
        for i in range(len(out)):
            out[i] += w0 * near[i] + w1 * near[i + 1] + w2 * near[i + 2]
        k += 3
    while k < last:
        near = source[begin + k : end + k]
        w0 = taps[k]
        for i in range(len(out)):
            out[i] += w0 * near[i]
        k += 1
