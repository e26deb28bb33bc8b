"""What visitors can take of a server: threads, processes, disk, and for how long."""

import json
import shlex
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from serving import Here, finished, uploaded, visitor_of, visitors_of
from starlette.testclient import TestClient

from cocnet.apps.serve import server, visitors
from cocnet.apps.serve.jobs import Job
from cocnet.apps.serve.server import make_app
from cocnet.apps.serve.settings import ServeRun
from cocnet.apps.serve.visitor import KEPT_JOBS, MOST_CALLS, MOST_LIVE_JOBS, Busy
from cocnet.apps.serve.visitors import Visitors
from cocnet.apps.workers import WorkerDied
from cocnet.errors import InputError


class Process:
    """A worker that counts those that are alive, and works until it is let go on."""

    alive = 0
    asked = 0

    def __init__(self, limits):
        self.runs, self.go_on = False, threading.Event()

    def call(self, function, *arguments, on_ready):
        Process.alive += not self.runs
        Process.asked += 1
        self.runs = True
        on_ready()
        assert self.go_on.wait(20)
        on_ready()
        return function(*arguments)

    def kill(self):
        self.go_on.set()

    def close(self):
        Process.alive -= self.runs
        self.runs = False


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(Process, "alive", 0)
    monkeypatch.setattr(Process, "asked", 0)
    made = Visitors(ServeRun(visitors=2), Process)
    yield made
    made.close()


def at_work(visitor, count=1):
    """Threads of calls that wait or work; returns when they do."""

    def work():
        with suppress(WorkerDied):
            visitor.call(len, "abc")

    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    wait_for(lambda: visitor.lock.locked() and visitor._calls._value == MOST_CALLS - count)
    return threads


def wait_for(what):
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_of_one_visitor_a_few_requests_wait_and_more_are_refused_at_once(two):
    _, visitor = two.arrive()
    threads = at_work(visitor, MOST_CALLS)
    with pytest.raises(Busy, match="try again"):
        visitor.call(len, "abc")
    visitor.worker.go_on.set()
    for thread in threads:
        thread.join()
    assert visitor.call(len, "abc") == 3


def test_no_more_visitors_have_a_process_than_may(two):
    first, second, third = (two.arrive()[1] for _ in range(3))
    first.worker.go_on.set()
    assert first.call(len, "abc") == 3
    at_work(second)
    third.worker.go_on.set()
    assert third.call(len, "abc") == 3 and Process.alive == 2 and not first.worker.runs
    third.worker.go_on.clear()
    at_work(third)
    with pytest.raises(Busy, match="at most 2 visitors at work"):
        first.call(len, "abc")
    assert Process.alive == 2


def test_a_call_that_waits_for_a_visitor_who_leaves_ends(two):
    _, visitor = two.arrive()
    (thread,) = at_work(visitor)
    visitor.leave()
    thread.join(20)
    assert not thread.is_alive() and not visitor.folder.exists()
    with pytest.raises(WorkerDied, match="has left"):
        visitor.call(len, "abc")


def test_who_brought_no_photo_makes_room_for_others(two, monkeypatch):
    monkeypatch.setattr(visitors, "MOST_KNOWN", 2)
    kept, (key, empty) = two.arrive(), two.arrive()
    kept[1].photos["a"] = None
    _, last = two.arrive()
    assert two.find(key) is None and not empty.folder.exists() and two.find(kept[0]) is kept[1]
    last.photos["a"] = None
    with pytest.raises(Busy, match="at most 2 visitors"):
        two.arrive()
    kept[1].photos.clear()


def test_who_only_looks_at_the_page_has_no_folder_and_no_process(monkeypatch):
    monkeypatch.setattr(Process, "alive", 0)
    monkeypatch.setattr(Process, "asked", 0)
    monkeypatch.setattr(visitors, "choosable_names", lambda: {"estimator": [], "model": [], "renderer": []})
    app = make_app(ServeRun(), make_worker=Process)
    with TestClient(app, base_url="http://127.0.0.1:8765") as client:
        known = visitors_of(client)
        known._next.worker.go_on.set()
        for _ in range(5):
            client.cookies.clear()
            assert client.get("/api/about").status_code == 200
            assert client.get("/api/attacks").status_code == 404
        assert known._known == {} and (Process.alive, Process.asked) == (1, 1)


