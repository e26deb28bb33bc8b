"""A batch: photos through `cocnet render`, several at a time, in processes that keep their models.

Enters: folders or patterns, the batch's settings, the options of a render. Leaves: pictures with their settings, the
manifest, a contact sheet, a report. A photo that can't be rendered is listed, and the batch goes on.
"""

import os
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cocnet.apps.batch.check import check_batch
from cocnet.apps.batch.inputs import Item, depths_for, find_photos
from cocnet.apps.batch.job import Made, render_one, view_of
from cocnet.apps.batch.manifest import Manifest, Record, key_of, what_makes
from cocnet.apps.batch.settings import BatchRun
from cocnet.apps.workers import Limits, Worker
from cocnet.errors import CocnetError, CocnetWarning, FileError
from cocnet.files.atomic import write_json
from cocnet.files.json_file import an_object, read_json
from cocnet.files.own_settings import are_settings
from cocnet.files.run_folder import locked
from cocnet.pipeline.options import RenderOptions

REPORT = "batch.json"
MOST_VIEWS = 600

Call = Callable[..., Any]  # as `Worker.call`
Depth = Path | FileError | None  # a map, or why there is none


@dataclass(frozen=True)
class Failure:
    """A photo that was left out, and why."""

    photo: str
    reason: str


@dataclass(frozen=True)
class BatchReport:
    """What came of a batch: pictures made now, made before and kept, photos left out; seconds of the whole."""

    out: str
    made: int
    kept: int
    failed: tuple[Failure, ...]
    seconds: float
    contact_sheet: str | None


@dataclass(frozen=True, eq=False)
class Done:
    """One photo's outcome: a record with its small view where it was made now, or a failure; edited: by someone else
    since it was made."""

    item: Item
    record: Record | None = None
    kept: bool = False
    edited: bool = False
    view: Any = None
    failure: Failure | None = None


@dataclass(eq=False)
class _Lanes:
    """The photos that are left with their depth, taken one by one by several threads, each with a worker."""

    items: Iterator[tuple[Item, Depth]]
    done: "queue.Queue[Done | BaseException]" = field(default_factory=queue.Queue)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> tuple[Item, Depth] | None:
        with self.lock:
            return next(self.items, None)

    def stop(self) -> None:
        with self.lock:
            self.items = iter(())


def run_batch(
    given: Sequence[str],
    run: BatchRun,
    options: RenderOptions | None = None,
    on_progress: Callable[[Done, int], None] | None = None,
    make_worker: Callable[[Limits], Any] | None = None,
) -> BatchReport:
    """Render all photos. on_progress(outcome, all) follows every photo. Raises CocnetError where none can."""
    begun, options = time.monotonic(), options or RenderOptions()
    items = find_photos(given, run.out, run.format)
    check_batch(run, options)
    with locked(run.out):
        before = _report_before(run.out)
        manifest, found = Manifest(run.out), dict[Path, Done]()
        with _outcomes(items, run, options, manifest, make_worker or Worker) as outcomes:
            for done in outcomes:
                if done.record is not None and not done.kept:
                    manifest.add(done.record)
                shown = run.contact_sheet and len(found) < MOST_VIEWS
                found[done.item.output] = done if shown else replace(done, view=None)
                if on_progress is not None:
                    on_progress(done, len(items))
        ordered = [found[item.output] for item in items]
        _tell_of_edits([done.item.name for done in ordered if done.edited])
        sheet = _sheet(run, ordered, before) if run.contact_sheet else None
        report = BatchReport(
            out=str(run.out),
            made=sum(done.record is not None and not done.kept for done in ordered),
            kept=sum(done.kept for done in ordered),
            failed=tuple(done.failure for done in ordered if done.failure is not None),
            seconds=round(time.monotonic() - begun, 2),
            contact_sheet=None if sheet is None else str(sheet),
        )
        pictures = [asdict(done.record) for done in ordered if done.record is not None]
        last_sheet = report.contact_sheet or before.get("contact_sheet")
        told = {**asdict(report), "contact_sheet": last_sheet, "options": options, "pictures": pictures}
        write_json(run.out / REPORT, told)
    return report


