"""What is known of one attacked photo, and batches of it as JSON.

Enters: values. Leaves: records, and back; infinity (the PSNR of equal pictures) is text in JSON.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from cocnet.errors import FileError
from cocnet.files.atomic import write_json
from cocnet.files.json_file import read_json

T = TypeVar("T")
R = TypeVar("R", "AttackRecord", "TransformRecord")


@dataclass(frozen=True)
class AttackRecord:
    """One photo, victim and method; `row` of `batch` holds its depth and camera.

    clean_right, natural_right: the victim names the file of the photo, and of its natural bokeh, rightly;
    success: it doesn't so name the attacked picture, as the attack saw it; success_saved: nor as the file of 8
    bit has it, which is what `prediction_saved` and `others` (all victims, by name) look at. to_photo,
    to_natural: similarity of the file to these two, by metric. perturbation: what depth was changed by (see
    `Perturbation`). camera: 1/m of focus, f-number, focal length in m.
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
    restarts: int
    full: bool
    clean_right: bool
    natural_right: bool
    success: bool
    success_saved: bool
    prediction: int
    prediction_saved: int
    margin: float
    queries: int
    seconds: float
    zero_gradient: bool
    to_photo: dict[str, float] = field(default_factory=dict)
    to_natural: dict[str, float] = field(default_factory=dict)
    perturbation: dict[str, float] | None = None
    camera: tuple[float, ...] | None = None
    others: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether success is the attack's own: right before it, with and without bokeh."""
        return self.clean_right and self.natural_right


@dataclass(frozen=True)
class PhotoRecord:
    """A photo of a run, and what each victim sees in it and in its natural bokeh; `again`: in it, asked once more."""

    photo: str
    stem: str
    label: int
    clean: dict[str, int]
    natural: dict[str, int]
    again: dict[str, int]


@dataclass(frozen=True)
class TransformRecord:
    """An attacked photo after a transform on its way to the victim: the class that is seen in natural bokeh that went
    the same way, and in the attacked picture."""

    stem: str
    victim: str
    method: str
    transform: str
    natural: int
    attacked: int


def write_records(path: Path, records: Sequence[AttackRecord]) -> None:
    """Write a batch. Raises FileError."""
    write_json(path, {"records": [asdict(record) for record in records]})


def read_records(path: Path) -> list[AttackRecord]:
    """A batch that was written. Raises FileError."""
    return _read(path, lambda found: [AttackRecord(**_numbers(row)) for row in found["records"]])


def write_photos(path: Path, photos: Sequence[PhotoRecord], problems: Sequence[tuple[str, str]]) -> None:
    """Write what was seen in a batch, and which photos couldn't be. Raises FileError."""
    write_json(path, {"photos": [asdict(photo) for photo in photos], "problems": problems})


def read_photos(path: Path) -> tuple[list[PhotoRecord], list[tuple[str, str]]]:
    """Read what was seen in a batch, and which photos couldn't be. Raises FileError."""
    return _read(
        path,
        lambda found: (
            [PhotoRecord(**row) for row in found["photos"]],
            [(str(name), str(reason)) for name, reason in found["problems"]],
        ),
    )


def write_transformed(path: Path, records: Sequence[TransformRecord]) -> None:
    """Write a batch. Raises FileError."""
    write_json(path, {"transformed": [asdict(record) for record in records]})


def read_transformed(path: Path) -> list[TransformRecord]:
    """A batch that was written. Raises FileError."""
    return _read(path, lambda found: [TransformRecord(**row) for row in found["transformed"]])


def of_names(path: Path, records: list[R], **names: str) -> list[R]:
    """A file's records, which are of this victim, method and transform. Raises FileError where they aren't."""
    for record in records:
        for key, name in names.items():
            if (found := getattr(record, key)) != name:
                raise FileError(
                    f"expected results of the {key} '{name}', got '{path}' of '{found}', try a new folder"
                )
    return records


def flat(record: AttackRecord) -> dict[str, Any]:
    """A record as one line of a table."""
    row = {key: value for key, value in asdict(record).items() if not isinstance(value, dict)}
    row["camera"] = "" if record.camera is None else " ".join(f"{number:g}" for number in record.camera)
    for key in ("to_photo", "to_natural", "perturbation", "others"):
        row |= {f"{key} {name}": value for name, value in (getattr(record, key) or {}).items()}
    return row


def _numbers(row: dict[str, Any]) -> dict[str, Any]:
    """Text of infinity and NaN as numbers again; raises FileError for what is no field."""
    known = {one.name for one in fields(AttackRecord)}
    if set(row) != known:
        raise FileError(
            f"expected a record of this version, got {', '.join(sorted(set(row) ^ known))[:160]}, try a new folder"
        )
    for key in ("to_photo", "to_natural", "perturbation"):
        if row[key] is not None:
            row[key] = {name: float(value) for name, value in row[key].items()}
    row["camera"] = None if row["camera"] is None else tuple(row["camera"])
    return row | {"margin": float(row["margin"])}


def _read(path: Path, use: Callable[[Any], T]) -> T:
    return read_json(path, "a batch's results", "deleting it", use)
