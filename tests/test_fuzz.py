"""A few of the fuzzer's inputs on every run: readers end in a result or a typed error. See tools/fuzz/README.md."""

import sys
from random import Random

import pytest
from paths import ROOT

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are Linux's")
INPUTS = 400


@pytest.fixture(scope="module")
def fuzz():
    sys.path.insert(0, str(ROOT / "tools" / "fuzz"))
    import fuzz

    yield fuzz
    sys.path.remove(str(ROOT / "tools" / "fuzz"))


def test_damaged_files_of_every_kind(fuzz):
    report = fuzz.run(INPUTS, seed=2)
    assert report["findings"] == [] and report["inputs"] == INPUTS and report["seeds"] > 40


def test_whole_files_of_every_kind_are_read(fuzz, tmp_path):
    """What is damaged is whole before, so that damage is what is tried."""
    for seed in fuzz.all_seeds()[0]:
        assert fuzz.tried(seed, seed.data, 12, tmp_path / "x", whole=True) is None, seed.name


def test_what_goes_wrong_is_found(fuzz, monkeypatch):
    """A crash, an untyped error, a loop, what is printed: the number of the input is known."""
    import os
    import signal
    import time

    faults = {
        3: lambda: os.kill(os.getpid(), signal.SIGKILL),
        5: lambda: [][1],
        7: lambda: os.write(2, b"libfoo: bad"),
        9: lambda: [time.process_time() for _ in iter(int, 1)],
        11: lambda: bytearray(8_000_000_000),
    }
    monkeypatch.setattr(fuzz, "SLOW_S", 0.2)
    for name in fuzz.READERS:
        monkeypatch.setitem(fuzz.READERS, name, lambda path, number: faults.get(number, lambda: None)())
    found = {each["number"]: each["what"] for each in fuzz.run(14)["findings"]}
    assert list(found) == [3, 5, 7, 9, 11]
    assert "died: -9" in found[3] and "IndexError" in found[5] and "libfoo" in found[7]
    assert "s of the processor" in found[9] and "MemoryError" in found[11]


def test_an_input_of_a_number_is_always_the_same(fuzz):
    seeds, _ = fuzz.all_seeds()
    assert [fuzz.input_of(seeds, 1, n) for n in range(20)] == [fuzz.input_of(seeds, 1, n) for n in range(20)]
    data = bytes(range(200))
    changed = [fuzz.mutated(data, [data], Random(n)) for n in range(50)]
    assert len(set(changed)) > 40 and all(len(each) <= 200_000 for each in changed)
