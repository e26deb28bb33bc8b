"""What is compared differs by the renderer alone."""

import time

import numpy as np
import pytest

from cocnet.errors import FileError
from cocnet.imaging import Photo
from cocnet.networks import create_model
from cocnet.pipeline import compare as module
from cocnet.pipeline.compare import common_plan, comparable_renderers, compare, parameters_in
from cocnet.pipeline.live_preview import View
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.scene import open_scene
from cocnet.renderers import NAMES

OPTIONS = RenderOptions(depth_kind="metric", focus_m=1.5, f_number=1.0, focal_length_mm=200)


@pytest.fixture(scope="module")
def view():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    depth = np.tile(np.repeat([1.5, 6.0], 30), (40, 1)).astype(np.float32)
    return View(open_scene(Photo(pixels), depth, OPTIONS), 30)


@pytest.mark.parametrize(("name", "mode"), [("physical", "over"), ("physical-eq8", "eq8")])
def test_it_is_the_renderers_own_view_whatever_mode_and_model_are_chosen(view, name, mode):
    chosen = OPTIONS.changed(model="cocnet-b3-less", mode="over" if mode == "eq8" else "eq8")
    made = compare(view, common_plan(view.scene, chosen), name)
    assert made.name == name and made.reads == {"depth", "lens"} and made.notes == ()
    assert (made.pixels == view.look(OPTIONS.changed(mode=mode)).pixels).all()


def test_what_reads_no_lens_says_so_and_a_missing_file_is_told(view):
    plan = common_plan(view.scene, OPTIONS)
    still = compare(view, plan, "identity")
    assert (still.pixels == view.original).all() and "no effect" in still.notes[0]
    with pytest.raises(FileError, match="weights that ship"):
        compare(view, plan, "dmshn")


def test_seconds_are_those_of_a_renderer_that_is_warm(view, monkeypatch):
    class Slow:
        name = "slow"
        reads = frozenset[str]()
        calls = 0

        def render(self, light, inverse_depth, lens):
            Slow.calls += 1
            time.sleep(0.3 if Slow.calls == 1 else 0.02)
            return light

    monkeypatch.setattr(module, "renderer_for", lambda options: Slow())
    assert 0.02 <= compare(view, common_plan(view.scene, OPTIONS), "slow").seconds < 0.3


def test_parameters_are_those_that_training_changes():
    assert all(parameters_in(name) == 0 for name in NAMES)
    counted = sum(p.numel() for p in create_model("cocnet-hybrid").parameters())
    assert parameters_in("cocnet-hybrid") == counted
    assert len(set(comparable_renderers())) == len(comparable_renderers())
