"""A worker's calls: results, errors, and every way to end in the middle of one."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import worker_jobs

from cocnet.apps.workers import Limits, Worker, WorkerDied
from cocnet.errors import CocnetError, FileError


@pytest.fixture(scope="module")
def worker():
    one = Worker(Limits(memory_mb=200))
    yield one
    one.close()


def test_it_returns_what_the_function_returns_from_one_lasting_process(worker):
    assert worker.call(worker_jobs.add, 2, 3) == 5
    first = worker.call(worker_jobs.process)
    assert first == worker.call(worker_jobs.process) != os.getpid()


def test_progress_comes_while_it_works(worker):
    seen = []
    assert worker.call(worker_jobs.count, 3, on_progress=lambda *parts: seen.append(parts)) == 3
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_typed_error_stays_itself_and_another_becomes_a_line(worker):
    with pytest.raises(FileError, match="expected a, got b, try c"):
        worker.call(worker_jobs.refuse)
    with pytest.raises(CocnetError, match="ZeroDivisionError"):
        worker.call(worker_jobs.break_down)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this limit")
def test_memory_is_limited_and_the_process_lives_on(worker):
    before = worker.call(worker_jobs.process)
    assert worker.call(worker_jobs.take, 20) == 20_000_000
    with pytest.raises(CocnetError, match="memory"):
        worker.call(worker_jobs.take, 2000)
    assert worker.call(worker_jobs.process) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this limit")
def test_what_is_loaded_to_start_is_not_counted(worker):
    with pytest.raises(CocnetError, match="memory"):
        worker.call(worker_jobs.held_by_module)
    loaded = Worker(Limits(memory_mb=200, loads=("large_load",)))
    try:
        assert loaded.call(worker_jobs.held_by_module) == 300_000_000
        with pytest.raises(CocnetError, match="memory"):
            loaded.call(worker_jobs.take, 2000)
    finally:
        loaded.close()


def test_after_its_death_the_next_call_has_a_new_process(worker):
    before = worker.call(worker_jobs.process)
    with pytest.raises(WorkerDied, match="SIGKILL"):
        worker.call(worker_jobs.die)
    assert worker.call(worker_jobs.process) != before


def test_time_is_limited():
    worker = Worker(Limits(seconds=0.2))
    begun = time.monotonic()
    with pytest.raises(WorkerDied, match=r"at most 0\.2 s"):
        worker.call(worker_jobs.sleep, 60)
    assert time.monotonic() - begun < 20


def test_the_time_to_start_is_not_counted():
    worker = Worker(Limits(memory_mb=200, seconds=0.5, loads=("slow_load",)))
    try:
        assert worker.call(worker_jobs.add, 2, 3) == 5
    finally:
        worker.close()


def test_a_call_that_is_stopped_while_its_process_starts_ends_there():
    worker, stopped = Worker(), threading.Event()

    def stop():
        worker.kill()
        stopped.set()

    def on_ready():
        if stopped.is_set():
            raise WorkerDied("stopped")

    threading.Timer(0.005, stop).start()
    begun = time.monotonic()
    with pytest.raises(WorkerDied):
        worker.call(worker_jobs.sleep, 60, on_ready=on_ready)
    assert time.monotonic() - begun < 30


def test_whoever_raises_in_progress_ends_it(worker):
    def stop(done, count):
        raise KeyboardInterrupt

    before = worker.call(worker_jobs.process)
    with pytest.raises(KeyboardInterrupt):
        worker.call(worker_jobs.count, 1000, on_progress=stop)
    assert worker.call(worker_jobs.process) != before


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_ends_with_a_killed_parent(tmp_path):
    pid = tmp_path / "pid"
    script = (
        "if __name__ == '__main__':\n"
        " import worker_jobs, pathlib\n"
        " from cocnet.apps.workers import Worker\n"
        f" Worker().call(worker_jobs.write_pid_and_sleep, pathlib.Path({str(pid)!r}))\n"
    )
    (tmp_path / "parent.py").write_text(script)
    paths = os.pathsep.join(path for path in sys.path if path)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py"], env={**os.environ, "PYTHONPATH": paths}
    )
    wait_for(lambda: pid.is_file() and pid.read_text())
    parent.kill()
    parent.wait()
    wait_for(lambda: not Path(f"/proc/{pid.read_text()}/cmdline").is_file())


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)
