"""Means and maxima over windows, whatever their size, against all of their pixels."""

import pytest
import torch
from torch.nn import functional

from cocnet.depth.refinement.windows import box, extent, highest


@pytest.fixture
def random():
    return torch.Generator().manual_seed(7)


@pytest.mark.parametrize("reach", [0, 1, 2, 3, 6, 8, 14, 40])
def test_they_are_what_all_pixels_give(reach, random):
    x = torch.randn(2, 37, 53, generator=random)
    size = 2 * reach + 1
    summed = functional.pad(x, (reach,) * 4).unfold(1, size, 1).unfold(2, size, 1).sum((-2, -1))
    count = (
        functional.pad(torch.ones(1, 37, 53), (reach,) * 4)
        .unfold(1, size, 1)
        .unfold(2, size, 1)
        .sum((-2, -1))
    )
    assert torch.allclose(box(x, reach), summed / count, atol=1e-5)
    padded = functional.pad(x, (reach,) * 4, value=-torch.inf)
    assert torch.equal(highest(x, reach), padded.unfold(1, size, 1).unfold(2, size, 1).amax((-2, -1)))


def test_the_input_stays_as_it_was(random):
    x = torch.randn(1, 8, 9, generator=random)
    kept = x.clone()
    for reach in (0, 2):
        box(x, reach), highest(x, reach)
    assert torch.equal(x, kept)


def test_windows_end_at_the_border():
    assert extent(6, 2).tolist() == [2, 3, 4, 4, 3, 2]


def test_a_level_plane_stays_level_to_the_last_digits():
    x = torch.full((1, 200, 1200), 0.9686)
    assert float((box(box(x, 31), 15) - x).abs().max()) < 3e-7
