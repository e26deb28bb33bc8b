"""The subject's mask, and a depth that is plausible: subject in front, ground and backdrop behind."""

import os
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from cocnet.depth import coarse_mask, subject_depth, subject_mask
from cocnet.depth import subject_mask as subject
from cocnet.depth.estimators.made_up import BACKDROP, SUBJECT, find_stand, pseudo_disparity, span_m
from cocnet.depth.focal_plane import masked_inverse
from cocnet.depth.subject_mask import WEIGHTS, load_subject_net, refine_mask
from cocnet.errors import FileError
from cocnet.networks.architectures.subject_net import count_parameters
from cocnet.pipeline.focus import choose_focus_m
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.render_photo import render


def scene(height=240, width=320, noise=8):
    """A red disc on a grey-green ground, with noise."""
    rows, columns = np.mgrid[0:height, 0:width]
    disc = np.hypot(rows - 0.55 * height, columns - 0.5 * width) < 0.25 * height
    photo = np.where(disc[..., None], (200, 40, 30), (90, 120, 90)).astype(float)
    photo += np.random.default_rng(0).normal(0, noise, photo.shape)
    return photo.clip(0, 255).astype(np.uint8), disc


def standing(height=120, width=160, top=30, foot=96):
    mask = np.zeros((height, width), np.float32)
    mask[top:foot, 60:100] = 1
    return mask


def test_what_ships_is_small():
    assert count_parameters(load_subject_net()) < 4_000_000
    assert WEIGHTS.stat().st_size < 10_000_000


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (7, 5), (100, 300), (333, 250)])
def test_masks_have_the_photos_size_and_are_in_range(height, width):
    photo = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    mask = subject_mask(photo)
    assert mask.shape == (height, width) and mask.dtype == np.float32
    assert np.isfinite(mask).all() and mask.min() >= 0 and mask.max() <= 1


def test_a_plain_subject_is_found():
    photo, disc = scene()
    mask = subject_mask(photo) > 0.5
    assert (mask & disc).sum() / (mask | disc).sum() > 0.7


def test_all_kinds_of_photos_give_the_same_mask():
    photo, _ = scene(60, 80)
    one = subject_mask(photo)
    assert np.array_equal(one, subject_mask(photo / 255))
    assert np.array_equal(one, subject_mask(torch.from_numpy(photo / 255).permute(2, 0, 1)))


def test_refining_lays_a_soft_edge_on_the_photos():
    photo, disc = scene(noise=2)
    blurred = torch.nn.functional.avg_pool2d(torch.from_numpy(disc.astype(np.float32))[None], 9, 1, 4)[0]
    refined = refine_mask(blurred, photo)
    assert np.abs(refined - disc).mean() < 0.75 * np.abs(blurred.numpy() - disc).mean()


def test_missing_weights_are_one_line(tmp_path, monkeypatch):
    path = tmp_path / "none.safetensors"
    with pytest.raises(FileError, match=r"try the subject\.safetensors of"):
        load_subject_net(path)
    monkeypatch.setattr(subject, "WEIGHTS", path)
    with pytest.raises(FileError, match="try installing again"):
        load_subject_net(path)


def test_weights_that_change_are_loaded_again(tmp_path):
    path = tmp_path / "mine.safetensors"
    shutil.copy(WEIGHTS, path)
    first = load_subject_net(path)
    assert load_subject_net(path) is first
    tensors = {name: torch.zeros_like(x) for name, x in load_file(path).items()}
    save_file(tensors, path)
    os.utime(path, ns=(1, 1))
    assert float(next(load_subject_net(path).parameters()).abs().max()) == 0


def test_subject_in_front_ground_in_between_backdrop_behind():
    disparity = pseudo_disparity(standing())
    assert disparity[60, 80] == pytest.approx(SUBJECT)
    assert disparity[10, 10] == pytest.approx(BACKDROP, abs=0.02)
    ground = disparity[:, 10]
    assert (np.diff(ground) >= 0).all() and ground[95] == pytest.approx(SUBJECT, abs=0.08)
    assert ground[60] < 0.6 * SUBJECT < SUBJECT < ground[119]


def test_a_portrait_cut_off_below_has_everything_behind_it():
    disparity = pseudo_disparity(standing(foot=120))
    assert disparity.max() == pytest.approx(SUBJECT) and disparity[119, 5] < 0.8 * SUBJECT


def test_a_bird_in_the_sky_keeps_the_ground_behind():
    disparity = pseudo_disparity(standing(top=10, foot=30))
    assert disparity.max() == pytest.approx(SUBJECT) and disparity[20, 5] < 0.3


def test_without_a_subject_a_smooth_ground_and_focus_in_the_middle_distance():
    empty = np.zeros((120, 160), np.float32)
    disparity = pseudo_disparity(empty)
    assert find_stand(empty) is None and span_m(None) == (2.5, 40.0)
    assert (np.diff(disparity[:, 0]) >= 0).all() and np.abs(np.diff(disparity, 2, axis=0)).max() < 0.01
    assert (disparity == disparity[:, :1]).all()
    inverse = 1 / 40 + disparity * (1 / 2.5 - 1 / 40)
    focus = choose_focus_m(inverse, RenderOptions(), empty, made_up=True)
    assert 5 < focus.value < 15 and "middle distance" in focus.origin


def test_small_subjects_are_farther():
    near = [span_m(find_stand(standing(top=96 - rows)))[0] for rows in (90, 60, 30)]
    assert near == sorted(near) and near[-1] <= 4.5


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1))
def test_pseudo_depth_is_always_a_depth(height, width, level):
    mask = np.random.default_rng(0).random((height, width)).astype(np.float32) * np.float32(level)
    disparity = pseudo_disparity(mask)
    assert disparity.shape == mask.shape and np.isfinite(disparity).all()
    assert disparity.min() >= 0 and disparity.max() <= 1.2


def test_auto_focus_is_the_subject():
    photo, disc = scene()
    result = render(photo, f_number=4)
    assert result.settings.focus_m.origin == "auto: the subject"
    depth = subject_depth(photo)
    inverse = depth.inverse_depth(*depth.span_m)
    assert result.settings.focus_m.value == pytest.approx(1 / np.median(inverse[disc]), rel=0.05)


def test_auto_focus_with_given_depth_looks_at_the_subject_not_at_what_is_near():
    inverse = np.full((120, 160), 0.1, np.float32)
    inverse[30:96, 60:100] = 0.5
    inverse[96:] = 1.0
    assert masked_inverse(inverse, standing()) == pytest.approx(0.5)
    chosen = choose_focus_m(inverse, RenderOptions(), standing()[::2, ::2])
    assert chosen.value == pytest.approx(2.0) and chosen.origin == "auto: the subject"
    nothing = np.zeros((30, 40), np.float32)
    assert choose_focus_m(inverse, RenderOptions(), nothing).origin == "auto: near the middle"


def test_the_coarse_mask_is_enough_to_find_it():
    photo, disc = scene()
    small = coarse_mask(photo)
    assert small.size < 130_000 and small.shape[0] % 32 == 0
    assert masked_inverse(np.where(disc, 0.5, 0.1).astype(np.float32), small) == pytest.approx(0.5)
