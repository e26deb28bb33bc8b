"""A net that a smeared map has lost is found again, whole; textures aren't."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from silhouettes import SHAPES, blurred, depths, light_of, psnr, rim_of, truth_of

from cocnet.depth.refinement.guided_filter import GuidedFilter
from cocnet.depth.refinement.refine import refine_inverse_depth
from cocnet.depth.refinement.thin_pieces import as_plane, smeared
from cocnet.depth.refinement.thin_things import thin_things
from cocnet.imaging import linear_to_srgb


def seen(kind, seed, given="8 times smaller"):
    """A scene, its photo in 8 bit, its map."""
    scene = SHAPES[kind](seed=seed)
    photo = (linear_to_srgb(light_of(scene))[0].permute(1, 2, 0) * 255).round().byte().numpy()
    return scene, photo, depths(scene.alpha)[given]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_net_is_near_as_a_whole(seed):
    """Threads of 2.4 px in a map of 8 px a pixel, which shows nothing as near as they are."""
    scene, photo, lost = seen("net", seed)
    refined = refine_inverse_depth(lost, photo)
    inside = scene.alpha > 0.95
    assert lost[inside].max() < 0.7 and np.quantile(refined[inside], 0.02) > 0.7
    light, truth, rim = light_of(scene), truth_of(scene), rim_of(scene)
    assert psnr(blurred(light, refined), truth, rim) > psnr(light, truth, rim) + 3


@pytest.mark.parametrize("given", ["8 times smaller", "a network's"])
def test_most_hair_is_found_by_its_colour(given):
    """Hairs of 1 to 2.5 px, which leave next to nothing in the map, each its own smear among the others'."""
    gains = []
    for seed in range(3):
        scene, photo, lost = seen("hair", seed, given)
        light, truth, rim = light_of(scene), truth_of(scene), rim_of(scene)
        with_hair, without = (
            blurred(light, refine_inverse_depth(lost, photo, thin=thin)) for thin in (True, False)
        )
        gains.append(psnr(with_hair, truth, rim) - psnr(without, truth, rim))
    assert min(gains) > 0 and np.mean(gains) > 3


@pytest.mark.parametrize("kind", ["two-sided", "painted", "low contrast"])
@pytest.mark.parametrize("given", ["8 times smaller", "a network's", "hard"])
def test_textures_and_what_is_laid_already_stay(kind, given):
    _, photo, soft = seen(kind, 0, given)
    laid, plain = (refine_inverse_depth(soft, photo, thin=thin) for thin in (True, False))
    assert np.array_equal(laid, plain)


def test_a_bar_beside_its_like_is_near_as_a_whole():
    scene, photo, lost = seen("plank", 0, "a network's")
    light, truth, rim = light_of(scene), truth_of(scene), rim_of(scene)
    laid, plain = (blurred(light, refine_inverse_depth(lost, photo, thin=thin)) for thin in (True, False))
    assert psnr(laid, truth, rim) > psnr(plain, truth, rim) + 3


def test_a_dark_outline_of_a_near_thing_is_no_hair():
    """A post with a stripe along its edge in the colour of something nearer: nothing is cut out beside the stripe."""
    photo, sharp = np.full((160, 160, 3), 170, np.uint8), np.full((160, 160), 0.1, np.float32)
    for columns, shade, depth in (
        (slice(0, 36), 30, 0.9),
        (slice(54, 94), 70, 0.5),
        (slice(90, 94), 30, 0.5),
    ):
        photo[:, columns], sharp[:, columns] = shade, depth
    laid = refine_inverse_depth(ndimage.gaussian_filter(sharp, 4), photo)
    assert laid[20:140, 60:88].min() > 0.4


def test_lines_on_a_slope_are_no_things():
    """A floor with dark lines whose depth grows evenly: the map holds nothing of their shape."""
    random = np.random.default_rng(0)
    photo = np.full((160, 200, 3), 200, np.uint8)
    photo[:, 10::25] = 40
    photo[12::25] = 60
    soft = np.linspace(0.2, 1, 160, dtype=np.float32)[:, None].repeat(200, 1)
    soft += random.normal(0, 0.002, soft.shape).astype(np.float32)
    laid, plain = (refine_inverse_depth(soft, photo, thin=thin) for thin in (True, False))
    assert np.array_equal(laid, plain)


def test_a_flat_photo_and_a_flat_map_hold_nothing():
    depth = torch.rand(1, 40, 50, generator=torch.Generator().manual_seed(0))
    grey = GuidedFilter(torch.full((3, 40, 50), 0.5), 2, 1e-4)
    assert thin_things(depth, depth, grey, 8.0) is None
    lines = torch.full((3, 40, 50), 0.5)
    lines[:, :, ::10] = 0
    assert (
        thin_things(torch.ones_like(depth), torch.ones_like(depth), GuidedFilter(lines, 2, 1e-4), 8.0) is None
    )


def test_a_stripe_on_a_plate_that_the_map_shows_is_no_nearer_than_the_plate():
    """The smeared plate looks like a smeared stripe that is nearer, but the map has no room for both."""
    photo, sharp = torch.full((3, 180, 150), 0.8), np.full((180, 150), 0.1, np.float32)
    photo[:, 40:90, 70:80] = 0.2
    sharp[130:] = 1
    sharp[37:93, 67:83] = 0.6
    guided = GuidedFilter(photo, 2, 1e-4)
    assert thin_things(as_plane(smeared(sharp, 8)), as_plane(sharp), guided, 16.0) is None
