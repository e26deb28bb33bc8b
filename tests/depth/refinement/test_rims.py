"""With depth as users have it, a sharp subject's rim is never worse than that of the untouched photo."""

import numpy as np
import pytest
import torch
from silhouettes import SHAPES, blurred, depths, light_of, psnr, rim_of, truth_of

from cocnet.depth.refinement.refine import refine_inverse_depth
from cocnet.imaging import linear_to_srgb


@pytest.mark.parametrize(
    "given", ["2 px too fat", "2 px too thin", "moved by 2 px", "8 times smaller", "a network's"]
)
@pytest.mark.parametrize("kind", ["plank", "two-sided"])
def test_an_edge_that_is_off_or_smeared_is_laid_on_the_photos(kind, given):
    scene = SHAPES[kind](seed=1)
    light, truth, rim = light_of(scene), truth_of(scene), rim_of(scene)
    photo = (linear_to_srgb(light)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    made = blurred(light, refine_inverse_depth(depths(scene.alpha)[given], photo))
    assert psnr(made, truth, rim) > psnr(light, truth, rim) + (1 if given == "a network's" else 3)


def test_a_thin_thing_gets_back_the_depth_that_shrinking_took():
    scene = SHAPES["plank"](seed=1)
    photo = (linear_to_srgb(light_of(scene))[0].permute(1, 2, 0) * 255).round().byte().numpy()
    refined = refine_inverse_depth(depths(scene.alpha)["8 times smaller"], photo)
    bar = torch.from_numpy(scene.alpha).numpy() == 1
    assert np.quantile(refined[bar], 0.05) > 0.9


@pytest.mark.parametrize("seed", [0, 1])
def test_thin_things_gain_from_a_long_reach(seed):
    scene = SHAPES["plank"](seed=seed)
    light, truth, rim = light_of(scene), truth_of(scene), rim_of(scene)
    photo = (linear_to_srgb(light)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    made = blurred(light, refine_inverse_depth(depths(scene.alpha)["8 times smaller"], photo))
    assert psnr(made, truth, rim) > psnr(light, truth, rim) + 5


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_bars_of_a_networks_smeared_map_are_purer_with_each_look_at_their_colours(seed):
    scene = SHAPES["plank"](seed=seed)
    light, truth, rim = light_of(scene), truth_of(scene), rim_of(scene)
    photo = (linear_to_srgb(light)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    made = blurred(light, refine_inverse_depth(depths(scene.alpha)["a network's"], photo))
    assert psnr(made, truth, rim) > psnr(light, truth, rim) + 3


def test_a_thin_thing_has_the_colours_of_what_is_thick_and_near_around():
    """Where the map smears it over its background, it says little of them."""
    scene = SHAPES["two-sided"](seed=0)
    light, truth, rim = light_of(scene), truth_of(scene), rim_of(scene)
    photo = (linear_to_srgb(light)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    made = blurred(light, refine_inverse_depth(depths(scene.alpha)["a network's"], photo))
    assert psnr(made, truth, rim) > psnr(light, truth, rim) + 4
