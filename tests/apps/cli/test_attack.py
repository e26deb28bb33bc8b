"""`cocnet attack`: the files it leaves are what it says they are."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from victims import labelled, open_tiny

import cocnet
from cocnet.apps.cli.attack_command import outcome
from cocnet.renderers import NearnessView, Physical, Setup
from cocnet.robustness import sources
from cocnet.robustness.run_layout import load_picture
from cocnet.robustness.single_photo import AttackOutcome, AttackRun, Prediction, ignored_by_method


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "open_victim", open_tiny)
    labelled(tmp_path / "photos", count=1)
    path = tmp_path / "photo.png"
    next((tmp_path / "photos").glob("*/0.png")).rename(path)
    return path


OPTIONS = ("--victim", "tiny", "--size-px", "32", "--steps", "5")


def test_the_picture_and_its_depth_belong_together(photo, run):
    out = photo.with_name("out.png")
    found = run("attack", photo, "--method", "gda", "--epsilon", 0.3, *OPTIONS, "-o", out, "--json")
    facts = json.loads(found.out)
    assert found.code == 0 and facts["epsilon"] == 0.3 and facts["queries"] >= 1
    picture, victim = load_picture(out)[None], open_tiny("tiny")
    chances = victim(picture)[0].softmax(0)
    assert facts["after"]["label"] == int(chances.argmax())
    assert facts["after"]["confidence"] == pytest.approx(float(chances.max()), abs=1e-5)
    inverse = torch.from_numpy(np.load(facts["depth"]))
    setup = Setup()
    near = ((inverse - 1 / setup.far_m) / setup.dioptres).clamp(0, 1)
    again = NearnessView(Physical())(load_picture(photo)[None], near[None, None])
    assert (again - picture).abs().max() < 0.6 / 255
    settings = json.loads((out.parent / "out.png.json").read_text())
    assert settings["settings"]["steps"] == 5 and settings["result"]["label"] == facts["photo"]["label"]


def test_what_is_printed(photo, run):
    out = photo.with_name("out.png")
    found = run("attack", photo, "--method", "pgd-rgb", "--epsilon", 0.5, *OPTIONS, "-o", out)
    assert found.code == 0 and "ε 0.5" in found.out and ": fooled" in found.out
    assert "natural bokeh  class " in found.out and not out.with_name("out.png.npy").exists()
    label = int(open_tiny("tiny")(load_picture(photo)[None]).argmax())
    goal = (label + 1) % 5
    found = run(
        "attack", photo, "--method", "pgd-rgb", "--epsilon", 0.5, "--target", goal, *OPTIONS, "-o", out
    )
    assert f"this file      class {goal} ({goal})" in found.out
    found = run("attack", photo, "--method", "bokeh", *OPTIONS, "-o", out)
    assert "not fooled" in found.out or "as by bokeh alone" in found.out
    depth = np.linspace(1, 5, 32 * 32, dtype=np.float32).reshape(32, 32)
    np.save(photo.with_name("d.npy"), depth)
    given = ("--depth", photo.with_name("d.npy"))
    found = run("attack", photo, *given, "--depth-kind", "metric", "--method", "lens", *OPTIONS, "-o", out)
    assert (
        found.code == 0
        and len(json.loads((out.parent / "out.png.json").read_text())["result"]["camera"]) == 3
    )
    assert run("attack", photo, *given, *OPTIONS, "-o", out).code == 1


def test_allies_are_others_of_the_same_classes(photo, run):
    out, queries = photo.with_name("out.png"), []
    for allies in ("", ":with=tiny", ":with=tiny2"):
        method = f"gda@0.3:full{allies}"
        found = run("attack", photo, "--method", method, *OPTIONS, "-o", out, "--json")
        queries.append(json.loads(found.out)["queries"])
    assert queries == [6, 6, 12]
    found = run("attack", photo, "--method", "gda:with=grid", *OPTIONS, "-o", out)
    assert found.code == 1 and "victims of the same classes" in found.err


def test_effort_that_has_no_effect_is_told(photo, run):
    out, effort = photo.with_name("out.png"), ("--restarts", "2", "--full-steps")
    found = run("attack", photo, "--method", "ace", *OPTIONS, *effort, "-o", out)
    assert found.code == 0 and "note: --restarts, --full-steps: no effect with --method ace" in found.err
    assert "note" not in run("attack", photo, "--method", "gda", *OPTIONS, *effort, "-o", out).err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--method", "gdaa"), "try gda"),
        (("--victim", "nobody"), "expected a victim"),
        (("--label", "7"), "class of 0..4"),
        (("--method", "ace", "--target", "1"), "reach a target"),
        (("--epsilon", "-1"), "epsilon from 0"),
        (("--label", "1", "--target", "1"), "a target other than"),
    ],
)
def test_what_can_not_be(options, error, photo, run):
    found = run("attack", photo, *OPTIONS, *options, "-o", photo.with_name("out.png"))
    assert found.code == 1 and error in found.err and not photo.with_name("out.png").exists()
    for out in (photo, photo.with_name("out.gif"), photo.with_name("nowhere") / "out.png"):
        assert run("attack", photo, *OPTIONS, "-o", out).code == 1


@pytest.mark.parametrize("method", ["gda", "pgd-rgb"])
@pytest.mark.parametrize(
    "names", [["out.png.npy"], ["out.png.npy.json"], ["out.png.npy", "out.png.npy.json"]]
)
def test_files_that_no_attack_left_stay(method, names, photo, run):
    for name in names:
        photo.with_name(name).write_text('{"source": "mine", "kind": "metric"}')
    found = run("attack", photo, "--method", method, *OPTIONS, "-o", photo.with_name("out.png"))
    assert found.code == 1 and names[0] in found.err
    assert {photo.with_name(name).read_text() for name in names} == {'{"source": "mine", "kind": "metric"}'}


def test_the_depth_of_an_earlier_attack_goes(photo, run):
    out = photo.with_name("out.png")
    assert run("attack", photo, "--method", "gda", "--epsilon", 0.3, *OPTIONS, "-o", out).code == 0
    assert photo.with_name("out.png.npy").exists()
    for method in ("gda", "pgd-rgb"):
        assert run("attack", photo, "--method", method, "--epsilon", 0.3, *OPTIONS, "-o", out).code == 0
    assert not list(out.parent.glob("out.png.npy*"))


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("blur", "--steps, --restarts, --loss, --lens-stops: no effect with --method blur"),
        ("ace", "--restarts, --loss, --lens-stops: no effect with --method ace"),
        ("gda@8e-3:full", "--lens-stops: no effect with --method gda"),
        ("random-lens", "--depth-kind: no effect without --depth"),
    ],
)
def test_options_without_effect_are_told(method, told):
    given = {"steps": 3, "restarts": 2, "loss": "dlr", "lens_stops": 1.0, "depth_kind": "metric"}
    assert told in ignored_by_method(AttackRun(out=Path("a.png"), method=method, **given))
    assert ignored_by_method(AttackRun(out=Path("a.png"), method=method)) == ()


@pytest.mark.parametrize("name", ["none.png", "."])
def test_what_is_no_photo(name, photo, run):
    found = run("attack", photo.parent / name, *OPTIONS, "-o", photo.with_name("out.png"))
    assert found.code == 1 and "expected a photo, got no file" in found.err


@pytest.mark.parametrize(
    ("natural", "target", "alone"),
    [(1, None, False), (2, None, True), (2, 3, False), (1, 3, False), (3, 3, True)],
)
def test_bokeh_alone_fools_where_it_reaches_what_was_wanted(natural, target, alone):
    photo, seen, after = (Prediction(label, "a class", 0.5) for label in (1, natural, target or 2))
    found = AttackOutcome(Path("out.png"), None, None, 1, photo, seen, after, True, 5, target=target)
    assert outcome(found) == ("fooled, as by bokeh alone" if alone else "fooled")


def test_attacks_are_there_by_name():
    assert cocnet.attacks.BackgroundGDA().name == "bg-gda" and "attacks" in dir(cocnet)
    with pytest.raises(AttributeError):
        _ = cocnet.attack_everything
