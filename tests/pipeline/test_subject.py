"""The subject is found once for a scene, however often its lens changes."""

import gc
from types import SimpleNamespace

import numpy as np
import pytest

from cocnet.depth.faces import Face
from cocnet.pipeline import subject as module
from cocnet.pipeline.drawn import Drawn
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.plan import plan_of
from cocnet.pipeline.scene import open_scene

MASK = np.zeros((24, 24), np.float32)
MASK[6:18, 14:22] = 1


def opened(drawn=None):
    depth = np.tile(np.linspace(1, 8, 24, dtype=np.float32), (24, 1))
    return open_scene(np.full((24, 24, 3), 90, np.uint8), depth, RenderOptions(), drawn)


@pytest.fixture
def looked(monkeypatch):
    """How often the network and the face detector were asked; there are no faces."""
    calls = SimpleNamespace(subject=0, faces=0)

    def find_subject(photo, options):
        calls.subject += 1
        return MASK

    def find_faces(rgb):
        calls.faces += 1
        return ()

    monkeypatch.setattr(module, "find_subject", find_subject)
    monkeypatch.setattr(module, "find_faces", find_faces)
    return calls


def test_lens_and_renderer_need_no_second_look(looked):
    scene = opened()
    options = [RenderOptions(f_number=f_number) for f_number in (1.4, 2, 8)]
    options += [RenderOptions(mode="eq8", aperture_blades=6), RenderOptions(estimator="builtin")]
    plans = [plan_of(scene, one) for one in options]
    assert (looked.subject, looked.faces) == (1, 1)
    assert {plan.settings.focus_m for plan in plans} == {plan_of(opened(), options[0]).settings.focus_m}
    assert plans[0].settings.focus_m.origin == "auto: the subject, its upper part"
    assert module.subject_of(scene, options[1]).mask is MASK


def test_other_weights_and_another_scene_do(looked, monkeypatch):
    scene, weights = opened(), object()
    plan_of(scene, RenderOptions())
    monkeypatch.setattr(module, "named_network", lambda options: weights)
    for f_number in (2, 4):
        plan_of(scene, RenderOptions(f_number=f_number))
    assert looked.subject == 2
    plan_of(opened(), RenderOptions())
    assert looked.subject == 3


def test_nothing_is_looked_for_where_the_focus_is_given_or_no_renderer_reads_depth(looked):
    scene = opened()
    for options in (RenderOptions(focus_m=2), RenderOptions(focus_point=(0.5, 0.5))):
        plan_of(scene, options)
    assert module.subject_of(scene, RenderOptions(), look=False) == (None, (), None)
    assert looked.subject == 0
    assert module.subject_of(scene, RenderOptions()).mask is MASK


def test_what_was_drawn_is_the_subject(looked):
    scene = opened(Drawn(subject=MASK[:, ::-1]))
    for options in (RenderOptions(), RenderOptions(focus_m=2), RenderOptions(estimator="builtin")):
        found = module.subject_of(scene, options)
        assert np.array_equal(found.mask, MASK[:, ::-1]) and found.faces == ()
    assert (looked.subject, looked.faces) == (0, 0)


def test_faces_are_kept_as_well(looked, monkeypatch):
    scene, face = opened(), Face(0.1, 0.1, 0.3, 0.4, 0.9)
    monkeypatch.setattr(module, "find_faces", lambda rgb: (face,))
    first = plan_of(scene, RenderOptions())
    monkeypatch.setattr(module, "find_faces", lambda rgb: ())
    assert plan_of(scene, RenderOptions(f_number=4)).settings.focus_m == first.settings.focus_m
    assert first.settings.focus_m.origin == "auto: the face"


def test_what_was_found_goes_with_its_scene(looked):
    gc.collect()
    before = len(module._kept)
    for _ in range(3):
        plan_of(opened(), RenderOptions())
    gc.collect()
    assert looked.subject == 3 and len(module._kept) <= before
