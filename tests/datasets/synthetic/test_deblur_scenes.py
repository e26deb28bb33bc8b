"""Pairs made of photos: the same ones again, sharp where in focus, blurred as their lens says; bokeh on the fly."""

import numpy as np
import pytest
import torch
from scenes import SCENES

from cocnet.datasets.pairs.raytraced import RayTraced, cropped
from cocnet.datasets.pairs.view import Cut
from cocnet.datasets.subject.cutouts import SubjectSet
from cocnet.datasets.synthetic.bokeh_augmentation import BokehAugmentation
from cocnet.datasets.synthetic.deblur_scenes import (
    Alternating,
    DeblurScenes,
    DeblurSceneSettings,
    RayTracedPairs,
    detail,
)
from cocnet.datasets.synthetic.sensor_noise import CameraSettings, as_filed
from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear

CLEAN = CameraSettings(noisy=0, compressed=0)


@pytest.fixture(scope="module")
def photos():
    """Noise with a square as its subject."""
    draws = torch.Generator().manual_seed(0)
    planes = torch.randint(0, 256, (4, 4, 160, 160), generator=draws, dtype=torch.uint8)
    planes[:, 3] = 0
    planes[:, 3, 40:110, 50:120] = 255
    return SubjectSet(planes, tuple("abcd"))


def test_a_pair_is_the_same_again_and_another_each_pass(photos):
    data = DeblurScenes(photos, DeblurSceneSettings(32))
    first, again, other = data[(0, 3)], data[(0, 3)], data[(1, 3)]
    assert torch.equal(first.blurred, again.blurred) and torch.equal(first.sharp, again.sharp)
    assert not torch.equal(first.sharp, other.sharp)
    assert first.sharp.shape == first.blurred.shape == (3, 32, 32)
    for picture in first[:2]:
        assert torch.equal((picture * 255).round() / 255, picture)


def test_more_radius_is_more_blur(photos):
    def lost(radius):
        data = DeblurScenes(photos, DeblurSceneSettings(48, (radius, radius), things=0), CLEAN, seed=2)
        pairs = [data[i] for i in range(6)]
        return sum(detail(p.blurred) / detail(p.sharp) for p in pairs) / 6

    kept = [lost(radius) for radius in (0.05, 1.5, 6.0)]
    assert kept[0] > 0.97 and kept[0] > kept[1] + 0.05 > kept[2] + 0.1


def test_noise_has_its_variance_and_no_more_is_done():
    draw, grey = np.random.default_rng(0), torch.full((3, 200, 200), 0.5)
    assert torch.allclose(as_filed(grey, draw, CLEAN), grey, atol=1 / 510)
    a, b = 1e-3, 5e-3
    noisy = as_filed(grey, draw, CameraSettings(1.0, (a, a), (b, b), 0.0))
    light = float(srgb_to_linear(torch.tensor(0.5)))
    assert float(srgb_to_linear(noisy).var()) == pytest.approx(a * light + b * b, rel=0.03)
    jpeg = as_filed(torch.rand(3, 32, 32), draw, CameraSettings(0.0, compressed=1.0, quality=(60, 60)))
    assert jpeg.shape == (3, 32, 32)


@pytest.fixture(scope="module")
def source():
    """Crops of two ray-traced scenes."""
    scenes = RayTraced(tuple(SCENES[:2]), "scenes")
    return [cropped(scenes[i], Cut(100, 90, 64, 64, False)) for i in range(2)]


def test_natural_bokeh_is_the_renderer_s_and_sharp_is_the_scene(source):
    data = BokehAugmentation(source, camera=CLEAN)
    pair = data[1]
    expected = linear_to_srgb(source[1].image).clamp(0, 1)
    assert float((pair.sharp - expected).abs().max()) <= 1 / 255
    assert float((pair.blurred - pair.sharp).abs().mean()) > 0.003
    assert torch.equal(pair.blurred, data[1].blurred)
    assert not torch.equal(pair.blurred, data[(1, 1)].blurred)


def test_the_lens_reaches_the_radius_that_was_drawn(source):
    data = BokehAugmentation(source, radius_px=(3.0, 3.0))
    from cocnet.datasets.synthetic.bokeh_augmentation import Span

    span = Span(0.1, 0.7)
    lens = data.lens(span, 64, np.random.default_rng(0))
    radii = lens.coc_radius_px(torch.linspace(0.1, 0.7, 50), 64).abs()
    assert float(radii.max()) == pytest.approx(3, rel=1e-4)


def test_depth_can_be_moved(source):
    natural = BokehAugmentation(source, camera=CLEAN)[0]
    still = BokehAugmentation(source, "random", epsilon=0.0, camera=CLEAN)[0]
    random = BokehAugmentation(source, "random", epsilon=0.2, camera=CLEAN)[0]
    assert not torch.equal(random.blurred, natural.blurred) and torch.equal(random.sharp, natural.sharp)
    assert torch.allclose(still.blurred, natural.blurred, atol=1 / 255)
    seen = []

    def flat(render, nearness, light):
        seen.append(float(nearness.min()) >= 0 and float(nearness.max()) <= 1)
        return torch.full_like(nearness, 0.5)

    moved = BokehAugmentation(source, flat, camera=CLEAN)[0]
    assert seen == [True] and not torch.equal(moved.blurred, natural.blurred)


def test_impossible_settings_are_refused(photos, source):
    for bad in ({"side_px": 15}, {"radius_px": (0.0, 2.0)}, {"things": -1}):
        with pytest.raises(InputError, match="expected an even side"):
            DeblurSceneSettings(**bad)
    with pytest.raises(InputError, match="expected shares in"):
        CameraSettings(noisy=2)
    for other in ({"radius_px": (3, 2)}, {"epsilon": -1}):
        with pytest.raises(InputError, match="radii above 0"):
            BokehAugmentation(source, **other)
    empty = SubjectSet(photos.planes.clone().index_fill(1, torch.tensor([3]), 0), photos.names)
    with pytest.raises(InputError, match="photos with a subject"):
        DeblurScenes(empty)


def test_crops_of_ray_traced_scenes_in_turn_with_others(photos):
    scenes = RayTraced(tuple(SCENES[:2]), "two scenes")
    traced = RayTracedPairs(scenes, 32, CLEAN, seed=1)
    both = Alternating(DeblurScenes(photos, DeblurSceneSettings(32), seed=2), traced)
    assert torch.equal(both[7].blurred, traced[3].blurred) and both[6].name == "scene"
    assert torch.equal(both[2, 7].sharp, traced[2, 3].sharp)
    assert not torch.equal(traced[0, 3].sharp, traced[1, 3].sharp)
    whole = {scene.name: scene for scene in (scenes[0], scenes[1])}
    for index in range(4):
        pair = traced[index]
        scene = (linear_to_srgb(whole[pair.name].image).clamp(0, 1) * 255).round()
        levels = set(scene.unique().tolist())
        assert set((pair.sharp * 255).round().unique().tolist()) <= levels