@contextmanager
def _outcomes(
    items: Sequence[Item],
    run: BatchRun,
    options: RenderOptions,
    manifest: Manifest,
    make_worker: Callable[[Limits], Any],
) -> Iterator[Iterator[Done]]:
    """The outcomes as they come; what is under way is ended when the caller leaves early."""
    cores = os.cpu_count() or 1
    count = min(run.workers or cores, len(items))
    workers = [make_worker(Limits(threads=max(1, cores // count))) for _ in range(count)]
    lanes = _Lanes(zip(items, depths_for(items, run.depth), strict=True))
    settings = {**what_makes(options), "quality": run.quality}
    threads = [
        threading.Thread(target=_drive, args=(lanes, worker, run, options, settings, manifest), daemon=True)
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    try:
        yield _arriving(lanes, len(items))
    finally:
        lanes.stop()
        for worker in workers:
            worker.kill()
        for thread in threads:
            thread.join()


def _arriving(lanes: _Lanes, count: int) -> Iterator[Done]:
    for _ in range(count):
        done = lanes.done.get()
        if isinstance(done, BaseException):
            raise done
        yield done


def _drive(
    lanes: _Lanes,
    worker: Any,
    run: BatchRun,
    options: RenderOptions,
    settings: dict[str, Any],
    manifest: Manifest,
) -> None:
    """One lane: photo after photo through one worker."""
    try:
        while (taken := lanes.take()) is not None:
            lanes.done.put(_one(*taken, worker.call, run, options, settings, manifest))
    except BaseException as error:
        lanes.done.put(error)
    finally:
        worker.close()


def _one(
    item: Item,
    depth: Depth,
    call: Call,
    run: BatchRun,
    options: RenderOptions,
    settings: dict[str, Any],
    manifest: Manifest,
) -> Done:
    begun = time.monotonic()
    try:
        if isinstance(depth, FileError):
            raise depth
        key = key_of(item.photo, depth, settings)
        before = manifest.done(key, item.output)
        if before is not None:
            return Done(item, before, kept=True)
        edited = manifest.edited(item.output)
        if edited is not None:
            return Done(item, edited, kept=True, edited=True)
        target = run.out / item.output
        target.parent.mkdir(parents=True, exist_ok=True)
        made: Made = call(render_one, item.photo, depth, options, target, run.quality)
    except (CocnetError, OSError) as error:
        return Done(item, failure=Failure(item.name, " ".join(str(error).split())))
    seconds = round(time.monotonic() - begun, 2)
    record = Record(key, item.name, item.output.as_posix(), made.bytes, seconds, made.notes)
    return Done(item, record, view=made.view)


def _report_before(folder: Path) -> dict[str, Any]:
    """The report of the run before, {} for none. Raises FileError where another file has its name."""
    path = folder / REPORT
    if path.exists() and not are_settings(path):
        raise FileError(f"expected a batch's report, got '{path}', which is none, try another --out")
    return read_json(path, "a batch's report", "another --out", an_object) if path.exists() else {}


def _tell_of_edits(names: Sequence[str]) -> None:
    """Warn of pictures that are kept as someone has changed them."""
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        told = f"{', '.join(names[:3])}{more}: changed since rendered, kept; delete to have them made anew"
        warnings.warn(told, CocnetWarning, stacklevel=3)


def _sheet(run: BatchRun, outcomes: Sequence[Done], before: Mapping[str, Any]) -> Path | None:
    """The contact sheet of what lies there, of at most MOST_VIEWS pictures; None for nothing. Of files that have its
    name, only the sheet of the run before is replaced."""
    from cocnet.apps.batch.contact_sheet import NAME, write_sheet

    views = list[tuple[str, Any]]()
    for done in [done for done in outcomes if done.record is not None][:MOST_VIEWS]:
        path = run.out / done.item.output
        try:
            views.append((done.item.name, view_of(path) if done.view is None else done.view))
        except CocnetError:
            told = f"expected the picture that was made before, got a damaged '{path}', try deleting it and again"
            warnings.warn(told, CocnetWarning, stacklevel=2)
    stem, last = Path(NAME).stem, Path(str(before.get("contact_sheet"))).name
    others = {Path(path.name) for path in run.out.glob(f"{stem}*") if path.name != last}
    return write_sheet(run.out, views, others.union(done.item.output for done in outcomes)) if views else None
