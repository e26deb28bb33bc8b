"""The hybrid's network is asked around silhouettes and where detail is a little blurred, and nowhere else."""

from pathlib import Path
from typing import Any

import pytest
import torch
from scenes import lens_of

from cocnet import PhysicalRenderer, create_model, load_model
from cocnet.datasets import ray_traced
from cocnet.imaging import linear_to_srgb
from cocnet.renderers import HybridRenderer
from cocnet.renderers.asked_cells import asked_cells
from cocnet.renderers.network import coc_map

SCENES = Path(__file__).parents[1] / "data" / "raytrace"
LENS = lens_of(sensor_width_m=0.005)


def stirred():
    """A small hybrid whose kernels are not zero."""
    model = create_model("cocnet-hybrid", channels=[4, 8, 8], groups=1, kernel_size=5)
    made = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.phi.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=made) * 0.1)
    return model.eval().requires_grad_(False)


def world(width=320, height=96, edge=150):
    """Detail on a near plane and on a far one, both blurred by more than is fine."""
    made = torch.Generator().manual_seed(3)
    depth = torch.where(torch.arange(width) < edge, 1.0, 20.0).expand(1, 1, height, width)
    return torch.rand(1, 3, height, width, generator=made), 1 / depth


def test_a_picture_without_silhouettes_runs_no_tile():
    light, _ = world()
    inverse = torch.linspace(0.05, 0.12, 320).expand(1, 1, 96, 320).contiguous()
    radius_px = LENS.coc_radius_px(inverse, 320)
    assert float(radius_px.min()) > 4
    model = stirred()
    tiles, model.on_unit = [], lambda: tiles.append(model.units)
    model._whole = lambda *_: pytest.fail("the network was asked")
    with torch.no_grad():
        found = HybridRenderer(model).render(light, inverse, LENS)
    expected = PhysicalRenderer(LENS).from_inverse_depth(light, inverse)
    assert not tiles and model.units == 0 and torch.allclose(found, expected, atol=1e-5)


@torch.no_grad()
def test_it_is_asked_as_far_as_a_silhouettes_blur_reaches():
    light, inverse = world()
    radius_px = LENS.coc_radius_px(inverse, 320)
    for cell, scale in ((16, 1), (32, 2)):
        asked = asked_cells(radius_px, torch.full_like(light, 0.5), cell, scale)[0, 0].bool()
        reach = float(radius_px.abs().max()) + cell
        middles = (torch.arange(asked.shape[1]) + 0.5) * cell
        away = (middles - 150).abs()
        assert bool(asked[:, away < reach - cell].all()) and not bool(asked[:, away > reach + cell].any())


@torch.no_grad()
def test_it_is_asked_where_detail_is_a_little_blurred():
    light, _ = world()
    flat = torch.full_like(light, 0.5)
    for radius, picture, expected in (
        (1.0, light, True),
        (1.0, flat, False),
        (0.1, light, False),
        (9.0, light, False),
    ):
        asked = asked_cells(torch.full((1, 1, 96, 320), radius), picture, 16)
        assert bool(asked.all()) == bool(asked.any()) == expected
    assert bool(asked_cells(torch.full((1, 1, 96, 320), 6.0), light, 32, 2).any())


def test_tiles_are_the_whole_with_gradients_and_without():
    light, inverse = world()
    model = stirred()
    model.tile_px = 16
    whole = HybridRenderer(model).render(light.requires_grad_(), inverse, LENS).detach()
    tiles = []
    model.on_unit = lambda: tiles.append(model.units)
    with torch.no_grad():
        parts = HybridRenderer(model).render(light, inverse, LENS)
        everywhere = HybridRenderer(model, everywhere=True).render(light, inverse, LENS)
    assert torch.allclose(parts, whole, atol=1e-3) and 1 < tiles[0] < 20 * 6
    physical = PhysicalRenderer(LENS).from_inverse_depth(light, inverse).detach()
    there = (whole - everywhere).abs().amax((0, 1, 2)) < 1e-4
    same = (whole - physical).abs().amax((0, 1, 2)) < 1e-4
    assert bool(there[140:160].all()) and bool(same[:32].all()) and not bool(same[140:160].all())


@torch.no_grad()
def test_each_photo_of_a_batch_has_its_own_lens():
    light, inverse = world()
    renderer = HybridRenderer(
        create_model("cocnet-hybrid", channels=[4, 8, 8], groups=1, kernel_size=5).eval()
    )
    numbers, distances = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0])
    both = renderer.render(
        light.repeat(2, 1, 1, 1),
        inverse.repeat(2, 1, 1, 1),
        LENS.at(f_number=numbers, focus_distance_m=distances),
    )
    for i in range(2):
        lens = LENS.at(f_number=float(numbers[i]), focus_distance_m=float(distances[i]))
        alone = renderer.render(light, inverse, lens)
        assert (both[i] - alone[0]).abs().mean() < 3e-3 < 0.03 < (both[1 - i] - alone[0]).abs().mean()


@torch.no_grad()
def test_parts_end_without_seams():
    """Across the border of what is asked, the correction falls by no more a pixel than its size over half a cell."""
    light, inverse = world()
    model = stirred()
    model._whole = lambda seen, inner=None: (
        0.1 * torch.ones_like(seen.image if inner is None else inner.of(seen.image))
    )
    found = linear_to_srgb(HybridRenderer(model).render(0.2 + 0.2 * light, inverse, LENS))
    physical = linear_to_srgb(PhysicalRenderer(LENS).from_inverse_depth(0.2 + 0.2 * light, inverse))
    change = (found - physical)[0, 0, 48]
    assert float(change.max()) > 0.099 and float(change.min()) < 1e-4
    cell = model.card.size_multiple
    assert float(change.diff().abs().max()) <= 0.1 / cell + 1e-3


@torch.no_grad()
def test_tiles_of_the_weights_that_ship_are_parts_of_the_whole():
    model: Any = load_model("cocnet-hybrid").eval()
    scene = ray_traced(SCENES)[0]
    light, inverse = scene.image[None], 1 / scene.depth_m[None]
    physical = PhysicalRenderer(scene.lens).from_inverse_depth(light, inverse)
    depth = coc_map(model, inverse, scene.lens)
    model.tile_px = 64
    parts = model.correct_light(light, depth, physical)
    model.tile_px = None
    whole = model.correct_light(light, depth, physical)
    assert torch.allclose(parts, whole, atol=1e-5) and float((whole - physical).abs().max()) > 0.02


def test_the_lights_of_one_picture_change_no_other_of_the_batch():
    light, inverse = (t.expand(2, -1, -1, -1).clone() for t in world())
    light[1, :, 40:43, 60:63] = 30.0
    renderer = HybridRenderer(create_model("cocnet-hybrid", channels=[4, 8, 8], groups=1).eval())
    with torch.no_grad():
        together = renderer.render(light, inverse, LENS)
        assert torch.allclose(together[:1], renderer.render(light[:1], inverse[:1], LENS), atol=1e-6)
