"""All questions in a linear world: pages, facts, plots, going on."""

import importlib.util
import json

import pytest
import torch
from linear import Shade, Victim, batch
from paths import ROOT

from cocnet.attacks import GDA, SmoothGDA
from cocnet.errors import FileError, InputError
from cocnet.renderers.nearness import Physical, Setup
from cocnet.robustness.measurement import Ground
from cocnet.robustness.questions import Plan, ask, write_answers

PLAN = Plan((0.01, 0.1, 0.3), (0.1,), effort_epsilon=0.05, steps=(1, 4), restarts=(1, 2))
ATTACKS = [GDA(steps=5), SmoothGDA(steps=5, kernel=3)]


def ground(victim=None):
    image, depth, _ = batch(6)
    label = Victim()(Shade()(image, depth)).argmax(1)
    others = {"upside down": lambda image, depth: Shade()(image, 1 - depth)}
    return Ground(
        image, depth, label, Shade(), victim or Victim(), {"photos": "made"}, others=others, batch=4
    )


def test_everything_is_answered_and_written(tmp_path):
    answers = ask("linear on shade", ground(), ATTACKS, PLAN, tmp_path)
    text = write_answers(tmp_path, answers, plots=False)
    assert text == (tmp_path / "answers.md").read_text(encoding="utf-8")
    for piece in (
        "| gda | ",
        "| random | ",
        "| sm-gda | ",
        "on upside down",
        "depth8",
        "gda, 2 starts",
        " dB |",
    ):
        assert piece in text
    assert "4 : 0, p 0.12" in text  # 2/2⁴
    assert "nan" not in text and "random sm-gda" not in text
    facts = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    assert facts["facts"] == {"photos": "made"} and facts["plan"]["epsilons"] == [0.01, 0.1, 0.3]
    last = facts["curves"][0]["points"][-1]
    assert last["shares"]["accuracy"]["count"] == 6 and last["shares"]["ways"]["float"]["still"]["value"] == 1
    assert all(one["full"] for one in facts["full"]) and len(facts["full"]) == 2
    assert "| ε 0.1, full |" in text and "| ε 0.1, first |" in text
    assert [one["name"] for one in facts["effort"]] == ["gda, 1 start", "gda, 2 starts"]


def test_asked_again_nothing_is_attacked(tmp_path):
    first = ask("linear", ground(), ATTACKS, PLAN, tmp_path)

    def deaf(picture):
        raise AssertionError

    assert ask("linear", ground(deaf), ATTACKS, PLAN, tmp_path) == first


def test_plots(tmp_path):
    pytest.importorskip("matplotlib")
    write_answers(tmp_path, ask("linear", ground(), ATTACKS[:1], PLAN))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "answers.json", "answers.md", "epsilon.png", "similarity.png", "survival-0.1.png", "effort.png"
    }  # fmt: skip


def test_what_can_not_be_asked(tmp_path):
    with pytest.raises(InputError, match="those shown among them"):
        Plan((0.1,), (0.2,))
    with pytest.raises(InputError, match="expected attacks"):
        ask("none", ground(), [], PLAN)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="a folder to write to"):
        ask("none", ground(), ATTACKS, PLAN, tmp_path / "file")


def test_effort_may_be_left_out():
    answers = ask("linear", ground(), ATTACKS[:1], Plan((0.1,), (0.1,), (), steps=()))
    assert answers.effort == () and [one.name for one in answers.curves] == ["gda"]
    assert torch.is_tensor(ground().image) and len(answers.shown()) == 2


def test_the_script_asks_every_victim_on_every_renderer(tmp_path):
    path = ROOT / "benchmarks" / "questions.py"
    spec = importlib.util.spec_from_file_location("questions_script", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    one, setup = ground(), Setup()
    image, depth = (torch.nn.functional.interpolate(x, (16, 16)) for x in (one.image, one.depth))
    victims = {"a": Victim(16), "b": Victim(16, 1.0)}
    renderers = {"physical": Physical(setup), "shade": Shade()}
    plan = Plan((0.1,), (0.1,), (), steps=())
    text = script.answer_all(
        (image, depth, one.label), victims, renderers, [GDA(steps=1)], plan, {}, setup, tmp_path, plots=False
    )
    assert text.count("# a on ") == 2 and text.count("| on shade |") == 4
    assert {each.name for each in tmp_path.iterdir()} == {
        f"{victim}-on-{name}" for victim in victims for name in renderers
    }
    assert script.options().parse_args(["--data", "photos"]).victims == ["mobilenet_v2"]
