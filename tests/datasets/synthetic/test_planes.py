"""What a lens sees of planes: the laws of light, and the rays one by one."""

import math

import pytest
import torch
from scenes import inverse_of, lens_of

from cocnet import PhysicalRenderer
from cocnet.datasets.synthetic.planes import ScenePlane, over, photographed
from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb
from cocnet.optics import lens_psf

SIDE, MARGIN = 48, 12


def sharp_lens(**changes):
    """One whose infinity has a radius of 15 px in these small pictures."""
    return lens_of(sensor_width_m=0.002, **changes)


def plane(x, lens, slopes_px=(0.0, 0.0), light=None, hole=False):
    """A plane of signed radius x px in the picture's middle, its radius changing by slopes_px a pixel."""
    canvas = SIDE + 2 * MARGIN
    colour = (
        torch.rand(3, canvas, canvas, generator=torch.Generator().manual_seed(7)) if light is None else light
    )
    alpha = torch.ones(1, *colour.shape[1:])
    if hole:
        alpha[:, : canvas // 2 + 3], alpha[:, canvas // 2 + 3] = 0, 0.4
    per_px = inverse_of(lens, 1.0, SIDE) - inverse_of(lens, 0.0, SIDE)
    slopes = tuple(float(slope * per_px) for slope in slopes_px)
    return ScenePlane(torch.cat([colour * alpha, alpha]), float(inverse_of(lens, x, SIDE)), slopes)


def rays(planes, lens, oversampled=1):
    """The oracle: each ray of the aperture meets the planes front to back, by a whole number of pixels."""
    reach = MARGIN
    total, weight = torch.zeros(3, SIDE, SIDE), 0.0
    grid = torch.linspace(-1, 1, 2 * 12 * oversampled + 1)
    for v in grid.tolist():
        for u in grid.tolist():
            if math.hypot(u, v) > 1:
                continue
            seen = torch.zeros(4, SIDE, SIDE)
            for one in planes:
                x = float(lens.coc_radius_px(torch.tensor(one.inverse_depth), SIDE))
                top, left = reach - round(x * v), reach - round(x * u)
                seen = over(one.light[:, top : top + SIDE, left : left + SIDE], seen)
            total, weight = total + seen[:3], weight + 1
    return total / weight


def psnr(one, two):
    error = (linear_to_srgb(one.clamp(0, 1)) - linear_to_srgb(two.clamp(0, 1))).square().mean()
    return float(-10 * error.log10())


def test_in_focus_is_the_sharp_picture():
    lens = sharp_lens()
    scene = photographed([plane(0, lens), plane(0, lens, hole=True)], lens, MARGIN)
    assert torch.allclose(scene.bokeh, scene.image, atol=1e-6) and scene.image.shape == (3, SIDE, SIDE)
    assert torch.allclose(scene.depth_m, torch.ones(1, SIDE, SIDE))


@pytest.mark.parametrize("slopes", [(0.0, 0.0), (0.03, -0.05)])
def test_constant_colours_stay(slopes):
    lens, flat = sharp_lens(blades=6), torch.full((3, SIDE + 2 * MARGIN, SIDE + 2 * MARGIN), 0.3)
    near = plane(-7, lens, light=flat, hole=True)
    scene = photographed([plane(6, lens, slopes, light=flat), near], lens, MARGIN)
    assert torch.allclose(scene.bokeh, torch.full_like(scene.bokeh, 0.3), atol=1e-5)


@pytest.mark.parametrize("x", [-9.0, -0.4, 3.3, 9.0])
def test_a_light_becomes_the_lens_s_spot(x):
    lens, dark = sharp_lens(blades=5), torch.zeros(3, SIDE + 2 * MARGIN, SIDE + 2 * MARGIN)
    dark[:, MARGIN + 20, MARGIN + 25] = 40.0
    bokeh = photographed([plane(x, lens, light=dark)], lens, MARGIN).bokeh
    assert float(bokeh.sum()) == pytest.approx(120.0, rel=1e-4)
    spot = lens_psf(lens, abs(x), front=x < 0).float() * 40
    half = len(spot) // 2
    assert torch.allclose(bokeh[1, 20 - half : 21 + half, 25 - half : 26 + half], spot, atol=1e-4)


def test_a_part_of_the_canvas_is_blurred_like_the_whole():
    lens, dark = sharp_lens(), torch.zeros(3, SIDE + 2 * MARGIN, SIDE + 2 * MARGIN)
    for row, column in ((4, 5), (30, 33), (62, 60), (13, 62)):
        small = ScenePlane(torch.zeros(4, *dark.shape[1:]), float(inverse_of(lens, 8.0, SIDE)))
        small.light[:, row : row + 7, column : column + 5] = 1
        whole = ScenePlane(small.light + 0, small.inverse_depth)
        whole.light[3].clamp_(min=1e-12)
        one, two = (photographed([each], lens, MARGIN).bokeh for each in (small, whole))
        assert torch.allclose(one, two, atol=1e-5)


@pytest.mark.parametrize("x", [0.0, 3.0])
def test_a_plane_outside_the_picture_is_not_seen(x):
    lens = sharp_lens()
    behind, away = plane(2.0, lens), plane(x, lens)
    light = away.light.clone()
    light[:, :, MARGIN - 5 :] = 0
    lone = photographed([behind], lens, MARGIN)
    both = photographed([behind, ScenePlane(light, away.inverse_depth)], lens, MARGIN)
    assert torch.allclose(both.bokeh, lone.bokeh, atol=1e-6) and torch.equal(both.image, lone.image)


def test_a_slanted_plane_is_read_at_each_pixel_s_radius():
    lens = sharp_lens()
    slanted = photographed([plane(3, lens, (0.0, 0.1))], lens, MARGIN)
    radii = lens.coc_radius_px(1 / slanted.depth_m, SIDE)[0, :, 0]
    for row in (3, 20, 44):
        flat = photographed([plane(float(radii[row]), lens)], lens, MARGIN)
        assert (slanted.bokeh[:, row] - flat.bokeh[:, row]).abs().max() < 0.02


def test_rays_agree():
    lens = sharp_lens()
    coarse = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    smooth = torch.nn.functional.interpolate(coarse, (SIDE + 2 * MARGIN,) * 2, mode="bicubic")[0].clamp(0, 1)
    planes = [plane(9, lens, light=smooth), plane(-9, lens, light=smooth.flip(0), hole=True)]
    assert psnr(photographed(planes, lens, MARGIN).bokeh, rays(planes, lens)) > 35


def test_the_renderer_is_close():
    lens = sharp_lens()
    coarse = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(2))
    smooth = torch.nn.functional.interpolate(coarse, (SIDE + 2 * MARGIN,) * 2, mode="bicubic")[0].clamp(0, 1)
    planes = [plane(5, lens, light=smooth), plane(0, lens, light=smooth.flip(0), hole=True)]
    scene = photographed(planes, lens, MARGIN)
    assert psnr(PhysicalRenderer(lens)(scene.image[None], scene.depth_m[None])[0], scene.bokeh) > 30


def test_what_cannot_be_is_said():
    lens = sharp_lens()
    with pytest.raises(InputError, match="at least one plane"):
        photographed([], lens, MARGIN)
    with pytest.raises(InputError, match="expected a margin of 21 px"):
        photographed([plane(20, lens)], lens, MARGIN)
