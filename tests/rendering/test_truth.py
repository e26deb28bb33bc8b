"""Against the ray tracer and against the slow renderer."""

import numpy as np
import pytest
import torch
from scenes import SCENES, lens_of, load, render

from cocnet import PhysicalRenderer
from cocnet.imaging import linear_to_srgb
from cocnet.rendering.reference import reference


def psnr(one, two):
    error = (linear_to_srgb(one.clamp(0, 1)) - linear_to_srgb(two.clamp(0, 1))).square().mean()
    return float(-10 * error.log10())


def test_six_scenes_lie_here():
    assert len(SCENES) == 6


@pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)
def test_close_to_the_ray_tracer(path):
    sharp, depth, bokeh, lens = load(path)
    out = PhysicalRenderer(lens)(sharp, depth)
    assert psnr(out, bokeh) > 33 and psnr(out, bokeh) > psnr(sharp, bokeh) + 8


def test_mean_over_the_scenes():
    scores = []
    for path in SCENES:
        sharp, depth, bokeh, lens = load(path)
        scores.append(psnr(PhysicalRenderer(lens)(sharp, depth), bokeh))
    assert np.mean(scores) > 39


@pytest.mark.parametrize("near, far", [(-6.0, 5.0), (0.0, 7.0), (-8.0, 0.0)])
def test_fast_is_the_reference(near, far, random):
    coarse = torch.rand(1, 3, 12, 12, generator=random)
    image = torch.nn.functional.interpolate(coarse, scale_factor=6, mode="bicubic").clamp(0, 1)
    x = torch.full((1, 1, 72, 72), far)
    x[..., 20:52, 24:56] = near
    slow = reference(image, x, lens_of())
    assert psnr(render(image, x), slow) > 32


def test_fast_is_the_reference_on_a_slanted_plane(random):
    image = torch.nn.functional.interpolate(
        torch.rand(1, 3, 12, 12, generator=random), scale_factor=6, mode="bicubic"
    )
    x = torch.linspace(-6, 6, 72)[:, None].expand(1, 1, 72, 72).clone()
    image = image.clamp(0, 1)
    assert psnr(render(image, x), reference(image, x, lens_of())) > 36
