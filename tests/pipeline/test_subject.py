"""The subject is found once for a scene, however often its lens changes."""

import gc

import numpy as np
import pytest

from cocnet.pipeline import subject as module
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.plan import plan_of
from cocnet.pipeline.scene import open_scene


@pytest.fixture
def scene():
    depth = np.tile(np.linspace(1, 8, 24, dtype=np.float32), (24, 1))
    return open_scene(np.full((24, 24, 3), 90, np.uint8), depth, RenderOptions())


@pytest.fixture
def looked(monkeypatch):
    calls = []
    monkeypatch.setattr(module, "find_subject", lambda photo, options: calls.append(options.estimator))
    return calls


def test_lens_and_renderer_need_no_second_look(scene, looked):
    for f_number in (1.4, 2, 8):
        plan_of(scene, RenderOptions(f_number=f_number))
    plan_of(scene, RenderOptions(mode="eq8", aperture_blades=6))
    assert len(looked) == 1


def test_another_estimator_and_another_scene_do(scene, looked):
    for estimator in ("auto", "builtin", "builtin"):
        plan_of(scene, RenderOptions(estimator=estimator))
    assert looked == ["auto", "builtin"]
    other = open_scene(scene.photo, scene.found.depth, RenderOptions())
    plan_of(other, RenderOptions(estimator="builtin"))
    assert len(looked) == 3


def test_nothing_is_looked_for_where_the_focus_is_given(scene, looked):
    for options in (RenderOptions(focus_m=2), RenderOptions(focus_point=(0.5, 0.5))):
        plan_of(scene, options)
    assert not looked


def test_what_was_found_goes_with_its_scene(looked):
    before = len(module._found)
    for _ in range(3):
        depth = np.ones((24, 24), np.float32)
        plan_of(open_scene(np.zeros((24, 24, 3), np.uint8), depth, RenderOptions()), RenderOptions())
    gc.collect()
    assert len(looked) == 3 and len(module._found) <= before + 1
