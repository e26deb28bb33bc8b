"""Silhouettes of which every pixel is a known mixture: α and both colours are found, whatever stands there."""

import numpy as np
import pytest
import torch
from silhouettes import (
    FAR_M,
    NEAR_M,
    SHAPES,
    Silhouette,
    blurred,
    depths,
    light_of,
    psnr,
    rim_of,
    truth_of,
)

from cocnet.rendering.fragments import silhouettes
from cocnet.rendering.matting import BRIGHTER, matte


@pytest.mark.parametrize("given", ["hard", "mixed"])
@pytest.mark.parametrize(
    ("kind", "least_db"),
    [("plank", 39), ("bright", 44), ("two-sided", 44), ("low contrast", 49), ("discs", 39), ("net", 42)],
)
def test_rims_of_a_sharp_subject_hold(kind, least_db, given):
    scene = SHAPES[kind](seed=1)
    made = blurred(light_of(scene), depths(scene.alpha)[given])
    assert psnr(made, truth_of(scene), rim_of(scene)) > least_db


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("covered", [0.1, 0.3])
def test_hairs_that_show_no_pixel_of_their_own_colour_stay_sharp(covered, seed):
    scene = SHAPES["hair"](seed=seed)
    inverse = np.where(scene.alpha > covered, np.float32(1 / NEAR_M), np.float32(1 / FAR_M))
    made, light, truth, rim = (
        blurred(light_of(scene), inverse),
        light_of(scene),
        truth_of(scene),
        rim_of(scene),
    )
    assert psnr(made, truth, rim) > psnr(light, truth, rim) + 3


def test_hidden_background_reaches_as_far_in_as_its_own_blur():
    """Else what a sharp subject's rim lets through is too little, and the subject's share of it too large."""
    scene = SHAPES["plank"](seed=1)
    plain = Silhouette(scene.alpha, scene.subject, np.full_like(scene.background, 0.8))
    made = blurred(light_of(plain), depths(plain.alpha)["hard"])
    assert psnr(made, truth_of(plain), rim_of(plain)) > 50


def test_alpha_and_colours_explain_the_photo():
    scene = SHAPES["plank"](seed=2)
    light = light_of(scene)
    x = torch.where(torch.from_numpy(scene.alpha) > 0.5, 0.0, 9.0)[None, None]
    index, found = matte(light, x, silhouettes(x))
    own = light[0].flatten(1)[:, index]
    told = found.alpha * found.near + (1 - found.alpha) * found.far
    assert float((told - own).abs().max()) < 1e-5
    assert float(found.near.min()) >= 0 and float(found.near.max()) <= BRIGHTER * float(light.max())
    true = torch.from_numpy(scene.alpha).flatten()[index]
    assert float((found.alpha - true).square().mean().sqrt()) < 0.04


def test_a_bright_light_leaves_the_equations_solvable():
    light = torch.full((1, 3, 40, 40), 0.1)
    light[..., 18:22, 18:22] = 1e4
    x = torch.zeros(1, 1, 40, 40)
    x[..., 20:] = 9
    _, found = matte(light, x, silhouettes(x))
    assert all(bool(t.isfinite().all()) for t in found)
    assert np.all((found.alpha.numpy() >= 0) & (found.alpha.numpy() <= 1))
