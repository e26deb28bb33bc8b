"""Sweeps over ε and effort, and what survives: on the batches, records and report of every run."""

import base64
import json
import math
import re
import shlex
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from paths import ROOT
from safetensors.torch import load_file
from victims import open_tiny

from cocnet.apps.cli.main import main
from cocnet.errors import InputError
from cocnet.imaging import read_photo
from cocnet.metrics import wilson
from cocnet.renderers import NearnessView, Physical
from cocnet.robustness import robustness_run, stages
from cocnet.robustness.methods import open_method, swept
from cocnet.robustness.plots import styled
from cocnet.robustness.robustness_run import run_robustness
from cocnet.robustness.run_layout import load_picture, load_plane
from cocnet.robustness.scores import MethodScore
from cocnet.robustness.sweeps import at_similarity, effort_sweeps, epsilon_sweeps, shared_levels
from cocnet.robustness.transforms import PICTURES, other_renderer, quantised

SWEEP = ("aif", "random", "gda", "lens:restarts=2", "gda@0.3:steps=6", "gda@0.3:steps=1:restarts=2:full")


def score(method, epsilon, right, psnr_db, count=10, **changes):
    share = wilson(round(right * count), count)
    found = MethodScore(
        *("victim", method, method.partition("@")[0], epsilon, 50, 1, False),
        *(share, share, share, share, {}, {}, psnr_db, {}, 1.0, 1.0, 0.0),
    )
    return replace(found, **changes)


def sweep(*points):
    (found,) = epsilon_sweeps([score("gda", *point) for point in points])
    return found


def test_names_are_swept():
    assert swept(("aif", "gda", "sm-gda:full", "gda@0.5"), (1e-3, 0.1)) == (
        *("aif", "gda@0.001", "gda@0.1", "sm-gda@0.001:full", "sm-gda@0.1:full", "gda@0.5"),
    )
    assert swept(("aif", "gda"), ()) == ("aif", "gda")
    effort = open_method("gda@8e-3:steps=7:restarts=3:full")
    call: Any = effort.call
    assert (call.epsilon, call.steps, call.restarts, call.early_stop) == (8e-3, 7, 3, False)
    assert open_method("bg-gda@0.1:steps=7").baseline == "random-bg-gda@0.1:steps=7"
    wise = open_method("random@0.1:eot=jpeg75+resize:with=tiny2")
    assert (wise.budget.views, wise.budget.allies) == (("jpeg75", "resize"), ("tiny2",))
    own = open_method("gda@8e-3:with=mine.nets:fool+resnet50:steps=7:full")
    assert own.budget.allies == ("mine.nets:fool", "resnet50") and own.budget.steps == 7 and own.budget.full
    assert score(own.name, 8e-3, 0.5, 40.0).reckons == "with=mine.nets:fool+resnet50"
    wrongs = (
        "gda:steps=0",
        "gda:steps",
        "gda:loss=ce",
        "ace:steps=3",
        "gda:eot=",
        "gda:eot=depth8",
        "gda:with=",
        "gda:",
    )
    for wrong in wrongs:
        with pytest.raises(InputError, match="expected"):
            open_method(wrong)


def test_similarity_is_interpolated():
    curve = sweep((1e-4, 1.0, 60.0), (1e-2, 0.6, 40.0))
    middle = at_similarity(curve, 50.0)
    assert middle.epsilon == pytest.approx(1e-3) and middle.accuracy == pytest.approx(0.8)
    assert at_similarity(curve, 60.0).epsilon == pytest.approx(1e-4)
    assert at_similarity(curve, 30.0) is None and at_similarity(curve, 70.0) is None
    assert at_similarity(sweep((1e-5, 1.0, math.inf), (1e-2, 0.6, 40.0)), 50.0) is None
    assert shared_levels([curve, curve]) == (60.0, 55.0, 50.0, 45.0, 40.0) and shared_levels([curve]) == ()


