"""Many items: each done once, in one process, several, or on Ray; what died is done by the next run."""

import json
import multiprocessing

import pytest
from many_jobs import dies_once, slowly, squared

from cocnet.errors import FileError
from cocnet.files.many import Ledger, key_of, run_many


def items(tmp_path, values=range(6)):
    return [{"key": f"k{value}", "value": value, "log": str(tmp_path / "log")} for value in values]


def done(tmp_path):
    return sorted(map(int, (tmp_path / "log").read_text().split()))


def test_only_what_is_left_is_done_again(tmp_path):
    ledger, told = tmp_path / "ledger.jsonl", []
    first = run_many(squared, items(tmp_path, range(3)), ledger, batch=2)
    found = run_many(squared, items(tmp_path), ledger, batch=2, on_progress=lambda *parts: told.append(parts))
    assert first == found[:3] and [row["square"] for row in found] == [0, 1, 4, 9, 16, 25]
    assert done(tmp_path) == list(range(6)) and told == [(5, 6), (6, 6)]


def test_half_a_line_counts_for_nothing(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    run_many(squared, items(tmp_path, [1]), ledger)
    ledger.write_bytes(ledger.read_bytes() + b'{"key": "k2", "squ')
    found = run_many(squared, items(tmp_path, [1, 2]), ledger)
    assert [row["square"] for row in found] == [1, 4] and done(tmp_path) == [1, 2]
    assert set(Ledger(ledger).done) == {"k1", "k2"}


def test_problems_are_told_and_tried_again(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    for _ in range(2):
        found = run_many(squared, items(tmp_path, [-1, 2]), ledger)
        assert "from 0" in found[0]["problem"] and found[1]["square"] == 4
    assert done(tmp_path) == [2]


def test_a_killed_process_is_one_line_and_the_next_run_goes_on(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    with pytest.raises(FileError, match="same command"):
        run_many(dies_once, items(tmp_path), ledger, workers=2, batch=1)
    found = run_many(dies_once, items(tmp_path), ledger, workers=2, batch=1)
    assert found == run_many(squared, items(tmp_path), tmp_path / "other.jsonl")
    assert len(json.loads(json.dumps(Ledger(ledger).done))) == 6


def test_interrupted_it_waits_for_no_batch(tmp_path):
    def stop(finished, count):
        raise KeyboardInterrupt

    ledger = tmp_path / "ledger.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_many(slowly, items(tmp_path), ledger, workers=2, batch=1, on_progress=stop)
    assert len(Ledger(ledger).done) == 1 and len(done(tmp_path)) < 5
    for child in multiprocessing.active_children():
        child.join(10)
        assert child.exitcode is not None


@pytest.mark.slow
def test_ray_loses_nothing_and_does_nothing_twice(tmp_path):
    pytest.importorskip("ray")
    found = run_many(dies_once, items(tmp_path), tmp_path / "ledger.jsonl", workers=2, batch=1, ray="local")
    assert (tmp_path / "log.died").exists()
    assert found == run_many(squared, items(tmp_path), tmp_path / "other.jsonl")
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines()
    assert len(lines) == 6 == len({json.loads(line)["key"] for line in lines})


def test_keys_are_of_contents_and_settings(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"1"), second.write_bytes(b"1")
    assert key_of((first,), {"x": 1}) == key_of((second,), {"x": 1}) != key_of((first,), {"x": 2})
    second.write_bytes(b"2")
    assert key_of((first,), {}) != key_of((second,), {})
    with pytest.raises(FileError):
        key_of((tmp_path / "none",), {})
