"""Threads sleep while they wait on a busy machine, unless the user says otherwise."""

import gc
import os

import pytest

from cocnet.apps.cli.waiting import choose_waiting, loading


@pytest.mark.parametrize(("load", "chosen"), [(0.1, None), (3.0, "PASSIVE")])
def test_sleeps_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch, load: float, chosen: str | None) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "")
    monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    choose_waiting()
    assert os.environ.get("OMP_WAIT_POLICY") == chosen


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 0.0, 0.0))
    choose_waiting()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_no_garbage_is_looked_for_while_modules_load() -> None:
    with pytest.raises(KeyError), loading():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()
    gc.disable()
    try:
        with loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
