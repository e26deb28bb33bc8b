"""A change of depth in physical units: by hand."""

import math

import pytest
import torch

from cocnet.errors import DepthError
from cocnet.renderers import Setup
from cocnet.robustness.perturbation import perturbation

SETUP = Setup()


def ramp(side=224):
    return torch.linspace(0.1, 0.9, side).view(1, 1, side, 1).repeat(1, 1, 1, side)


def test_a_known_change_in_dioptres_and_pixels():
    depth = ramp()
    found = perturbation(depth, depth + 3e-4, SETUP)
    assert found.largest.item() == pytest.approx(3e-4, rel=1e-3)
    assert found.mean_dioptres.item() == pytest.approx(0.9 * 3e-4, rel=1e-3)
    gain_px = 0.075**2 / 2.8 / 2 * 224 / 0.036
    assert found.largest_px.item() == pytest.approx(gain_px * 0.9 * 3e-4, rel=1e-3)
    assert found.mean_px.item() == pytest.approx(5.625 * 3e-4, rel=1e-3)


def test_through_the_focus_the_radius_still_changes():
    middle = Setup(focus_m=1 / 0.55)
    depth = torch.full((1, 1, 4, 224), 0.49)
    found = perturbation(depth, depth + 0.02, middle)
    assert found.largest_px.item() == pytest.approx(5.625 * 0.02, rel=1e-4)


def test_order_by_hand():
    before = torch.tensor([[0.1, 0.2, 0.2], [0.1, 0.2, 0.3]]).view(1, 1, 2, 3)
    after = torch.tensor([[0.3, 0.2, 0.2], [0.1, 0.2, 0.3]]).view(1, 1, 2, 3)
    found = perturbation(before, after, SETUP)
    assert found.reversed_pairs.item() == pytest.approx(1 / 7)
    assert found.split_ties.item() == pytest.approx(1 / 7)


def test_smoothness_of_constant_noise_chequers_and_nothing():
    depth = torch.full((4, 1, 64, 64), 0.5)
    made = torch.Generator().manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    delta = torch.zeros(4, 1, 64, 64)
    delta[0], delta[1] = 0.01, 0.01 * (torch.rand(64, 64, generator=made) - 0.5).sign()
    delta[2] = 0.01 * (1 - 2 * ((rows + columns) % 2))
    one, noise, chequers, nothing = perturbation(depth, depth + delta, SETUP).smoothness.tolist()
    assert one == pytest.approx(1) and abs(noise) < 0.05 and chequers == pytest.approx(-1, abs=1e-4)
    assert math.isnan(nothing)


def test_a_camera_changes_blur_without_changing_depth():
    depth = torch.zeros(2, 1, 4, 224)
    camera = torch.tensor([[1.0, 2.8, 0.075], [1.0, 5.6, 0.075]])
    found = perturbation(depth, depth, SETUP, camera)
    assert found.largest_px.tolist() == pytest.approx([0, 5.625 / 2], abs=1e-5)
    assert not found.largest.any()


def test_each_photo_by_itself_without_what_it_has_not():
    depth = ramp(16).repeat(2, 1, 1, 1)
    after = depth.clone()
    after[1] += 0.01
    found = perturbation(depth, after, SETUP)
    first, second = found.rows()
    assert first["largest"] == 0 and "smoothness" not in first
    assert second["smoothness"] == pytest.approx(1, abs=1e-4)
    assert second["largest"] == pytest.approx(0.01, rel=1e-3)
    with pytest.raises(DepthError, match="before and after"):
        perturbation(depth, after[:1], SETUP)
