"""Jobs that are cancelled and closed at any moment."""

import threading

import pytest

from cocnet.apps.serve.jobs import Job, Jobs
from cocnet.apps.workers import Limits


class Starting:
    """A worker whose process isn't there yet when it is killed, as `Worker` while it starts."""

    def __init__(self, limits):
        self.called, self.go_on, self.worked = threading.Event(), threading.Event(), False

    def call(self, function, *arguments, on_progress, on_ready):
        self.called.set()
        assert self.go_on.wait(20)
        on_ready()
        self.worked = True
        return function(*arguments)

    def kill(self):
        pass

    def close(self):
        pass


@pytest.fixture
def starting():
    made = []
    jobs = Jobs(1, Limits(), lambda limits: made.append(Starting(limits)) or made[-1])
    yield jobs, made[0]
    made[0].go_on.set()
    jobs.close()


def added(jobs, tmp_path):
    job = Job(print, (), tmp_path / "a" / "a.jpg", "a.jpg")
    jobs.add(job)
    return job


def test_what_is_cancelled_while_its_process_starts_does_not_work(starting, tmp_path):
    jobs, worker = starting
    job, after = added(jobs, tmp_path), added(jobs, tmp_path)
    assert worker.called.wait(20)
    job.cancel()
    after.cancel()
    worker.go_on.set()
    jobs.close()
    assert (job.state, job.error, after.state, worker.worked) == ("cancelled", None, "cancelled", False)


def test_closing_ends_what_is_being_started(starting, tmp_path):
    jobs, worker = starting
    job = added(jobs, tmp_path)
    assert worker.called.wait(20)
    threading.Timer(0.05, worker.go_on.set).start()
    jobs.close()
    assert job.state == "failed" and not worker.worked


def test_what_is_cancelled_never_begins(tmp_path):
    job = Job(print, (), tmp_path / "a.jpg", "a.jpg")
    job.cancel()
    assert not job.begin(object()) and job.state == "cancelled" and job.worker is None
    job.end("failed", "late")
    assert job.state == "cancelled" and job.error is None