def test_effort_until_nothing_changes():
    points = [score(f"gda:{n}", 0.1, 0.5, 40.0, steps=n, base="gda") for n in (20, 1, 5)]
    verdicts = {1: [True, False], 5: [True, True], 20: [True, True]}
    (found,) = effort_sweeps(points, {("victim", f"gda:{n}"): each for n, each in verdicts.items()})
    assert [one.steps for one in found.points] == [1, 5, 20] and found.settled_steps == 5
    verdicts[5] = [False, False]
    (found,) = effort_sweeps(points, {("victim", f"gda:{n}"): each for n, each in verdicts.items()})
    assert found.settled_steps is None
    assert effort_sweeps(points[:1], {}) == () and epsilon_sweeps(points) == ()


def test_more_budget_is_never_worse_and_the_report_says_all(run, capsys):
    pytest.importorskip("matplotlib")
    found = run_robustness(
        replace(
            run,
            methods=SWEEP,
            epsilons=(0.05, 0.3),
            transforms=("jpeg75", "depth8", "on:physical-eq8"),
            victims=("tiny",),
            steps=4,
        )
    )
    names = [one.name for one in found.epsilon_sweeps]
    assert names == ["random", "gda", "lens"]
    for curve in found.epsilon_sweeps[:2]:
        small, large = curve.points
        assert (small.epsilon, large.epsilon) == (0.05, 0.3) and small.right.value >= large.right.value
        assert small.median_psnr_db > large.median_psnr_db
    assert found.score("tiny", "lens@0.3:restarts=2").restarts == 2
    (effort,) = [one for one in found.effort_sweeps if "full" not in one.name]
    assert [one.steps for one in effort.points] == [4, 6]
    text = (run.out / "robustness.md").read_text()
    for piece in (
        "## tiny: accuracy against ε (of nearness)",
        "| gda, file, dB | ",
        "## tiny: effort",
        "gda, ε 0.3, 1 start",
        "## tiny: after transforms",
        "| on:physical-eq8 | ",
        "neighbours whose order turned",
        "![epsilon-tiny](epsilon-tiny.png)",
    ):
        assert piece in text, piece
    assert "| random@0.05 / gda@0.3 |" not in text and "| random@0.3 / gda@0.3 |" in text
    page = (run.out / "robustness.html").read_text()
    for name in ("epsilon", "similarity", "effort", "transforms"):
        path = run.out / f"{name}-tiny.png"
        pixels = np.array(read_photo(path).pixels)
        assert pixels.shape == (840, 1400, 3) and len(np.unique(pixels)) > 20
        assert base64.b64encode(path.read_bytes()).decode() in page
    facts = json.loads((run.out / "robustness.json").read_text())
    assert facts["effort_sweeps"] and facts["survival"][0]["natural"]["count"] == 5


def test_what_survives_is_what_the_victim_says(run):
    """Each transform's verdicts are made again from the run's files; the control is the natural picture."""
    one = replace(run, victims=("tiny",), methods=("gda@0.3", "pgd-rgb@0.3", "lens"), photos=4)
    found = run_robustness(replace(one, transforms=("jpeg75", "depth8", "on:physical-eq8")))
    kinds = {(each.method, each.transform) for each in found.survival}
    assert ("pgd-rgb@0.3", "jpeg75") in kinds and ("lens", "on:physical-eq8") in kinds
    assert not {("pgd-rgb@0.3", "depth8"), ("pgd-rgb@0.3", "on:physical-eq8")} & kinds
    victim, render = open_tiny("tiny"), NearnessView(Physical())
    seen: dict[str, list[list[bool]]] = {"jpeg75": [], "depth8": []}
    folder = run.out / "attacks" / "tiny" / "gda@0.3"
    rows = [
        row for path in sorted(folder.glob("000?.json")) for row in json.loads(path.read_text())["records"]
    ]
    for row in rows:
        near = load_plane(run.out / "depth" / f"{row['stem']}.npy")[None]
        image = load_picture(run.out / "photos" / f"{row['stem']}.png")[None]
        natural = load_picture(run.out / "natural" / f"{row['stem']}.png")[None]
        made = load_picture(folder / f"{row['stem']}.png")[None]
        after = load_file(folder / f"{row['batch']:04d}.safetensors")["depth"][row["row"]][None]
        pairs = {
            "jpeg75": (PICTURES["jpeg75"](natural), PICTURES["jpeg75"](made)),
            "depth8": (render(image, quantised(near, 8)), render(image, quantised(after, 8))),
        }
        for name, pair in pairs.items():
            seen[name].append([int(victim(each).argmax()) == row["label"] for each in pair])
    for name, verdicts in seen.items():
        (told,) = [each for each in found.survival if (each.method, each.transform) == ("gda@0.3", name)]
        assert round(told.natural.value * 4) == sum(natural for natural, _ in verdicts)
        counted = [made for natural, made in verdicts if natural]
        assert told.fooled.count == len(counted)
        assert round(told.fooled.value * len(counted)) == sum(not right for right in counted)


