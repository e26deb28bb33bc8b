"""A folder of results that items make, each once: settings that claim it, a ledger, a manifest; or shards of them.

Enters: a run's settings (fields out, workers, ray, shard), items, the function that does them. Leaves: the files, and
the manifest, in which every finished item is told.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cocnet.errors import FileError
from cocnet.files.atomic import write_json
from cocnet.files.many import Facts, Process, key_of, one_by_one, run_many
from cocnet.files.run_folder import SETTINGS, claim, locked
from cocnet.files.shards import SUFFIX, write_shard

LEDGER = "done.jsonl"
SCRATCH = ".cocnet-shard-"
FREE = ("out", "workers", "ray")  # settings that may change when a run goes on
Members = Callable[[Facts, Path], Iterable[tuple[str, bytes]]]


@dataclass(frozen=True)
class Work:
    """What is done with items: a function of a module, how many at once; the members that an item's facts and the
    folder of its files become in a shard; files that are written beside the manifest."""

    process: Process
    batch: int
    members: Members
    free: tuple[str, ...] = FREE
    cards: tuple[str, ...] = ()


def check_apart(images: Path, out: Path) -> None:
    """Refuse to write a set into the folder that its photos are read from; raises FileError."""
    if images.resolve() == out.resolve():
        raise FileError(
            f"expected an output folder other than the photos', got '{out}' for both, try another --out"
        )


def make_set(
    run: Any,
    work: Work,
    plan: Callable[[], list[Facts]],
    manifest: str,
    told: Callable[[list[Facts]], Facts],
    on_progress: Callable[[int, int], None] | None = None,
) -> Facts:
    """Do the planned items, or what is missing; returns the manifest: the settings and what is told of all items'
    facts. With run.shard items write into a folder that is then packed, so many items a shard. Raises CocnetError.
    """
    settings = {name: str(value) for name, value in asdict(run).items()}
    own = [name for name in (manifest, *work.cards) if (run.out / name).exists()]
    if own and not (run.out / SETTINGS).exists():
        raise FileError(
            f"expected a new folder, or one of an earlier run, got '{run.out}' with a {own[0]} of its own, "
            "try another --out"
        )
    items = plan()
    with locked(run.out):
        free = FREE if run.shard else work.free  # another choice makes other shards of the same names
        claim(run.out, {name: value for name, value in settings.items() if name not in free})
        for left in run.out.glob(f"{SCRATCH}*"):
            shutil.rmtree(left, ignore_errors=True)
        process, batch = work.process, work.batch
        if run.shard:
            items, process, batch = _shards(items, run), partial(_packed, work), 1
        ledger, ways = run.out / LEDGER, {"workers": run.workers, "ray": run.ray}
        rows = run_many(process, items, ledger, batch=batch, on_progress=on_progress, **ways)
        rows = [row for each in rows for row in each.get("rows", [each])]
        shards = {"shards": [item["shard"] for item in items]} if run.shard else {}
        found = {"settings": settings, **told(rows), **shards}
        write_json(run.out / manifest, found)
    return found


def _shards(items: Sequence[Facts], run: Any) -> list[Facts]:
    """Items by their split, and so many of them a shard: each an item of its own."""
    found = []
    for split in sorted({str(item["split"]) for item in items}):
        own = [item for item in items if item["split"] == split]
        for number, start in enumerate(range(0, len(own), run.shard)):
            some, name = own[start : start + run.shard], f"{split}-{number:06d}{SUFFIX}"
            key = key_of((), [name, *(item["key"] for item in some)])
            found.append({"key": key, "shard": name, "out": str(run.out), "items": some})
    return found


def _packed(work: Work, batch: list[Facts]) -> list[Facts]:
    return one_by_one(partial(_pack, work), batch)


def _pack(work: Work, shard: Facts) -> Facts:
    out = Path(shard["out"])
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=out) as folder:
        rows = work.process([{**item, "out": folder} for item in shard["items"]])
        members = (member for row in rows for member in work.members(row, Path(folder)))
        write_shard(out / shard["shard"], members)
    return {"rows": rows}
