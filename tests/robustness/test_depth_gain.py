"""Gains that are known: a picture that is depth itself, one that is its mean, one that ends at edges."""

import pytest
import torch
from linear import Shade, batch

from cocnet.errors import DepthError, InputError
from cocnet.renderers import NearnessView, Physical
from cocnet.robustness.depth_gain import REACH_PX, depth_edges, depth_gain


def stepped(side=32):
    depth = torch.full((2, 1, side, side), 0.2)
    depth[0, ..., side // 2 :] = 0.8
    return torch.full((2, 3, side, side), 0.5), depth


def test_a_linear_renderer_s_gain_is_its_slope():
    image, depth, _ = batch()
    found = depth_gain(Shade(), image, depth)
    for gain in (found.random, found.largest):
        assert torch.allclose(gain, torch.full((3,), 0.3), rtol=1e-3)
    assert torch.allclose(found.seen_from, torch.full((3,), 0.5 / 255 / 0.3), rtol=1e-3)


def test_the_largest_change_is_found_and_random_ones_cancel():
    """A picture of the mean depth: signs that agree change it by ε, random ones by ε/√n."""
    image, depth = stepped()
    found = depth_gain(lambda i, d: i + (d - depth).mean((2, 3), keepdim=True), image, depth, 1e-3)
    assert torch.allclose(found.largest, torch.ones(2), rtol=1e-2) and (found.random < 0.15).all()


def test_edges_are_told_from_the_rest():
    image, depth = stepped()
    near = depth_edges(depth)
    columns = near[0, 0].all(0).nonzero()[:, 0]
    assert columns.tolist() == list(range(16 - 1 - REACH_PX, 16 + 1 + REACH_PX)) and not near[1].any()
    found = depth_gain(lambda i, d: i + d * depth_edges(depth), image, depth, 1e-3)
    assert found.edges[0] == pytest.approx(1, rel=1e-2) and found.elsewhere[0] == 0
    assert found.edges[1].isnan() and found.elsewhere[1] == 0


def test_a_lens_answers_where_it_blurs():
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    depth = torch.linspace(0, 1, 32).view(1, 1, 32, 1).expand(1, 1, 32, 32).contiguous()
    found = depth_gain(NearnessView(Physical()), image, depth, 1e-3)
    assert 0 < float(found.random) < float(found.largest) < 10


def test_a_photo_s_gain_does_not_depend_on_its_batch():
    image, depth, _ = batch()
    render = NearnessView(Physical())
    both = depth_gain(render, image, depth, draws=2)
    alone = depth_gain(render, image[1:2], depth[1:2], draws=2)
    assert torch.allclose(both.random[1:2], alone.random, rtol=1e-3)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda i, d: (i.half(), d.half()), InputError),
        (lambda i, d: (i * 2, d), InputError),
        (lambda i, d: (i, d + 1), DepthError),
    ],
    ids=["half", "beyond", "depth"],
)
def test_what_an_attack_refuses_a_gain_refuses_too(change, error):
    with pytest.raises(error):
        depth_gain(Shade(), *change(*batch()[:2]))