def test_too_much_at_once_is_told_with_429(client, files, monkeypatch):
    key = uploaded(client, files, depth=False)
    visitor = visitor_of(client)
    for _ in range(MOST_CALLS):
        visitor._calls.acquire()
    answer = client.post(f"/api/photos/{key}/look", json={})
    assert answer.status_code == 429 and "at most 4 requests" in answer.json()["detail"]
    for _ in range(MOST_CALLS):
        visitor._calls.release()


def test_a_depth_map_that_is_replaced_or_taken_away_leaves_no_file(client, files):
    key = uploaded(client, files)
    folder = visitor_of(client).folder
    body = files.depth().read_bytes()
    assert client.post(f"/api/photos/{key}/depth?name=e.npy", content=body).status_code == 200
    assert sorted(path.name for path in folder.rglob("*.*")) == ["e.npy", "photo.jpg"]
    assert client.delete(f"/api/photos/{key}/depth").status_code == 200
    assert [path.name for path in folder.iterdir()] == [
        visitor_of(client).photos[key].upload.photo.parent.name
    ]


def test_a_render_goes_on_when_its_photo_is_forgotten(client, files):
    key = uploaded(client, files)
    Here.gate = threading.Event()
    asked = {"options": {"depth_kind": "metric"}}
    number = client.post(f"/api/photos/{key}/renders", json=asked).json()["job"]
    assert client.delete(f"/api/photos/{key}").status_code == 200
    Here.gate.set()
    assert finished(client, number)["state"] == "done"
    assert client.get(f"/api/jobs/{number}/settings").json()["depth"] == "d.npy"


def test_what_cannot_be_attacked_leaves_no_folder(client, files):
    key = uploaded(client, files, depth=False)
    before = len(list(visitor_of(client).folder.iterdir()))
    assert client.post(f"/api/photos/{key}/attacks", json={"steps": 0}).status_code == 400
    assert len(list(visitor_of(client).folder.iterdir())) == before


def test_only_the_last_jobs_are_kept_and_only_a_few_wait(two):
    _, visitor = two.arrive()

    def added():
        file = visitor.new_file("a.jpg")
        job = Job(len, (), file, file.name)
        visitor.add(job)
        return job

    for _ in range(KEPT_JOBS + 3):
        added().cancel()
    assert len(visitor.jobs) == KEPT_JOBS == len(list(visitor.folder.iterdir()))
    for _ in range(MOST_LIVE_JOBS):
        added()
    with pytest.raises(InputError, match="at most 5 renders"):
        added()
    assert len(list(visitor.folder.iterdir())) == len(visitor.jobs)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Anna & Bob's [1].jpg", "Anna & Bob's [1].jpg"),
        ("Gru\u0308ße.jpg", "Gru\u0308ße.jpg"),
        ("-x.jpg", "-x.jpg"),
        ("../../etc/x.jpg", "x.jpg"),
        ("C:\\photos\\x.jpg", "x.jpg"),
        ("a\n\x00b.jpg", "a__b.jpg"),
        ("a/..", "file"),
        ("\U00020000" * 80 + ".jpg", "\U00020000" * 40 + ".jpg"),
    ],
)
def test_a_file_keeps_its_name_where_it_can(two, given, kept):
    path = two.arrive()[1].new_file(given)
    path.touch()
    assert path.name == kept and path.parent.parent.parent == Path(two._folder.name)


def test_the_printed_command_names_the_visitors_own_file(client, files):
    key = uploaded(client, files, "-Anna & Bob's [1].jpg", depth=False)
    told = json.loads(client.post(f"/api/photos/{key}/look", json={}).headers["x-facts"])
    assert shlex.split(told["command"])[2] == "./-Anna & Bob's [1].jpg"


def test_uploads_go_when_their_visitor_was_long_away_though_nobody_asks(app, files, monkeypatch):
    monkeypatch.setattr(server, "TIDY_S", 0.02)
    with TestClient(app, base_url="http://127.0.0.1:8765") as client:
        uploaded(client, files, depth=False)
        folder = visitor_of(client).folder
        monkeypatch.setattr(visitors, "AWAY_S", 0.0)
        wait_for(lambda: not folder.exists())
