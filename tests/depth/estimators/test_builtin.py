"""The estimator that ships, on photos of scikit-image and on a drawn one."""

import numpy as np
import pytest
import torch
from skimage import data

from cocnet.depth import builtin_depth, estimate, subject_mask
from cocnet.depth.estimators.builtin import depth_on_mask, retrained_depth
from cocnet.depth.network_view import WEIGHTS
from cocnet.errors import FileError
from cocnet.metrics.depth import ordered_share
from cocnet.pipeline.render_photo import render


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_depth_of_the_photos_size_in_range_with_a_span(name):
    photo = getattr(data, name)()
    depth = estimate(builtin_depth, photo)
    assert depth.kind == "relative_disparity" and depth.values.shape == photo.shape[:2]
    assert depth.values.min() >= 0 and depth.values.max() <= 1 and np.ptp(depth.values) > 0.5
    near, far = depth.span_m
    assert 0.1 < near < far < 50 and "distances are chosen" in depth.source


@pytest.mark.parametrize(("name", "person", "behind"), [("astronaut", (100, 220), (60, 60))])
def test_the_subject_is_nearer_than_what_is_behind_it(name, person, behind):
    photo = getattr(data, name)()
    depth, mask = builtin_depth(photo), subject_mask(photo)
    assert mask[person] > 0.5 and depth.values[person] > depth.values[behind] + 0.2
    upper = np.arange(len(mask))[:, None] < 0.6 * len(mask)
    assert ordered_share(depth.values, mask > 0.9, (mask < 0.1) & upper) > 0.95


def test_other_weights_and_other_masks(tmp_path):
    photo = data.chelsea()
    same = retrained_depth(WEIGHTS)(photo)
    assert np.array_equal(same.values, builtin_depth(photo).values) and WEIGHTS.name in same.source
    mask = np.zeros(photo.shape[:2], np.float32)
    mask[:, :200] = 1
    laid = depth_on_mask(photo, mask, "hand")
    assert "hand" in laid.source and laid.values.shape == mask.shape
    with pytest.raises(FileError):
        retrained_depth(tmp_path / "none.safetensors")


def test_a_photo_of_nothing_has_a_depth():
    depth = estimate(builtin_depth, np.full((40, 60, 3), 128, np.uint8))
    assert np.isfinite(depth.inverse_depth(*depth.span_m)).all()


def test_auto_focus_is_the_subject_by_default_and_offline(monkeypatch):
    photo = data.astronaut()
    result = render(torch.from_numpy(photo.copy()).permute(2, 0, 1) / 255, f_number=2)
    assert result.settings.focus_m.origin.startswith(("auto: the subject", "auto: the face"))
    assert result.settings.largest_blur_radius_px > 5
    assert "built-in network" in result.settings.depth_source
