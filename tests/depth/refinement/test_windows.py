"""Means and maxima over windows, whatever their size, against all of their pixels."""

import pytest
import torch
from torch.nn import functional

from cocnet.depth.refinement.guided_filter import GuidedFilter
from cocnet.depth.refinement.refine import colour_likelihood
from cocnet.depth.refinement.windows import box, extent, highest
from cocnet.rendering.compiled import usable


@pytest.fixture(params=["compiled", "reference"], autouse=True)
def way(request, monkeypatch):
    if request.param == "reference":
        monkeypatch.setenv("COCNET_COMPILED", "0")
    elif not usable(torch.zeros(1)):
        pytest.skip("needs Numba")
    return request.param


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


def test_threads_share_a_plane_that_is_wider_than_a_strip(random, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    x = torch.randn(1, 20, 600, generator=random)
    padded = functional.pad(x, (4,) * 4, value=-torch.inf)
    assert torch.equal(highest(x, 4), padded.unfold(1, 9, 1).unfold(2, 9, 1).amax((-2, -1)))
    summed = functional.pad(x, (4,) * 4).unfold(1, 9, 1).unfold(2, 9, 1).sum((-2, -1))
    assert torch.allclose(box(x, 4)[:, 4:-4, 4:-4], summed[:, 4:-4, 4:-4] / 81, atol=1e-5)


def test_the_likelihood_is_that_of_a_gaussian_of_the_colours(random):
    guide = torch.rand(3, 12, 12, generator=random)
    found = colour_likelihood(guide, torch.ones(1, 12, 12), 28)
    colours = guide.flatten(1).double()
    off = colours - colours.mean(1, keepdim=True)
    covariance = off @ off.T / 144 + 2e-3 * torch.eye(3)
    square = (off * torch.linalg.solve(covariance, off)).sum(0)
    expected = -0.5 * (square + covariance.logdet())
    assert torch.allclose(found.flatten(), expected.float(), atol=1e-3)


@pytest.mark.parametrize("reach", [4, 8])  # colours as they are, and from half as many rows and columns
def test_both_ways_see_the_same_colours_of_a_side(random, reach, way, monkeypatch):
    if way == "reference":
        pytest.skip("the other way is compared with it")
    guide, where = torch.rand(3, 19, 23, generator=random), torch.rand(1, 19, 23, generator=random)
    found, slopes = colour_likelihood(guide, where, reach), GuidedFilter(guide, 2, 0.01).model(where)
    monkeypatch.setenv("COCNET_COMPILED", "0")
    assert torch.allclose(found, colour_likelihood(guide, where, reach), atol=1e-3)
    for ours, expected in zip(slopes, GuidedFilter(guide, 2, 0.01).model(where), strict=True):
        assert torch.allclose(ours, expected, atol=1e-4)


def test_the_guided_filter_is_its_definition(random, way):
    guide, plane = torch.rand(3, 15, 18, generator=random), torch.rand(1, 15, 18, generator=random)
    found = GuidedFilter(guide, 2, 0.01)._slopes(plane[0])[:, 7, 9].double()
    here = (slice(None), slice(5, 10), slice(7, 12))
    colours, values = guide[here].flatten(1).double(), plane[here].flatten().double()
    off = colours - colours.mean(1, keepdim=True)
    covariance = off @ off.T / 25 + 0.01 * torch.eye(3)
    slope = torch.linalg.solve(covariance, off @ (values - values.mean()) / 25)
    assert torch.allclose(found[:3], slope, atol=1e-4)
    assert float(found[3]) == pytest.approx(float(values.mean() - slope @ colours.mean(1)), abs=1e-4)
