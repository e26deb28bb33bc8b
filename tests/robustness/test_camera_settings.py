"""Settings of the camera: what they mean, and the accuracy over a grid of them."""

import json
from dataclasses import replace

import pytest
import torch

from cocnet.errors import InputError
from cocnet.renderers import NearnessView, Physical, Setup
from cocnet.robustness.attack_report import markdown
from cocnet.robustness.budget import Budget
from cocnet.robustness.camera_settings import CameraSetting, with_camera_grid
from cocnet.robustness.methods import open_method
from cocnet.robustness.robustness_run import run_robustness


def test_a_stop_is_root_two_and_a_dioptre_is_closer():
    focus, f_number, focal = CameraSetting(1.0, 0.25).of(torch.tensor([1.0, 2.8, 0.075])).tolist()
    assert (focus, focal) == (1.25, pytest.approx(0.075)) and f_number == pytest.approx(2.8 / 2**0.5)
    assert float(CameraSetting(0.0, -5.0).of(torch.tensor([1.0, 2.8, 0.075]))[0]) > 0


@pytest.mark.parametrize("spelled", ["camera:stops=wide", "camera:steps=3", "camera:stops=inf"])
def test_what_is_no_setting_is_refused(spelled):
    with pytest.raises(InputError, match="stops=X"):
        open_method(spelled)


def test_the_picture_is_the_one_of_that_camera():
    image, depth = torch.rand(1, 3, 32, 32), torch.rand(1, 1, 32, 32)
    view = NearnessView(Physical(), Setup())
    shown = open_method("camera:stops=2:dioptres=-0.1", Budget())(
        view, lambda x: torch.zeros(len(x), 2), image, depth, torch.zeros(1, dtype=torch.int64)
    ).image
    setup = Setup()
    other = replace(setup, f_number=setup.f_number / 2, focus_m=1 / (1 / setup.focus_m - 0.1))
    torch.testing.assert_close(shown, NearnessView(Physical(), other)(image, depth), atol=1e-5, rtol=0)


def test_bounds_of_nothing_are_one_setting(run):
    """−1 times 0 is −0, which is spelled otherwise."""
    found = with_camera_grid(replace(run, methods=("camera",), lens_stops=0.0, lens_dioptres=0.1))
    assert found == tuple(f"camera:stops=0:dioptres={d}" for d in ("-0.1", "0", "0.1"))


def test_a_run_tells_average_worst_and_always(run):
    run = replace(run, methods=("camera",), lens_stops=2.0, victims=("tiny",))
    assert len(with_camera_grid(run)) == 9 and "camera:stops=2:dioptres=0.1" in with_camera_grid(run)
    summary = run_robustness(run)
    (score,) = summary.cameras
    right: dict[str, dict[str, bool]] = {}
    for path in run.out.rglob("*.json"):
        for row in json.loads(path.read_text()).get("records", []):
            right.setdefault(row["method"], {})[row["stem"]] = not row["success_saved"]
    shares = [sum(seen.values()) / len(seen) for seen in right.values()]
    every = [all(seen[stem] for seen in right.values()) for stem in next(iter(right.values()))]
    assert score.average == pytest.approx(sum(shares) / 9)
    assert score.worst_setting.value == pytest.approx(min(shares))
    assert score.always.value == pytest.approx(sum(every) / len(every)) and score.always.value <= min(shares)
    assert "settings of the camera" in markdown(summary) and "+0.1 dioptres" in markdown(summary)
    assert "camera:stops=2:dioptres=0.1 on tiny" not in (run.out / "robustness.html").read_text()
    assert not summary.pairs and json.loads((run.out / "robustness.json").read_text())["cameras"]
