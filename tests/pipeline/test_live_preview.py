"""A view is the render at a screen's size; what a lens alone changes doesn't open the photo again."""

from dataclasses import fields

import numpy as np
import pytest

from cocnet.imaging import Photo
from cocnet.pipeline.compare import common_plan, compare
from cocnet.pipeline.drawn import Drawn
from cocnet.pipeline.live_preview import View, with_zones
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.render_photo import render
from cocnet.pipeline.scene import LENS_ALONE, open_scene, scene_key

OPTIONS = RenderOptions(
    depth_kind="metric", focus_m=1.5, f_number=1.0, focal_length_mm=200, grain="off", highlights="off"
)


@pytest.fixture(scope="module")
def scene():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return open_scene(Photo(pixels), np.tile(np.repeat([1.5, 6.0], 30), (40, 1)).astype(np.float32), OPTIONS)


def test_at_full_size_it_is_the_render(scene):
    look = View(scene, 60).look(OPTIONS)
    whole = render(scene.photo, scene.found.depth, OPTIONS)
    assert np.abs(look.pixels.astype(int) - whole.pixels).max() <= 1  # dithered there
    assert look.settings == whole.settings


@pytest.mark.parametrize("name", ["physical", "cocnet-b3-less"])
def test_what_is_kept_is_the_photos_in_a_view_and_in_a_comparison(scene, name):
    keep = np.zeros((40, 60), bool)
    keep[:, 33:] = True
    drawn = open_scene(scene.photo, scene.found.depth, OPTIONS, Drawn(keep=keep))
    view, without = View(drawn, 60), View(scene, 60)
    kept, other = (compare(one, common_plan(one.scene, OPTIONS), name).pixels for one in (view, without))
    assert np.array_equal(kept[keep], scene.photo.pixels[keep])
    assert np.abs(other.astype(int) - scene.photo.pixels)[keep].max() > 20
    assert np.array_equal(view.look(OPTIONS).pixels[keep], scene.photo.pixels[keep])


def test_lamps_are_restored_for_whatever_has_the_physical_renderer_in_it(scene):
    pixels = np.full((60, 60, 3), 20, np.uint8)
    pixels[30, 44:47] = pixels[29:32, 45] = 255
    lit = open_scene(Photo(pixels), np.tile(np.repeat([1.5, 6.0], 30), (60, 1)).astype(np.float32), OPTIONS)
    assert float(View(lit, 60).light_with_lamps.max()) > 1.5
    for model in (None, "cocnet-hybrid"):
        view = View(lit, 60)
        on, off = (view.look(OPTIONS.changed(model=model, highlights=x)).pixels for x in ("auto", "off"))
        assert int(on.astype(int).sum()) > int(off.astype(int).sum()) + 1000, model


def test_without_lamps_lights_cost_and_change_nothing():
    pixels = np.random.default_rng(0).integers(0, 200, (40, 60, 3), dtype=np.uint8)
    depth = np.tile(np.linspace(1.0, 6.0, 60), (40, 1)).astype(np.float32)
    view = View(open_scene(Photo(pixels), depth, OPTIONS), 60)
    whole, lamps = (view.look(OPTIONS.changed(highlights=x, f_number=2.0)) for x in ("off", "auto"))
    assert whole.settings.largest_blur_radius_px > 8 and np.array_equal(whole.pixels, lamps.pixels)


@pytest.mark.parametrize(
    ("longest", "size"), [(30, (20, 30)), (20, (13, 20)), (45, (30, 45)), (99, (40, 60))]
)
def test_a_view_has_its_size_the_photos_settings_light_and_depths(scene, longest, size):
    view = View(scene, longest)
    look = view.look(OPTIONS)
    assert look.pixels.shape == (*size, 3) and look.settings == View(scene, 60).look(OPTIONS).settings
    assert set(view.inverse.unique().tolist()) == set(np.unique(scene.inverse).tolist())
    assert ((view.inverse == view.inverse.max()).sum(1) - size[1] / 2).abs().max() <= 0.5
    light = scene.photo.linear(slice(0, 40))
    assert float(view.light.mean()) == pytest.approx(float(light.mean()), rel=1e-2)
    if longest == 30:
        pairs = light.unflatten(1, (20, 2)).unflatten(3, (30, 2)).mean((2, 4))
        assert (view.light - pairs).abs().max() < 1e-6


def test_zones_are_in_front_in_and_behind(scene):
    look = View(scene, 60).look(OPTIONS.changed(focus_m=3.0))
    assert (look.zones[:, :30] == -1).all() and (look.zones[:, 30:] == 1).all()
    assert 1.5 < look.sharp_m[0] < 3.0 < look.sharp_m[1] < 6.0
    tinted = with_zones(look.pixels, look.zones).astype(int)
    assert (tinted[:, :30, 0] - tinted[:, :30, 2]).mean() > 50 and (
        tinted[:, 30:, 2] - tinted[:, 30:, 0]
    ).mean() > 50


def test_only_what_a_lens_chooses_leaves_the_scene_as_it_is():
    names = [field.name for field in fields(RenderOptions)]
    assert set(LENS_ALONE) <= set(names)
    assert scene_key(RenderOptions()) == scene_key(
        RenderOptions(f_number=3, focus_m=2, squeeze=1.5, mode="eq8")
    )
    for name, value in {
        "estimator": "builtin",
        "near_m": 2.0,
        "keep": "a.png",
        "refine_depth": "off",
        "preview": True,
    }.items():
        assert scene_key(RenderOptions()) != scene_key(RenderOptions().changed(**{name: value}))
