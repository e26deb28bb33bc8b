"""Depth edges follow the photo; slopes and flat depth stay as they are; better blur at silhouettes."""

import numpy as np
import pytest
import torch
from scenes import SCENES, degrade, edge_psnr, load
from scipy.ndimage import gaussian_filter

from cocnet.depth.refinement.guided_filter import GuidedFilter, stripes
from cocnet.depth.refinement.refine import refine_inverse_depth
from cocnet.depth.refinement.windows import box
from cocnet.imaging import linear_to_srgb


@pytest.fixture
def step():
    """A near bright left half, a far dark right half, with noise; the depth's edge is smeared and 3 px off."""
    rng = np.random.default_rng(0)
    near = np.arange(160) < 70
    photo = np.where(near, 190, 60)[None, :, None] + rng.normal(0, 6, (120, 160, 3))
    truth = np.where(near, 0.8, 0.2)[None].repeat(120, 0).astype(np.float32)
    smeared = np.interp(np.arange(160), (67, 79), (0.8, 0.2))[None].repeat(120, 0).astype(np.float32)
    return photo.clip(0, 255).astype(np.uint8), truth, smeared


def test_a_smeared_edge_lands_on_the_photos(step):
    photo, truth, smeared = step
    refined = refine_inverse_depth(smeared, photo, reach_px=12)
    assert np.abs(refined - truth).mean() < 0.5 * np.abs(smeared - truth).mean()
    assert refined.min() >= smeared.min() - 1e-6 and refined.max() <= smeared.max() + 1e-6


def test_a_true_edge_stays(step):
    photo, truth, _ = step
    assert np.abs(refine_inverse_depth(truth, photo) - truth).mean() < 1e-3


def _one_texture(fine_px: float, contrast: float) -> np.ndarray:
    noise = np.random.default_rng(3).normal(size=(160, 160, 1)).repeat(3, -1)
    noise = gaussian_filter(noise, (fine_px, fine_px, 0)) if fine_px else noise
    return (np.clip(0.5 + contrast * noise / max(noise.std(), 1e-9), 0, 1) * 255).astype(np.uint8)


def _step(width_px: float) -> np.ndarray:
    """Inverse depth from 0.1 to 1, its edge winding down the middle."""
    y, x = np.mgrid[:160, :160]
    return (0.1 + 0.9 / (1 + np.exp(-(x - 80 + 6 * np.sin(y / 12)) * 4 / width_px))).astype(np.float32)


@pytest.mark.parametrize(("fine_px", "contrast"), [(0, 0), (0, 0.1), (1, 0.1), (2, 0.03), (4, 0.03)])
@pytest.mark.parametrize("width_px", [0.5, 8, 16])
def test_nothing_is_cut_out_where_the_photo_has_no_edge(fine_px, contrast, width_px):
    """Grass before grass: the network's own soft step hides itself, a ragged cut would show."""
    given = _step(width_px)
    refined = refine_inverse_depth(given, _one_texture(fine_px, contrast))
    steepest = np.abs(np.diff(given)).max()
    assert (np.abs(np.diff(refined)) > 1.1 * steepest).mean() < 1e-3
    assert np.abs(refined - given).mean() < 3e-4


def test_the_same_step_is_cut_out_where_colours_part():
    given = _step(8)
    photo, truth = _one_texture(0, 0.1), np.where(given > 0.55, np.float32(1), np.float32(0.1))
    photo[given > 0.55] //= 2
    refined = refine_inverse_depth(given, photo)
    assert np.abs(refined - truth).mean() < 0.3 * np.abs(given - truth).mean()


def test_slopes_and_flat_depth_stay(step):
    photo, _, _ = step
    slope = np.linspace(0.1, 1, 120, dtype=np.float32)[:, None].repeat(160, 1)
    assert np.abs(refine_inverse_depth(slope, photo) - slope).max() < 1e-6
    flat = np.full((120, 160), 0.5, np.float32)
    assert np.array_equal(refine_inverse_depth(flat, photo), flat)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (9, 11), (64, 8)])
