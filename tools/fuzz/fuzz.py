"""Damaged files by the hundred thousand, through every reader; what isn't a result or a typed error is a finding.

Enters: how many, a seed, what to try. Leaves: a report as JSON, and the inputs that did it. Input `n` of a seed is
always the same one. A worker is forked with everything loaded, reads under limits of memory and time, and is replaced
when it dies; the parent knows which input it was at.
"""

import argparse
import contextlib
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import torch
from mutate import mutated
from readers import EXPECTED, MOST_NOTES, READERS
from seeds import Seed, all_seeds

from cocnet.errors import CocnetError, CocnetWarning

MORE_BYTES = 700_000_000  # of address space that a reader may take beside what is loaded
SLOW_S, STUCK_S = 3.0, 60.0  # of the processor, and by the clock
LONGEST_LINE = 1000


class TooSlow(BaseException):
    """Raised by the alarm."""


def input_of(seeds: list[Seed], seed: int, number: int) -> tuple[Seed, bytes]:
    """The file of a number, always the same."""
    draw = Random(f"{seed} {number}")
    chosen = draw.choices(seeds, [each.weight for each in seeds])[0]
    alike = [each.data for each in seeds if each.reader == chosen.reader]
    return chosen, mutated(chosen.data, alike, draw)


def tried(chosen: Seed, data: bytes, number: int, folder: Path, whole: bool = False) -> str | None:
    """What is wrong with how a file is read, None for nothing. whole: it must be read, too."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / f"a{chosen.suffix}"
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", CocnetWarning)
        try:
            READERS[chosen.reader](path, number)
        except CocnetError as error:
            line = str(error)
            if whole:
                return line
            if not isinstance(error, EXPECTED) and type(error).__name__ not in (
                "DepthError",
                "MissingExtraError",
            ):
                return f"error of type {type(error).__name__}"
            if (
                "\n" in line
                or len(line) > LONGEST_LINE
                or ("expected" not in line and "can't be" not in line)
            ):
                return f"not one line: {line[:200]!r}"
            if "enough memory" in line:
                return f"too much memory: {line}"
        except TooSlow:
            return f"over {SLOW_S:g} s of the processor: {traceback.format_exc(limit=-3)}"
        except Exception as error:
            return f"{type(error).__name__}: {traceback.format_exc(limit=-4)}"
    ours = [note for note in notes if issubclass(note.category, CocnetWarning)]
    if len(ours) > MOST_NOTES:
        return f"{len(ours)} notes"
    return None


def load_readers(seeds: list[Seed]) -> None:
    """Read every whole file once, so that workers are forked with all modules loaded and none is slow for that."""
    with tempfile.TemporaryDirectory(prefix="cocnet-fuzz-") as folder:
        for each in seeds:
            tried(each, each.data, 0, Path(folder) / "x")


def work(seeds: list[Seed], seed: int, numbers: range, pipe: int, limited: bool) -> None:
    """In the child: one line of JSON an input, before it and, if there is a finding, after it."""
    folder = Path(tempfile.mkdtemp(prefix="cocnet-fuzz-"))
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGPROF, _alarm)
    if limited:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MORE_BYTES, used + MORE_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    printed = os.open(folder.with_suffix(".err"), os.O_CREAT | os.O_RDWR | os.O_TRUNC)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    length = 0
    try:
        for number in numbers:
            chosen, data = input_of(seeds, seed, number)
            _tell(pipe, {"at": number})
            signal.setitimer(signal.ITIMER_PROF, SLOW_S)
            try:
                found = tried(chosen, data, number, folder / "x")
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            now = os.lseek(2, 0, os.SEEK_END)
            if found is None and now > length:
                found = f"printed: {os.pread(2, 300, length)!r}"
            length = now
            if found is not None:
                _tell(pipe, {"found": number, "what": found})
        _tell(pipe, {"done": True})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".err").unlink(missing_ok=True)


def _alarm(number: int, frame: object) -> None:
    raise TooSlow


def _tell(pipe: int, fact: dict[str, Any]) -> None:
    os.write(pipe, json.dumps(fact).encode() + b"\n")


def run(
    count: int, seed: int = 0, first: int = 0, only: str | None = None, seconds: float = 1e9
) -> dict[str, Any]:
    """Try inputs `first` to `first + count` in forked workers; the report."""
    torch.set_num_threads(1)
    seeds, missing = all_seeds()
    load_readers(seeds)
    seeds = [each for each in seeds if only is None or only in (each.name, each.reader)]
    findings: dict[int, str] = {}
    started, number = time.monotonic(), first
    while number < first + count and time.monotonic() - started < seconds:
        number = _one_worker(seeds, seed, range(number, min(number + 2000, first + count)), findings)
    tally = Counter(input_of(seeds, seed, each)[0].reader for each in range(first, min(number, first + 2000)))
    return {
        "inputs": number - first,
        "seed": seed,
        "seeds": len(seeds),
        "missing": missing,
        "seconds": round(time.monotonic() - started, 1),
        "first_2000_by_reader": dict(tally),
        "findings": [
            {"number": n, "seed": input_of(seeds, seed, n)[0].name, "what": what}
            for n, what in findings.items()
        ],
    }


def _one_worker(seeds: list[Seed], seed: int, numbers: range, findings: dict[int, str]) -> int:
    """Fork a worker, follow it, and return the number to go on from."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        code = 1
        try:
            work(seeds, seed, numbers, write, limited=True)
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    at, done = numbers.start - 1, False
    with os.fdopen(read, "rb", buffering=0) as pipe:
        rest = b""
        while True:
            ready, _, _ = select.select([pipe], [], [], STUCK_S)
            if not ready:
                os.kill(child, signal.SIGKILL)
                findings[at] = f"stuck for {STUCK_S:g} s"
                break
            data = pipe.read(65536)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                fact = json.loads(line)
                at, done = fact.get("at", at), done or "done" in fact
                if "found" in fact:
                    findings[fact["found"]] = fact["what"]
    _, status = os.waitpid(child, 0)
    if done:
        return numbers.stop
    findings.setdefault(at, f"the process died: {os.waitstatus_to_exitcode(status)}")
    return at + 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="inputs; 100000 is the nightly run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--only", help="a reader or a seed by name")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after this time")
    parser.add_argument("--keep", type=Path, help="folder for inputs with findings")
    asked = parser.parse_args()
    report = run(asked.count, asked.seed, asked.first, asked.only, asked.seconds)
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
        seeds = [
            each for each in all_seeds()[0] if asked.only is None or asked.only in (each.name, each.reader)
        ]
        for found in report["findings"]:
            chosen, data = input_of(seeds, asked.seed, found["number"])
            (asked.keep / f"{found['number']}-{chosen.name}{chosen.suffix}").write_bytes(data)
    print(json.dumps(report, indent=1))
    return 1 if report["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
