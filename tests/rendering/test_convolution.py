"""Every way to convolve a layer gives the plain correlation."""

import pytest
import torch
from torch.nn import functional

from cocnet.rendering.convolution import FOURIER, STACKED, fast_length, spread


@pytest.mark.parametrize("size", [3, STACKED, STACKED + 4, FOURIER + 1, 41])
@pytest.mark.parametrize("shape", [(1, 4, 61, 53), (2, 4, 41, 70), (5, 4, 48, 45)])
@pytest.mark.parametrize("covered", ["all", "some", "a corner", "none"])
def test_spread_is_correlation(size, shape, covered, random):
    layer, spot = torch.rand(*shape, generator=random), torch.rand(size, size, generator=random)
    mask = torch.zeros(shape[2:])
    if covered == "all":
        mask[:] = 1
    elif covered == "some":
        mask[20:31, 11:40] = 1
    elif covered == "a corner":
        mask[-1, 0] = 1
    layer = layer * mask
    plain = functional.conv2d(layer, spot.expand(4, 1, -1, -1), groups=4)
    assert torch.allclose(spread(layer, spot), plain, atol=1e-4 * size**2)


def test_spread_has_the_gradient_of_correlation(random):
    layer = torch.rand(1, 4, 24, 23, generator=random, dtype=torch.float64) + 0.1
    for size in (5, STACKED, FOURIER + 1):
        spot = torch.rand(size, size, generator=random, dtype=torch.float64)
        assert torch.autograd.gradcheck(
            lambda t, spot=spot: spread(t, spot), layer.clone().requires_grad_(), fast_mode=True
        )


def test_fast_lengths_have_small_factors():
    assert [fast_length(n) for n in (1, 7, 11, 97, 121, 256)] == [1, 8, 12, 100, 125, 256]
