"""Small lights as discs with a crisp outline, each of its own place, hidden by what is nearer."""

import pytest
import torch
from scenes import inverse_of, lens_of
from torch.nn import functional

from cocnet import PhysicalRenderer
from cocnet.rendering.fragments import Fragments, beside_lights, endless
from cocnet.rendering.lights import discs
from cocnet.rendering.lights.discs import with_depths


def disc(radius, side=512, at=(256, 256), power=60000.0, x=None, **lens_fields):
    """A lone point light before black, rendered."""
    lens = lens_of(**lens_fields)
    image = torch.zeros(1, 3, side, side)
    image[..., at[0], at[1]] = power
    x = torch.full((1, 1, side, side), float(radius)) if x is None else x
    return PhysicalRenderer(lens).from_inverse_depth(image, inverse_of(lens, x, side))[0, 0]


@pytest.mark.parametrize("radius", [23.0, 60.0, 93.0])
def test_the_rim_is_crisp_at_any_radius(radius):
    out = disc(radius)
    rows, columns = torch.arange(512)[:, None] - 256, torch.arange(512) - 256
    distance = torch.hypot(rows.float(), columns.float())
    level = 60000 / (torch.pi * radius**2)
    assert (out[distance < radius - 2] / level - 1).abs().max() < 0.05
    assert out[distance > radius + 2].max() < 0.01 * level
    assert out.sum() == pytest.approx(60000, rel=0.01)


@pytest.mark.parametrize("shape", [{"cat_eye": 0.8}, {"blades": 6}, {"cat_eye": 0.6, "blades": 7}])
def test_one_contour_between_the_cells_of_the_field(shape):
    out = disc(50.0, at=(170, 171), **shape)
    level = out.median() if (out > 0).float().mean() > 0.5 else out[out > 1].median()
    between = (out > 0.1 * level) & (out < 0.9 * level)
    assert between.sum() < 0.12 * (out > 0.5 * level).sum()


def test_what_is_nearer_hides_a_disc_and_what_is_farther_does_not():
    for nearer, seen in ((0.0, 0.0), (60.0, 1.0)):
        x = torch.full((1, 1, 256, 256), 40.0)
        x[..., 140:] = nearer
        out = disc(40.0, side=256, at=(128, 120), x=x)
        assert out[128, 150] == pytest.approx(seen * float(out[128, 95]), abs=0.05 * float(out[128, 95]))


def test_dark_pixels_at_its_border_do_not_move_a_light():
    x = torch.full((1, 1, 128, 128), 40.0)
    x[..., 63:66, 63:66] = 20.0
    image = torch.zeros(1, 3, 128, 128)
    image[..., 62:67, 62:67] = 1.5
    image[..., 63:66, 63:66] = 400.0
    lens = lens_of()
    out = PhysicalRenderer(lens).from_inverse_depth(image, inverse_of(lens, x, 128))[0, 0]
    assert out[64, 64 + 17] > 0.8 * 3600 / (torch.pi * 400) and out[64, 64 + 26] < 0.1


@pytest.mark.parametrize("radius", [10.0, 40.0, -10.0])
def test_nearer_is_what_is_two_pixels_and_three_tenths_of_its_radius_nearer(radius):
    """Its depth is only known in steps of a half, so what is about as far hides nothing."""
    limit = radius - 2 - 0.3 * abs(radius)
    x = torch.tensor([limit - 9, limit - 0.1, limit + 0.1, radius, radius + 5]).view(1, 1, 1, 5)
    part = torch.stack([torch.full((1, 1, 5), 7.0), torch.linspace(0.2, 1, 5).view(1, 1, 5)], 1)
    seen = with_depths(Fragments(part, x, part, x, endless(x)), [radius])
    for side in (seen.front, seen.back):
        expected = part[:, 1] * torch.tensor([0.0, 0, 1, 1, 1])
        assert torch.equal(side, torch.stack([part[:, 0], expected, part[:, 1]], 1))


@pytest.mark.parametrize("size", [(1, 1), (3, 20), (40, 2), (30, 50)])
def test_beside_lights_is_a_square_around_each(size):
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(3))
    image[torch.rand(image.shape, generator=torch.Generator().manual_seed(4)) > 0.998] = 3
    image[0, 1, 0, -1] = 2
    bright = (image.amax(1, keepdim=True) > 1).float()
    assert torch.equal(beside_lights(image), functional.max_pool2d(bright, 9, 1, 4) > 0)
    assert beside_lights(image.clamp(max=1)) is None


def test_lights_of_many_depths_are_seen_two_depths_at_a_time_as_all_at_once(monkeypatch):
    lens, image = lens_of(), torch.full((1, 3, 64, 320), 0.1)
    x = torch.full((1, 1, 64, 320), 9.0)
    for number, radius in enumerate((-20.0, -12.0, -7.0, -4.0, 4.0, 7.0, 12.0, 20.0)):
        x[..., 40 * number : 40 * (number + 1)] = radius
        image[..., 30:32, 40 * number + 19 : 40 * number + 21] = 300.0
    inverse = inverse_of(lens, x, 320)
    found = PhysicalRenderer(lens).from_inverse_depth(image, inverse)
    monkeypatch.setattr(discs, "TOGETHER", 100)
    assert torch.allclose(found, PhysicalRenderer(lens).from_inverse_depth(image, inverse), atol=1e-5)
