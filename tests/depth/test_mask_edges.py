"""Depth's step comes to the mask's edge; its levels stay."""

import numpy as np
import pytest
import torch

from cocnet.depth.mask_edges import lay_on_mask


def disc(side=96, radius=26.0, across=0.0):
    rows, columns = np.mgrid[0:side, 0:side] + 0.5
    return (
        (radius + 0.5 - np.hypot(rows - side / 2, columns - side / 2 - across)).clip(0, 1).astype(np.float32)
    )


def smooth(plane, reach):
    size = 2 * reach + 1
    mean = torch.nn.functional.avg_pool2d(
        torch.from_numpy(plane)[None], size, 1, reach, count_include_pad=False
    )
    return mean[0].numpy()


def test_a_smeared_and_shifted_step_comes_to_the_mask():
    mask = disc()
    truth = 0.2 + 0.6 * mask
    bad = 0.2 + 0.6 * smooth(disc(across=1.0), 1)
    laid = lay_on_mask(bad, mask)
    assert np.abs(laid - truth).mean() < 0.2 * np.abs(bad - truth).mean()
    assert np.abs(laid - truth).max() < 0.1


def test_slopes_on_both_sides_stay():
    mask = disc()
    slope = np.linspace(0, 0.3, 96, dtype=np.float32)[:, None].repeat(96, 1)
    truth = slope + 0.5 * mask
    assert np.abs(lay_on_mask(truth, mask) - truth).max() < 0.03


@pytest.mark.parametrize("mask", [np.zeros((40, 50)), np.ones((40, 50))])
def test_without_an_outline_nothing_changes(mask):
    disparity = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    assert np.array_equal(lay_on_mask(disparity, mask.astype(np.float32)), disparity)


@pytest.mark.parametrize("shape", [(1, 1), (1, 64), (33, 7), (32, 224)])
def test_any_shape_and_mask_gives_what_lies_between(shape):
    draw = np.random.default_rng(1)
    disparity = draw.random(shape).astype(np.float32)
    laid = lay_on_mask(disparity, smooth(draw.random(shape).astype(np.float32), 0))
    assert laid.shape == shape and np.isfinite(laid).all()
    assert disparity.min() - 1e-5 <= laid.min() and laid.max() <= disparity.max() + 1e-5
