"""Against the ray tracer and against the slow renderer."""

import pytest
import torch
from scenes import SCENES, lens_of, load, near_edges, render

from cocnet import PhysicalRenderer
from cocnet.imaging import linear_to_srgb
from cocnet.rendering.reference import reference


def psnr(one, two):
    error = (linear_to_srgb(one.clamp(0, 1)) - linear_to_srgb(two.clamp(0, 1))).square().mean()
    return float(-10 * error.log10())


def test_six_scenes_lie_here():
    assert len(SCENES) == 6


# sRGB PSNR, dB: of the whole picture, and within 12 px of a depth edge; raise them when the renderer gets better
STORED = {
    "scene_0000": (40.62, 38.73),
    "scene_0001": (38.07, 36.83),
    "scene_0002": (46.07, 43.58),
    "scene_0003": (42.57, 40.55),
    "scene_0004": (42.68, 39.75),
    "scene_0005": (38.72, 38.13),
}
ALLOWED = 0.1  # dB


@pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)
def test_no_worse_than_stored(path):
    sharp, depth, bokeh, lens = load(path)
    with torch.no_grad():
        out = PhysicalRenderer(lens)(sharp, depth)
    whole, edges = STORED[path.stem]
    assert psnr(out, bokeh) > whole - ALLOWED
    near = near_edges(1 / depth, lens).expand_as(out)
    assert psnr(out[near], bokeh[near]) > edges - ALLOWED


@pytest.mark.parametrize("near, far", [(-6.0, 5.0), (0.0, 7.0), (-8.0, 0.0)])
def test_fast_is_the_reference(near, far, random):
    coarse = torch.rand(1, 3, 12, 12, generator=random)
    image = torch.nn.functional.interpolate(coarse, scale_factor=6, mode="bicubic").clamp(0, 1)
    x = torch.full((1, 1, 72, 72), far)
    x[..., 20:52, 24:56] = near
    slow = reference(image, x, lens_of(), samples_px=6)
    assert psnr(render(image, x), slow) > 32


def test_fast_is_the_reference_on_a_slanted_plane(random):
    image = torch.nn.functional.interpolate(
        torch.rand(1, 3, 12, 12, generator=random), scale_factor=6, mode="bicubic"
    )
    x = torch.linspace(-6, 6, 72)[:, None].expand(1, 1, 72, 72).clone()
    image = image.clamp(0, 1)
    assert psnr(render(image, x), reference(image, x, lens_of(), samples_px=6)) > 36
