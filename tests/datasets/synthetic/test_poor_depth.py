"""Poor depth: in the range it had, other than it was, the same for the same draw."""

import numpy as np
import pytest
import torch
from scenes import SCENES, edge_psnr, load

from cocnet.datasets.synthetic.poor_depth import degraded, poor_depth
from cocnet.imaging import linear_to_srgb


def stepped(side=32):
    inverse = torch.full((1, 1, side, side), 0.1)
    inverse[..., side // 2 :] = 1.0
    return inverse


@pytest.mark.parametrize(("down", "right"), [(0, 2), (0, -2), (1, 0), (-1, 0)])
def test_an_edge_moves_as_asked(down, right):
    for inverse in (stepped(), stepped().mT.contiguous()):
        moved = degraded(inverse, 1, 0.0, (down, right))
        expected = torch.roll(inverse, (down, right), (2, 3))
        assert torch.allclose(moved[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4])


def test_fewer_pixels_smear_an_edge_and_keep_what_is_flat():
    smeared = degraded(stepped(), 8, 1.0, (0, 0))
    between = (smeared > 0.11) & (smeared < 0.99)
    assert between.any() and torch.allclose(smeared[..., :4], torch.tensor(0.1), atol=1e-4)
    assert float(smeared.min()) >= 0.0999 and float(smeared.max()) <= 1.0001


def test_poor_depth_of_a_scene():
    sharp, depth, bokeh, lens = load(SCENES[0])
    inverse, image = 1 / depth.clamp(max=1e4), linear_to_srgb(sharp)
    poor = [poor_depth(inverse, image, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert torch.equal(poor[0], poor[1]) and not torch.equal(poor[0], poor[2])
    for one in poor:
        assert one.shape == inverse.shape and one.dtype == torch.float32
        assert float(one.min()) >= float(inverse.min()) - 1e-4
        assert float(one.max()) <= float(inverse.max()) + 1e-4
        assert edge_psnr(sharp, one, inverse, bokeh, lens) < edge_psnr(sharp, inverse, inverse, bokeh, lens)
