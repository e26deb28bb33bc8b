"""What is known of one attacked photo, and batches of it as JSON.

Enters: values. Leaves: `Record`s, and back; infinity (the PSNR of equal pictures) is text in JSON.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from cocnet.errors import FileError
from cocnet.files.atomic import write_json


@dataclass(frozen=True)
class Record:
    """One photo, victim and method; `row` of `batch` holds its depth and camera.

    clean_right, natural_right: the victim names the file of the photo, and of its natural bokeh, rightly; success: it
    doesn't so name the attacked picture, as the attack saw it; success_saved: nor as the file of 8 bit has it, which
    is what `prediction_saved` and `others` (all victims, by name) look at. to_photo, to_natural: likeness of the file
    to these two, by metric. delta: what depth was changed by (see `measures`). camera: 1/m of focus, f-number, focal
    length in m.
    """

    photo: str
    stem: str
    batch: int
    row: int
    label: int
    renderer: str
    victim: str
    method: str
    epsilon: float | None
    steps: int
    clean_right: bool
    natural_right: bool
    success: bool
    success_saved: bool
    prediction: int
    prediction_saved: int
    margin: float
    queries: int
    seconds: float
    stalled: bool
    to_photo: dict[str, float] = field(default_factory=dict)
    to_natural: dict[str, float] = field(default_factory=dict)
    delta: dict[str, float] | None = None
    camera: tuple[float, ...] | None = None
    others: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether success is the attack's own: right before it, with and without bokeh."""
        return self.clean_right and self.natural_right


@dataclass(frozen=True)
class View:
    """A photo of a run, and what each victim sees in it and in its natural bokeh; `again`: in it, asked once more."""

    photo: str
    stem: str
    label: int
    clean: dict[str, int]
    natural: dict[str, int]
    again: dict[str, int]


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write a batch. Raises FileError."""
    write_json(path, {"records": [asdict(record) for record in records]})


def read_records(path: Path) -> list[Record]:
    """A batch that was written. Raises FileError."""
    return [Record(**_numbers(row, Record)) for row in _read(path)["records"]]


def write_views(path: Path, views: Sequence[View], problems: Sequence[tuple[str, str]]) -> None:
    """Write what was seen in a batch, and which photos couldn't be. Raises FileError."""
    write_json(path, {"views": [asdict(view) for view in views], "problems": problems})


def read_views(path: Path) -> tuple[list[View], list[tuple[str, str]]]:
    """Both of them. Raises FileError."""
    found = _read(path)
    return [View(**row) for row in found["views"]], [(name, reason) for name, reason in found["problems"]]


def flat(record: Record) -> dict[str, Any]:
    """A record as one line of a table."""
    row = {key: value for key, value in asdict(record).items() if not isinstance(value, dict)}
    row["camera"] = "" if record.camera is None else " ".join(f"{number:g}" for number in record.camera)
    for key in ("to_photo", "to_natural", "delta", "others"):
        row |= {f"{key} {name}": value for name, value in (getattr(record, key) or {}).items()}
    return row


def _numbers(row: dict[str, Any], kind: type) -> dict[str, Any]:
    """Text of infinity and NaN as numbers again; raises TypeError for what is no field."""
    known = {one.name for one in fields(kind)}
    if set(row) != known:
        raise FileError(
            f"expected a record of this version, got {sorted(set(row) ^ known)}, try a new folder"
        )
    for key in ("to_photo", "to_natural", "delta"):
        if row[key] is not None:
            row[key] = {name: float(value) for name, value in row[key].items()}
    row["camera"] = None if row["camera"] is None else tuple(row["camera"])
    return row | {"margin": float(row["margin"])}


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"expected a batch's results, got '{path}' ({error}), try deleting it") from error
