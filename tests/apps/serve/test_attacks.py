"""Attacks as a browser sees them, on a classifier of a moment; a visitor's work is done in this process."""

import json
import shlex

import numpy as np
import pytest
from serving import finished, uploaded
from starlette.testclient import TestClient
from victims import open_tiny

from cocnet.apps.cli.main import main
from cocnet.apps.serve.attack_form import attack_of
from cocnet.apps.serve.attacking import attack_choices, attack_file
from cocnet.apps.serve.studio import Upload
from cocnet.attacks import victims
from cocnet.attacks.victim_packages import PACKAGES
from cocnet.errors import InputError
from cocnet.imaging import read_photo
from cocnet.pipeline.options import RenderOptions
from cocnet.robustness import sources

LARGE = {"height": 36, "width": 48}


@pytest.fixture(autouse=True)
def one_victim(monkeypatch):
    monkeypatch.setattr(victims, "victims_at_hand", lambda: ("tiny",))
    monkeypatch.setattr(sources, "open_victim", open_tiny)


def attacked(client, key, **given):
    answer = client.post(f"/api/photos/{key}/attacks", json={"victim": "tiny", "steps": 3, **given})
    assert answer.status_code == 200, answer.text
    number = answer.json()["job"]
    finished(client, number)
    return number, client.get(f"/api/jobs/{number}/cells").json()


def test_natural_and_adversarial_with_what_is_seen_and_what_changed(client, files, monkeypatch):
    key = uploaded(client, files, **LARGE)
    number, found = attacked(client, key, method="gda", epsilon=0.3, options={"depth_kind": "metric"})
    assert found["state"] == "done", found["error"]
    names = [cell["name"] for cell in found["cells"]]
    assert names == ["photo", "natural bokeh", "adversarial bokeh", "δ, the change of depth", "difference"]
    photo, natural, adversarial, delta, change = (
        read_photo(client.get(f"/api/jobs/{number}/cells/{n}").content).pixels.astype(int) for n in range(5)
    )
    assert photo.shape == natural.shape == (224, 224, 3) and (natural != photo).any()
    tens = np.clip(127.5 + 10 * (adversarial - natural), 0, 255)
    assert np.abs(change - tens).max() <= 10 and (change != change[0, 0]).any()
    assert delta.std() > 10 and "largest 0.3" in found["cells"][3]["about"]
    for cell in found["cells"][:3]:
        chances = [one["confidence"] for one in cell["top"]]
        assert len(chances) == 5 and chances == sorted(chances, reverse=True) and sum(chances) < 1.001
    fooled = found["cells"][2]["top"][0]["label"] != found["label"]
    assert found["success"] == fooled and 1 <= found["queries"] <= 4 and found["epsilon"] == 0.3
    png = client.get(f"/api/jobs/{number}/cells/2")
    assert (
        png.headers["content-type"] == "image/png"
        and client.get(f"/api/jobs/{number}/cells/5").status_code == 404
    )
    files.folder.joinpath("d.npy").write_bytes((files.folder / "depth.npy").read_bytes())
    monkeypatch.chdir(files.folder)
    assert main(shlex.split(found["command"])[1:]) == 0
    assert (files.folder / "photo-adversarial.png").read_bytes() == png.content


def test_a_method_without_depth_has_no_delta_and_says_how_far_it_is(files, tmp_path):
    upload, out = Upload(files.photo(**LARGE), None, 10_000), tmp_path / "attack.json"
    run = attack_of({"method": "pgd-rgb", "steps": 2}, attack_choices(), upload, RenderOptions(), out)
    told = []
    attack_file(
        upload, run, out, lambda *parts: told.append((*parts, len(json.loads(out.read_text())["cells"])))
    )
    assert told[0] == (1, 3, 2), "the natural picture is there before the attack"
    assert [cell["name"] for cell in json.loads(out.read_text())["cells"]][3:] == ["difference"]


