"""Seconds and memory, as all benchmarks measure them."""

import re
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def timed(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each job; the jobs take turns, after one round to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for name, job in jobs.items():
            begun = time.perf_counter()
            job()
            if turn:
                taken[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in taken.items()}


def peak_gb() -> float:
    """The most memory that this process has held, GB; getrusage would count what its parent held, too. Linux."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise OSError("expected VmHWM in /proc/self/status, got none, try Linux")
    return int(found[1]) * 1024 / 1e9