def test_tiny_photos(height, width):
    rng = np.random.default_rng(0)
    inverse = rng.random((height, width)).astype(np.float32)
    refined = refine_inverse_depth(inverse, rng.integers(0, 256, (height, width, 3)).astype(np.uint8))
    assert refined.shape == inverse.shape and np.isfinite(refined).all()


def test_large_photos_are_worked_out_small(step):
    photo, truth, smeared = step
    large = [x.repeat(4, 0).repeat(4, 1) for x in (photo, truth, smeared)]
    refined = refine_inverse_depth(large[2], large[0], reach_px=48, area_px=1 << 15)
    assert np.abs(refined - large[1]).mean() < 0.6 * np.abs(large[2] - large[1]).mean()


def test_running_sums_keep_what_is_small_beside_a_bright_area():
    """Else the moments of a side's colours that is hardly in the window are noise, and depth is NaN there."""
    x = torch.full((1, 200, 1200), 0.9686)
    x[..., 1000:] = 0
    x[:, 100, 1100] = 1e-3
    small = box(box(x, 31), 15)[0, 100, 1100]
    assert float(small) == pytest.approx(1e-3 / 63**2, rel=1e-3)


def test_the_guided_filter_keeps_a_linear_model_of_the_photo():
    guide = torch.rand(3, 20, 24)
    plane = (0.2 * guide[0] + 0.5 * guide[2] + 0.1)[None]
    assert torch.allclose(GuidedFilter(guide, 3, 1e-6)(plane), plane, atol=1e-3)


def test_stripes_are_the_interpolated_whole():
    rgb = np.random.default_rng(0).integers(0, 256, (50, 40, 3)).astype(np.uint8)
    planes = torch.rand(2, 13, 10)
    whole = torch.nn.functional.interpolate(planes[None], (50, 40), mode="bilinear")[0]
    parts = torch.cat([part for _, _, part in stripes(rgb, planes, rows=16)], 1)
    assert torch.allclose(parts, whole, atol=1e-5)


@pytest.mark.slow
def test_halos_shrink_on_ray_traced_scenes():
    """Depth 8 times smaller, blurred, 2 px off: on average 1.5 dB nearer to the truth around silhouettes."""
    gains = []
    for path in SCENES:
        sharp, depth, bokeh, lens = load(path)
        inverse = 1 / depth.clamp(max=1e4)
        bad = degrade(inverse)
        rgb = (linear_to_srgb(sharp.clamp(0, 1))[0].permute(1, 2, 0) * 255).round().byte().numpy()
        better = torch.from_numpy(refine_inverse_depth(bad[0, 0].numpy(), rgb))[None, None]
        before, after = (edge_psnr(sharp, d, inverse, bokeh, lens) for d in (bad, better))
        gains.append(after - before)
    assert np.mean(gains) > 1.5 and np.min(gains) > -0.2


def test_the_reach_that_keeps_the_maps_means_is_taken():
    """Near surfaces beside each other want a short one, thin things a long one: both are held."""
    sharp, depth, bokeh, lens = load(SCENES[0])
    inverse = 1 / depth.clamp(max=1e4)
    photo = (linear_to_srgb(sharp)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    refined = torch.from_numpy(refine_inverse_depth(degrade(inverse)[0, 0].numpy(), photo))[None, None]
    assert edge_psnr(sharp, refined, inverse, bokeh, lens) > 35


def test_a_faint_trace_in_the_map_makes_no_near_specks():
    """Two dark leaves before the sky, where the map has a trace of something, far above near and dark ground."""
    y, x = np.mgrid[:160, :160]
    photo, sharp = np.full((160, 160, 3), 220, np.uint8), np.zeros((160, 160), np.float32)
    photo[130:], sharp[130:] = 60, 1
    sharp[np.hypot(y - 60, x - 80) < 5] = 0.1
    for row, column in ((58, 79), (62, 82)):
        photo[np.hypot(y - row, x - column) < 1.6] = 60
    trace = gaussian_filter(sharp, 3)
    assert refine_inverse_depth(trace, photo, thin=False)[20:100].max() < 0.15
