"""Kernels belong to an aperture: another one never gets them, nor does what outlives a transform of torch.func."""

import copy
import pickle
from dataclasses import replace

import pytest
import torch

from cocnet.optics import ThinLens
from cocnet.renderers import Physical
from cocnet.rendering import PhysicalRenderer, spot_cache

LENS = ThinLens(0.05, 1.4, 1.0, 0.036)
TRIANGLE = torch.ones(9, 9).tril()
OTHERS = {
    "blades": {"blades": 3},
    "rotation": {"blades": 3, "blade_rotation_rad": 0.5},
    "roundness": {"blades": 3, "roundness": 0.5},
    "cat_eye": {"cat_eye": 0.8},
    "order": {"butterworth_order": 2.0},
    "picture": {"aperture_picture": TRIANGLE},
    "turned": {"aperture_picture": TRIANGLE.flip(0)},
}


def world(side=48):
    light = torch.zeros(1, 3, side, side)
    light[..., side // 2, side // 2] = 1
    light[..., 4, 4] = 1
    return light, torch.full((1, 1, side, side), 3.0)


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_a_renderer_with_another_aperture_is_the_one_made_afresh(change):
    light, depth = world()
    used, wanted = PhysicalRenderer(LENS), PhysicalRenderer(replace(LENS, **change))
    first = used(light, depth)
    other = replace(used, lens=replace(LENS, **change))
    assert torch.equal(other(light, depth), wanted(light, depth))
    assert not torch.allclose(first, wanted(light, depth), atol=1e-4)


def test_one_renderer_for_many_lenses_is_each_lens_s_own():
    light, depth = world()
    render = Physical()
    for change in ({}, *OTHERS.values(), {}):
        lens = replace(LENS, **change)
        made = render.render(light, 1 / depth, lens)
        assert torch.equal(made, PhysicalRenderer(lens)(light, depth)), change


def test_a_picture_changed_in_place_is_another_aperture():
    light, depth = world()
    picture = TRIANGLE.clone()
    render = PhysicalRenderer(replace(LENS, aperture_picture=picture))
    before = render(light, depth)
    picture.copy_(TRIANGLE.flip(0))
    assert not torch.allclose(render(light, depth), before, atol=1e-4)


@pytest.mark.parametrize("transform", ["grad", "jvp", "vmap"])
def test_nothing_of_a_transform_is_left(transform):
    light, depth = world()
    render = PhysicalRenderer(LENS)

    def brightness(x):
        return render(light * x, depth).square().sum()

    x = torch.tensor(1.0)
    if transform == "grad":
        torch.func.grad(brightness)(x)
    elif transform == "jvp":
        torch.func.jvp(brightness, (x,), (x,))
    else:
        kernel = torch.func.vmap(lambda r: render._spot(3.0, (0.0, 0.0)) * r)(torch.ones(2))
        assert kernel.shape[0] == 2
    again = pickle.loads(pickle.dumps(render))
    assert torch.equal(again(light, depth), PhysicalRenderer(LENS)(light, depth))
    assert torch.equal(render(light, depth), again(light, depth))
    assert torch.equal(copy.deepcopy(render)(light, depth), again(light, depth))


def test_copies_keep_kernels_and_places_count_only_where_they_matter(monkeypatch):
    light, depth = world()
    first = Physical()
    first.render(light, 1 / depth, LENS)
    made = len(first.spots)
    second = replace(first, sharp_lights=False, preview=True)
    assert second.spots is first.spots and made > 0
    spot, far = first.spots.spot(LENS, 3.0, (0.0, 0.0)), (0.5, 0.5)
    assert first.spots.spot(LENS, 3.0, far) is spot
    shaded = replace(LENS, cat_eye=0.8)
    assert not torch.equal(first.spots.spot(shaded, 3.0, (0.0, 0.0)), first.spots.spot(shaded, 3.0, far))
    monkeypatch.setattr(spot_cache, "MOST_BYTES", 5 * first.spots.spot(LENS, 9.5, far).nbytes)
    for radius in range(9, 19):
        first.spots.spot(LENS, radius + 0.5, far)
    assert sum(kernel.nbytes for kernel in first.spots._spots.values()) <= spot_cache.MOST_BYTES
    assert 1 <= len(first.spots) <= 5
