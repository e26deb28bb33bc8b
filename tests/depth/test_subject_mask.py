"""The subject's mask at the photo's size, and focus by it."""

import numpy as np
import pytest
import torch

from cocnet.depth import coarse_mask, subject_mask
from cocnet.depth.focal_plane import masked_inverse
from cocnet.depth.subject_mask import refine_mask
from cocnet.pipeline.focus import choose_focus, choose_focus_m
from cocnet.pipeline.options import RenderOptions


def scene(height=240, width=320, noise=8):
    """A red disc on a grey-green ground, with noise."""
    rows, columns = np.mgrid[0:height, 0:width]
    disc = np.hypot(rows - 0.55 * height, columns - 0.5 * width) < 0.25 * height
    photo = np.where(disc[..., None], (200, 40, 30), (90, 120, 90)).astype(float)
    photo += np.random.default_rng(0).normal(0, noise, photo.shape)
    return photo.clip(0, 255).astype(np.uint8), disc


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


def test_auto_focus_with_given_depth_looks_at_the_subject_not_at_what_is_near():
    inverse = np.full((120, 160), 0.1, np.float32)
    inverse[30:96, 60:100] = 0.5
    inverse[96:] = 1.0
    standing = np.zeros((120, 160), np.float32)
    standing[30:96, 60:100] = 1
    assert masked_inverse(inverse, standing) == pytest.approx(0.5)
    chosen = choose_focus_m(inverse, RenderOptions(), standing[::2, ::2])
    assert chosen.value == pytest.approx(2.0) and chosen.origin == "auto: the subject, its upper part"
    leaning = np.where(standing > 0, 0.5 + 0.004 * np.arange(120, dtype=np.float32)[:, None], inverse)
    upper, whole = (
        choose_focus(leaning, RenderOptions(), standing, held=held).distance for held in (False, True)
    )
    assert whole.origin == "auto: the subject" and 1 / whole.value == pytest.approx(0.75, abs=0.01)
    assert 1 / upper.value == pytest.approx(0.66, abs=0.01)
    nothing = np.zeros((30, 40), np.float32)
    assert choose_focus_m(inverse, RenderOptions(), nothing).origin == "auto: near the middle"


def test_the_coarse_mask_is_enough_to_find_it():
    photo, disc = scene()
    small = coarse_mask(photo)
    assert small.size < 130_000 and small.shape[0] % 32 == 0
    assert masked_inverse(np.where(disc, 0.5, 0.1).astype(np.float32), small) == pytest.approx(0.5)