def test_epsilons_and_transforms_may_be_added(run, monkeypatch):
    one = replace(run, victims=("tiny",), methods=("gda",), epsilons=(0.1,))
    run_robustness(one)
    opened, real = [], open_method
    monkeypatch.setattr(stages, "open_method", lambda *args: opened.append(args[0]) or real(*args))
    asked = []
    run_robustness(replace(one, transforms=("resize",)), lambda what, done, total: asked.append(what))
    assert not opened and "transforms of attacks on tiny" in asked
    found = run_robustness(replace(one, transforms=("resize",), epsilons=(0.1, 0.2)))
    assert opened == ["gda@0.2"] * 3 and len(found.survival) == 2


def test_wrong_transforms_are_refused_before_any_work(run, capsys):
    command = ["evaluate", "robustness", "--data", str(run.data), "-o", str(run.out), "--victims", "tiny"]
    assert main([*command, "--transforms", "jpeg50"]) == 1 and not run.out.exists()
    assert "a transform of png, jpeg95" in capsys.readouterr().err
    assert main([*command, "--transforms", "on:physical-eq9"]) == 1 and not run.out.exists()


def test_a_baseline_looks_like_its_attack():
    names = ["random", "gda", "random-sm-gda", "sm-gda", "random, 9 steps", "gda, 9 steps"]
    styles = dict(styled(names, names))
    for baseline, attack in zip(names[::2], names[1::2], strict=True):
        assert styles[baseline]["color"] == styles[attack]["color"]
        assert styles[baseline]["linestyle"] == "--" and "linestyle" not in styles[attack]
    assert len({styles[name]["color"] for name in names[1::2]}) == 3


def test_without_matplotlib_the_report_says_so(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    run_robustness(replace(run, victims=("tiny",), methods=("gda",), epsilons=(0.1, 0.2)))
    assert "pip install 'cocnet[plots]'" in (run.out / "robustness.md").read_text()
    assert not list(run.out.glob("*.png"))


def test_the_commands_of_the_docs_are_asked_as_they_stand(monkeypatch):
    text = (ROOT / "docs" / "adversarial.md").read_text(encoding="utf-8")
    commands = re.findall(r"^cocnet evaluate robustness .*$", text, re.M)
    asked = []

    def note(run, on_progress):
        asked.append(run)
        raise InputError("expected no more, got a run, try none")

    monkeypatch.setattr(robustness_run, "run_robustness", note)
    for command in commands:
        assert main(shlex.split(command)[1:]) == 1
    assert len(asked) == len(commands) >= 3
    for one in asked:
        methods = [open_method(name) for name in swept(one.methods, one.epsilons)]
        assert len({each.name for each in methods}) == len(methods)
        assert all(other_renderer(name) in (None, "physical-eq8") for name in one.transforms)
    all_methods = [open_method(name) for one in asked for name in swept(one.methods, one.epsilons)]
    assert len({each.budget.epsilon for each in all_methods if each.budget}) >= 5
    assert len({(each.budget.steps, each.budget.restarts) for each in all_methods if each.budget}) >= 3
