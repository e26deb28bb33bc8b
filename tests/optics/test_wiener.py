"""The Wiener filter of a spot against its definition."""

import pytest
import torch

from cocnet.errors import InputError
from cocnet.optics import ThinLens, lens_psf, wiener_kernel

SPOT = lens_psf(ThinLens(0.05, 1.8, 2.0, 0.036), 2.0)


def test_of_a_point_it_is_a_point_when_there_is_no_noise():
    kernel = wiener_kernel(torch.ones(1, 1, dtype=torch.float64), 9, noise=1e-12)
    assert float(kernel[4, 4]) == pytest.approx(1, abs=1e-6)
    assert float(kernel.abs().sum()) == pytest.approx(1, abs=1e-6)


def test_it_undoes_its_spot_where_noise_is_low():
    """Low frequencies come back whole, as |H|²/(|H|² + S) says."""
    kernel = wiener_kernel(SPOT, 41, noise=1e-3)
    grid = 164
    at = torch.arange(grid)
    wave = torch.exp(-2j * torch.pi * at / grid)

    def response(k, n):
        along = k.sum(0).to(torch.complex128)
        phase = wave**n
        return (along * phase[: len(k)]).sum() * torch.exp(
            torch.tensor(2j * torch.pi * n * (len(k) // 2) / grid)
        )

    for n in (0, 3, 8, 14):
        found = (response(SPOT, n) * response(kernel, n)).real
        h2 = float(response(SPOT, n).abs() ** 2)
        expected = h2 / (h2 + 1e-3 * (1e-4 + (n / grid) ** 2 / 0.02))
        assert float(found) == pytest.approx(expected, abs=0.03)


def test_more_noise_sharpens_less():
    strength = [float(wiener_kernel(SPOT, 21, noise).abs().sum()) for noise in (1e-3, 1e-2, 1e-1)]
    assert strength[0] > strength[1] > strength[2] > 1


@pytest.mark.parametrize(("size", "noise"), [(20, 0.01), (3, 0.01), (21, 0.0), (21, float("nan"))])
def test_impossible_numbers_are_refused(size, noise):
    with pytest.raises(InputError, match="expected an odd size"):
        wiener_kernel(SPOT, size, noise)


def test_its_spectrum_is_wieners_in_both_directions():
    """Blurred with a lopsided spot and then sharpened, each wave keeps its place, and |H|²/(|H|² + S) of itself."""
    lens = ThinLens(0.05, 1.8, 2.0, 0.036, blades=3, blade_rotation_rad=0.4)
    spot, noise, grid = lens_psf(lens, 2.0), 3e-3, 128
    kernel = wiener_kernel(spot, 61, noise)
    first, second = (_spectrum(k, grid) for k in (spot, kernel))
    square = torch.fft.fftfreq(grid, dtype=torch.float64) ** 2
    ratio = noise * (1e-4 + (square[:, None] + square) / 0.02)
    expected = first.abs() ** 2 / (first.abs() ** 2 + ratio)
    assert torch.allclose((first * second).real, expected, atol=0.02)
    assert float((first * second).imag.abs().max()) < 0.02


def _spectrum(kernel, grid):
    wide = torch.zeros(grid, grid, dtype=torch.float64)
    wide[: len(kernel), : len(kernel)] = kernel
    return torch.fft.fft2(wide.roll((-(len(kernel) // 2),) * 2, (0, 1)))


def test_it_may_be_as_small_as_the_spot():
    assert wiener_kernel(SPOT, len(SPOT)).shape == SPOT.shape