def test_the_choices_are_victims_at_hand_and_methods_with_their_epsilon(client, files):
    uploaded(client, files, depth=False)
    found = client.get("/api/attacks").json()
    methods = {one["name"]: one for one in found["methods"]}
    assert found["victims"] == ["tiny"] and found["default"] == {"method": "bg-gda", "steps": 50}
    assert methods["pgd-rgb"]["epsilon"] == pytest.approx(8 / 255) and methods["ace"]["epsilon"] is None
    assert not {"aif", "bokeh", "camera"} & set(methods) and "nearness" in methods["bg-gda"]["unit"]


def test_without_weights_it_says_how_to_get_some(client, files, monkeypatch):
    monkeypatch.setattr(victims, "victims_at_hand", lambda: ())
    answer = client.post(f"/api/photos/{uploaded(client, files, depth=False)}/attacks", json={})
    install = next(iter(PACKAGES.values())).install
    assert answer.status_code == 400 and install in answer.json()["detail"]
    assert client.get("/api/attacks").json()["get"] == install


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"victim": "../net.safetensors"}, "expected one of tiny as victim"),
        ({"victim": "os:system"}, "expected one of tiny as victim"),
        ({"victim": ["tiny"]}, "expected one of tiny as victim"),
        ({"method": "gda@1"}, "as method"),
        ({"method": "camera"}, "as method"),
        ({"epsilon": "1"}, "epsilon as a number from 0"),
        ({"epsilon": -1}, "epsilon as a number from 0"),
        ({"method": "ace", "epsilon": 0.1}, "no epsilon for ace"),
        ({"steps": 0}, "steps from 1 to 1000"),
        ({"steps": 1001}, "steps from 1 to 1000"),
        ({"steps": 2.5}, "steps from 1 to 1000"),
        ({"steps": True}, "steps from 1 to 1000"),
    ],
)
def test_what_can_not_be_asked(given, says, tmp_path):
    upload = Upload(tmp_path / "photo.png", None, 1)
    with pytest.raises(InputError, match=says):
        attack_of(given, attack_choices(), upload, RenderOptions(), tmp_path / "out.json")


def test_depth_is_that_of_the_page(tmp_path):
    choices, out, depth = attack_choices(), tmp_path / "a.json", tmp_path / "d.npy"
    options = RenderOptions(depth_kind="disparity", estimator="rembg")
    given = attack_of({}, choices, Upload(tmp_path / "a.png", depth, 1), options, out)
    assert (given.depth, given.depth_kind, given.estimator) == (depth, "disparity", "rembg")
    none = attack_of(
        {}, choices, Upload(tmp_path / "a.png", None, 1), RenderOptions(depth_kind="metric"), out
    )
    assert (none.depth, none.depth_kind, none.estimator) == (None, None, "builtin")


def test_a_map_of_a_channel_that_attacks_do_not_read_is_refused(tmp_path):
    options = RenderOptions(depth_kind="metric", depth_channel="left.V")
    with pytest.raises(InputError, match="depth_channel left"):
        attack_of({}, attack_choices(), Upload(tmp_path / "a.png", tmp_path / "d.exr", 1), options, tmp_path)
    attack_of({}, attack_choices(), Upload(tmp_path / "a.png", None, 1), options, tmp_path)


def test_an_attack_is_its_visitors_own(app, client, files):
    key = uploaded(client, files, depth=False, **LARGE)
    number, _ = attacked(client, key, method="blur")
    other = TestClient(app, base_url="http://127.0.0.1:8765")
    assert other.post(f"/api/photos/{key}/attacks", json={}).status_code == 404
    assert other.get(f"/api/jobs/{number}/cells/2").status_code == 404


def test_an_error_of_a_job_names_the_visitors_file_and_no_folder(client, files):
    key = uploaded(client, files, "my photo.jpg", depth=False)
    _, found = attacked(client, key, method="blur")
    assert found["state"] == "failed" and "got 'my photo.jpg' of 24 × 18" in found["error"]
