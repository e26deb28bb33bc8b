"""Any function is a victim by its name, through the commands, too; what isn't one is one line."""

import json

import pytest
import torch
from victims import labelled, open_tiny

from cocnet.apps.cli.main import main
from cocnet.attacks import GDA, open_victim
from cocnet.errors import CocnetWarning, InputError
from cocnet.robustness import sources

MODULE = """
import torch
from victims import tiny

NUMBER = 3
network = torch.nn.Sequential(tiny("tiny"))

def classify(rgb):
    return tiny("tiny")(rgb)

def detector(rgb):
    return [{"boxes": rgb[:, 0]}]

def small(rgb):
    if rgb.shape[2:] != (32, 32):
        raise ValueError(f"{list(rgb.shape)}")
    return tiny("tiny")(rgb)

def broken(rgb):
    raise ValueError("no such luck")

class Made:
    pass
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = f"mine{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    return name


def test_a_function_of_the_current_folder(here):
    victim = open_victim(f"{here}:classify")
    image = torch.rand(2, 3, 32, 32)
    assert victim.classes == 5 and torch.equal(victim(image), open_tiny("tiny")(image))
    assert "classify" in victim.about


def test_a_network_keeps_its_mode_and_is_warned_of(here):
    with pytest.warns(CocnetWarning, match="in training mode"):
        victim = open_victim(f"{here}:network")
    assert victim.call.training

    def render(image, depth):
        return (image - 0.3 * depth).clamp(0, 1)

    image, depth = torch.rand(1, 3, 32, 32), torch.rand(1, 1, 32, 32)
    with pytest.warns(CocnetWarning, match="in training mode"):
        GDA(0.1, 2)(render, victim, image, depth, torch.tensor([0]))
    assert victim.call.training


def test_it_is_tried_at_the_photos_size(here):
    (victim,) = sources.open_victims([f"{here}:small"], 32).values()
    assert victim.classes == 5
    with pytest.raises(InputError, match="grey picture of 224 px"):
        open_victim(f"{here}:small")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "can be imported"),
        ("NUMBER", "a function or a network"),
        ("Made", "a function or a network"),
        ("detector", "got a list, try: wrap the victim .* loss= and success="),
        ("broken", "ValueError: no such luck"),
    ],
)
def test_what_is_no_victim(name, message, here):
    with pytest.raises(InputError, match=message):
        open_victim(f"{here}:{name}")
    with pytest.raises(InputError, match="can be imported"):
        open_victim("no.such.module:function")


def test_commands_take_it(here, tmp_path, monkeypatch):
    photos = labelled(tmp_path / "photos", count=2)
    common = ["--victims", f"{here}:classify", "--data", str(photos), "--size-px", "32", "--metrics", "psnr"]
    assert main(["evaluate", "robustness", *common, "--methods", "gda@0.3", "--steps", "2", "-o", "run"]) == 0
    facts = json.loads((tmp_path / "run" / "robustness.json").read_text())
    assert facts["clean"][f"{here}:classify"]["value"] == 1 and facts["scores"][0]["right"]["count"] == 2
    photo = next(photos.glob("*/0.png"))
    assert (
        main(["attack", str(photo), "--victim", f"{here}:classify", "--size-px", "32", "-o", "out.png"]) == 0
    )
    assert sources.open_victim is open_victim  # type: ignore[attr-defined]
