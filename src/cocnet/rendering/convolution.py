"""One layer convolved with its spot, at the lowest price: only where it covers anything, by FFT where the spot is
large, and with a processor's lanes full where it isn't.

Enters: colour times coverage and coverage with a margin, and a spot. Leaves: the same without the margin.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

LANES = 16  # channels that a processor convolves at once
STACKED = 9  # kernels from this size on are worth the copying that fills them
FOURIER = 18  # spots from this many pixels on, less one, are convolved by FFT


def spread(t: Float[Tensor, "b d h w"], spot: Float[Tensor, "k k"]) -> Float[Tensor, "b d h2 w2"]:
    """Correlation without padding, worked out only where anything is covered (in the last channel)."""
    more = spot.shape[-1] - 1
    height, width = t.shape[-2] - more, t.shape[-1] - more
    covered = t.detach()[:, -1].amax(0) > 0
    (top, bottom), (left, right) = (
        _around(covered.any(axis), more, size) for axis, size in ((1, height), (0, width))
    )
    part = t[..., top : bottom + more, left : right + more]
    found = _fourier_conv(part, spot) if more >= FOURIER else _stacked_conv(part, spot)
    return functional.pad(found, (left, width - right, top, height - bottom))


def _around(covered: Bool[Tensor, " n"], more: int, size: int) -> tuple[int, int]:
    """First and end of the results, of `size`, that see what is covered through a kernel of more + 1."""
    used = covered.nonzero()
    if not len(used):
        return 0, min(1, size)
    return max(0, int(used[0]) - more), min(size, int(used[-1]) + 1)


def _fourier_conv(t: Float[Tensor, "b d h w"], spot: Float[Tensor, "k k"]) -> Float[Tensor, "b d h2 w2"]:
    """Correlation by FFT, whose cost does not grow with the spot."""
    (height, width), more = t.shape[-2:], spot.shape[-1] - 1
    size = fast_length(height), fast_length(width)
    spectrum = torch.fft.rfft2(t, s=size) * torch.fft.rfft2(spot.flip(0, 1), s=size)
    return torch.fft.irfft2(spectrum, s=size)[..., more:height, more:width]


def fast_length(length: int) -> int:
    """The next length, from 1 on, with no other factors than 2, 3 and 5, where an FFT is quick."""
    length = max(length, 1)
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1


def _stacked_conv(t: Float[Tensor, "b d h w"], spot: Float[Tensor, "k k"]) -> Float[Tensor, "b d h2 w2"]:
    """The same kernel for all channels; strips of the picture fill up a processor's LANES channels."""
    (b, d, height, width), k = t.shape, spot.shape[-1]
    strips = max(1, LANES // (b * d)) if k >= STACKED else 1
    rows = -(-(height - k + 1) // strips)
    lacking = strips * rows + k - 1 - height
    t = functional.pad(t, (0, 0, 0, lacking)) if lacking else t
    channels = b * d * strips
    cut = t.unfold(2, rows + k - 1, rows).permute(4, 3, 0, 1, 2)  # rows w b d strips
    stack = cut.reshape(1, rows + k - 1, width, channels).permute(0, 3, 1, 2)
    out = functional.conv2d(stack, spot.expand(channels, 1, -1, -1), groups=channels)
    return out.reshape(b, d, strips * rows, width - k + 1)[:, :, : height - k + 1]
