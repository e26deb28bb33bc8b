"""Comparisons as a browser sees them; a visitor's work is done in this process."""

import threading

import pytest
from serving import Here, finished, looked, uploaded
from starlette.testclient import TestClient

from cocnet.errors import MissingExtraError
from cocnet.imaging import read_photo
from cocnet.networks import list_models, shipped_weights
from cocnet.pipeline import compare as compare_module


def compared(client, key, names, **options):
    asked = {"names": names, "options": {"depth_kind": "metric", "focal_length_mm": 300, **options}}
    answer = client.post(f"/api/photos/{key}/comparisons", json=asked)
    assert answer.status_code == 200, answer.text
    number = answer.json()["job"]
    finished(client, number)
    return number, client.get(f"/api/jobs/{number}/cells").json()


def test_a_comparison_gives_each_renderer_the_same_lens_and_says_what_it_lacks(client, files):
    key = uploaded(client, files)
    chosen = {"focus_point": [0.25, 0.5], "f_number": 1.0}
    number, found = compared(client, key, ["identity", "dmshn", "physical"], model="cocnet-b3-less", **chosen)
    still, missing, blurred = found["cells"]
    assert found["state"] == "done" and found["settings"]["focus_m"]["value"] == pytest.approx(1.5, rel=1e-3)
    assert [still["reads"], blurred["reads"]] == [[], ["depth", "lens"]]
    assert still["parameters"] == 0 and still["seconds"] >= 0 and "no effect" in still["notes"][0]
    assert missing["parameters"] > 5e6 and "weights" in missing["error"] and "seconds" not in missing
    pictures = [client.get(f"/api/jobs/{number}/cells/{n}") for n in range(3)]
    assert pictures[1].status_code == 404
    original, _ = looked(client, key, "original")
    alone, _ = looked(client, key, **chosen)
    same, made = (read_photo(pictures[n].content).pixels for n in (0, 2))
    assert (same == original).all() and (made == alone).all() and (alone != original).any()
    assert client.get(f"/api/jobs/{number}/file").json()["cells"] == found["cells"]
    assert client.get(f"/api/jobs/{number}/settings").status_code == 404


@pytest.mark.parametrize(
    "error",
    [MissingExtraError("expected timm, got none, try: pip install timm"), RuntimeError("out of memory")],
)
def test_a_renderer_that_fails_says_so_in_its_cell_alone(client, files, monkeypatch, error):
    through = compare_module.compare

    def failing(view, plan, name):
        if name == "blur":
            raise error
        return through(view, plan, name)

    monkeypatch.setattr(compare_module, "compare", failing)
    _, found = compared(client, uploaded(client, files), ["blur", "identity"])
    assert found["state"] == "done" and str(error) in found["cells"][0]["error"]
    assert "error" not in found["cells"][1]


@pytest.mark.parametrize(
    "names", [["../x.safetensors"], ["physical", "nothing"], [], "physical", [1], [["physical"]]]
)
def test_a_comparison_refuses_what_is_no_renderer(client, files, names):
    key = uploaded(client, files, depth=False)
    answer = client.post(f"/api/photos/{key}/comparisons", json={"names": names})
    assert answer.status_code == 400 and "expected" in answer.json()["detail"]


def test_comparisons_wait_in_the_renders_queue_and_are_their_visitors_own(app, client, files):
    key = uploaded(client, files, depth=False)
    Here.gate = threading.Event()
    first = client.post(f"/api/photos/{key}/renders", json={}).json()["job"]
    second = client.post(f"/api/photos/{key}/comparisons", json={"names": ["identity"]}).json()
    assert second["state"] == "waiting" and second["names"] == ["identity"]
    number = second["job"]
    waits = client.get(f"/api/jobs/{number}/cells").json()
    assert waits["state"] == "waiting" and waits["cells"] == []
    assert client.delete(f"/api/jobs/{number}").json()["state"] == "cancelled"
    other = TestClient(app, base_url="http://127.0.0.1:8765")
    assert other.post(f"/api/photos/{key}/comparisons", json={}).status_code == 404
    assert other.get(f"/api/jobs/{number}/cells").status_code == 404
    assert other.get(f"/api/jobs/{number}/cells/0").status_code == 404
    Here.gate.set()
    finished(client, first)
    assert client.get(f"/api/jobs/{first}/cells").json()["cells"] == []
    assert client.get(f"/api/jobs/{first}/cells/0").status_code == 404


def test_everything_that_renders_can_be_compared_what_ships_first(client):
    names = client.get("/api/about").json()["names"]["renderer"]
    assert names[:4] == ["physical", "physical-eq8", "identity", "blur"] and "ifan" not in names
    assert {card.name for card in list_models() if card.task == "bokeh"} == set(names[4:])
    ships = [shipped_weights(name) is not None for name in names[4:]]
    assert ships == sorted(ships, reverse=True) and any(ships)
