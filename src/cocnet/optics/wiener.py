"""Undoing a blur whose spot is known, as far as noise allows: the Wiener filter of a spot (Wiener, 1949).

Enters: a spot [k k] with sum 1. Leaves: a kernel [n n] with sum 1 whose spectrum is H*/(|H|² + S(f)), where S is the
power of noise beside that of pictures, which falls with f²; cut off softly beyond n.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.errors import InputError

LEAST, USUAL = 1e-4, 0.02  # of noise to picture: at frequency 0; and (1/px)², the f² at which it is `noise`
GRID = 4  # spectra are sampled this many times finer than the kernel needs


def wiener_kernel(spot: Float[Tensor, "k k"], size: int, noise: float = 0.01) -> Float[Tensor, "n n"]:
    """The kernel of `size` px that sharpens what `spot` has blurred. noise: its power beside the picture's at a
    frequency of 0.14/px. Raises InputError for an even size or one below the spot's, or noise that isn't above 0."""
    if size % 2 == 0 or size < len(spot) or not noise > 0:
        raise InputError(
            f"expected an odd size from {len(spot)} and noise above 0, got {size} and {noise}, "
            f"try {2 * len(spot) + 1} and 0.01"
        )
    grid, half = GRID * size + 1, size // 2
    wide = torch.zeros(grid, grid, dtype=torch.float64)
    wide[: len(spot), : len(spot)] = spot.to(torch.float64)
    centred = wide.roll((-(len(spot) // 2), -(len(spot) // 2)), (0, 1))
    spectrum = torch.fft.fft2(centred)
    frequency = torch.fft.fftfreq(grid, dtype=torch.float64) ** 2
    ratio = noise * (LEAST + (frequency[:, None] + frequency) / USUAL)
    inverse = torch.fft.ifft2(spectrum.conj() / (spectrum.abs() ** 2 + ratio)).real
    kernel = inverse.roll((half, half), (0, 1))[:size, :size]
    edge = torch.hann_window(size + 2, periodic=False, dtype=torch.float64)[1:-1].sqrt()
    kernel = kernel * edge[:, None] * edge
    return (kernel / kernel.sum()).to(spot)
