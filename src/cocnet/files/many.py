"""Many items through one function: in this process, in several, or on the machines of a Ray cluster.

Enters: `process(batch) → facts`, a function of a module that takes and returns plain dicts, one for each item, writes
its files whole and can be run again; items with a "key" that says what they are (a content hash). Leaves: the facts
of all items, in order, and in a ledger, so that the next run does only what isn't done.
"""

import hashlib
import json
import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

from cocnet.errors import CocnetError, FileError, InputError, MissingExtraError
from cocnet.files.json_lines import append_lines, read_lines
from cocnet.files.shards import Part

Facts = dict[str, Any]
Process = Callable[[list[Facts]], list[Facts]]
PROBLEM = "problem"  # of an item that couldn't be done: tried again by the next run


class Ledger:
    """A line of JSON for each item that is done; half a line of a killed process counts for nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done = {str(row["key"]): row for row in read_lines(path) if "key" in row}

    def add(self, rows: Iterable[Facts]) -> None:
        """Keep rows; on the disk when this returns. Raises FileError."""
        rows = list(rows)
        try:
            append_lines(self.path, rows)
        except OSError as error:
            raise FileError(
                f"expected to write '{self.path}', got {error.strerror}, try another folder"
            ) from error
        self.done |= {row["key"]: row for row in rows}


def run_many(
    process: Process,
    items: Sequence[Facts],
    ledger: Path,
    *,
    workers: int = 1,
    batch: int = 4,
    ray: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Facts]:
    """Do what isn't done; on_progress(done, all).

    ray: address of a cluster ("auto": the one that runs here; "local": a new one of `workers` processors); its
    machines need the same folders and this package. Raises FileError where a process died, MissingExtraError.
    """
    if workers < 1 or batch < 1:
        raise InputError(f"expected workers and batch from 1, got {workers} and {batch}, try 1 and 4")
    kept = Ledger(ledger)
    left = [item for item in {one["key"]: one for one in items}.values() if item["key"] not in kept.done]
    batches = [left[i : i + batch] for i in range(0, len(left), batch)]
    problems: dict[str, Facts] = {}
    finished = len(items) - len(left)
    for rows in _results(process, batches, workers, ray):
        kept.add(row for row in rows if PROBLEM not in row)
        problems |= {row["key"]: row for row in rows if PROBLEM in row}
        finished += len(rows)
        if on_progress is not None:
            on_progress(finished, len(items))
    return [kept.done.get(item["key"]) or problems[item["key"]] for item in items]


def one_by_one(item: Callable[[Facts], Facts], batch: list[Facts]) -> list[Facts]:
    """Each item's facts with its key, or the problem that a CocnetError tells."""
    found = []
    for one in batch:
        try:
            found.append({"key": one["key"], **item(one)})
        except CocnetError as error:
            found.append({"key": one["key"], PROBLEM: str(error)})
    return found


def key_of(files: Iterable[Path | Part | None], settings: object) -> str:
    """SHA-256 of files' bytes and of settings, 32 hex digits. Raises FileError."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for path in files:
        if path is None:
            digest.update(b"none")
            continue
        if isinstance(path, Part):
            digest.update(hashlib.sha256(path.read()).digest())
            continue
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise FileError(f"expected a file, got '{path}' ({error.strerror}), try another") from error
    return digest.hexdigest()[:32]


def _results(
    process: Process, batches: Sequence[list[Facts]], workers: int, ray: str | None
) -> Iterator[list[Facts]]:
    if not batches:
        return
    if ray is not None:
        yield from _on_ray(process, batches, workers, ray)
    elif workers == 1:
        yield from map(process, batches)
    else:
        yield from _in_processes(process, batches, workers)


def _in_processes(process: Process, batches: Sequence[list[Facts]], workers: int) -> Iterator[list[Facts]]:
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = threads  # read by PyTorch as it loads in the new processes
    others, ignored = active_children(), (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, ignored)  # the parent decides
    try:
        for future in as_completed([pool.submit(process, one) for one in batches]):
            yield future.result()
        pool.shutdown()
    except BrokenProcessPool as error:
        raise FileError(
            "expected processes that live, got one that died (killed, or out of memory), "
            "try the same command again, which goes on, or fewer workers"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(active_children()).difference(others):
            child.terminate()
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _on_ray(
    process: Process, batches: Sequence[list[Facts]], workers: int, address: str
) -> Iterator[list[Facts]]:
    """A row of Ray Data for each batch; a task whose process died is run again elsewhere."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError(
            "expected the package ray, got none, try pip install 'cocnet[ray]'"
        ) from error
    ours = not ray.is_initialized()
    if ours:
        options: Facts = {"num_cpus": workers} if address == "local" else {"address": address}
        try:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise InputError(f"expected a Ray cluster at '{address}', got {error}, try local") from error
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        rows = ray.data.from_items(
            [{"batch": json.dumps(one)} for one in batches], override_num_blocks=len(batches)
        )
        for row in rows.map(_RayTask(process)).iter_rows():
            yield json.loads(row["facts"])
    finally:
        if ours:
            ray.shutdown()


class _RayTask:
    """One batch as Ray Data hands it on: text in, text out."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def __call__(self, row: Facts) -> Facts:
        return {"facts": json.dumps(self.process(json.loads(row["batch"])))}
