"""The page's server without processes: what a visitor's worker does is done here."""

import json
import threading
import time

from cocnet.apps.workers import WorkerDied
from cocnet.imaging import read_photo


class Here:
    """Does in this process what a worker does in another."""

    gate: threading.Event | None = None
    dies = False

    def __init__(self, limits):
        pass

    def call(self, function, *arguments, on_progress=None, on_ready=None):
        if Here.dies:
            raise WorkerDied("expected a result, got its end, try again")
        if on_progress is not None and Here.gate is not None:
            Here.gate.wait(20)
        return function(*arguments)

    def kill(self):
        if Here.gate is not None:
            Here.gate.set()

    def close(self):
        pass


def uploaded(client, files, name="photo.jpg", depth=True, **size):
    files.photo(name, **size)
    found = client.post("/api/photos", params={"name": name}, content=(files.folder / name).read_bytes())
    assert found.status_code == 200, found.text
    if depth:
        body = files.depth(**size).read_bytes()
        assert (
            client.post(f"/api/photos/{found.json()['id']}/depth?name=d.npy", content=body).status_code == 200
        )
    return found.json()["id"]


def visitor_of(client):
    """The only visitor of a client's server."""
    (visitor,) = visitors_of(client)._known.values()
    return visitor


def visitors_of(client):
    return client.app._app.state.visitors


def looked(client, key, what="bokeh", **options):
    asked = {
        "what": what,
        "options": {"depth_kind": "metric", "focal_length_mm": 300, **options},
        "longest": 64,
    }
    answer = client.post(f"/api/photos/{key}/look", json=asked)
    assert answer.status_code == 200, answer.text
    return read_photo(answer.content).pixels, json.loads(answer.headers["x-facts"])


def finished(client, number):
    end = time.monotonic() + 20
    while (state := client.get(f"/api/jobs/{number}").json())["state"] in ("waiting", "working"):
        assert time.monotonic() < end
        time.sleep(0.01)
    return state
