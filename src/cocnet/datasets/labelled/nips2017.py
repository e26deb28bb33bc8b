"""Photos with a table of labels: the NeurIPS-2017 adversarial competition's, `images.csv`, or one of other columns.

Enters: a folder with a CSV file. Leaves: a dataset of `LabelledPhoto`s. The competition's table (ImageId, TrueLabel,
TargetClass) counts classes from 1; `images.csv` (split, file, label, target) from 0, with a folder each split.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cocnet.datasets.labelled.imagenet import CLASSES, NUMBERING, imagenet_numbers, wordnet_id
from cocnet.datasets.labelled.labelled_photos import SIZE_PX, LabelledFile, LabelledPhotos
from cocnet.datasets.pairs.matching import Problem
from cocnet.errors import FileError, InputError
from cocnet.files.inside import inside
from cocnet.files.json_file import MOST_BYTES, reason_of
from cocnet.files.listing import listed
from cocnet.files.offline import is_folder, is_there
from cocnet.imaging.photo.formats import PHOTO_SUFFIXES

_PLACES = (".", "images")
Row = Mapping[str, str | None]


@dataclass(frozen=True)
class TableColumns:
    """Names of a table's columns; first_class: the number of its first class, 0 or 1. Raises InputError."""

    file: str
    label: str
    target: str = ""
    split: str = ""
    first_class: int = 0

    def __post_init__(self) -> None:
        if not self.file or not self.label or self.first_class not in (0, 1):
            got = f"{self.file!r}, {self.label!r} and {self.first_class}"
            raise InputError(
                f"expected a column of files, one of labels and a first class of 0 or 1, got {got}, "
                "try --file-column file --label-column label"
            )


OURS = TableColumns("file", "label", "target", "split")
COMPETITION = TableColumns("ImageId", "TrueLabel", "TargetClass", "", 1)


class NeurIPS2017(LabelledPhotos):
    """A folder with a table of labels; `split` is a folder in it ["eval" where `images.csv` has one, else all].

    columns: of a table of another kind [those above]; labels may be WordNet ids. Photos of a table without splits lie
    beside it or in images/, with or without their ending in the table. Raises FileError, InputError.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str | None = None,
        *,
        columns: TableColumns | None = None,
        classes: int = CLASSES,
        size_px: int = SIZE_PX,
        skip_problems: bool = False,
    ) -> None:
        table = _table(Path(folder))
        rows, known = _rows(table, columns)
        if known.split and known.split in rows[0]:
            rows = _of_split(rows, split, table)
        elif split is not None:
            raise InputError(f"expected a table with splits for '{split}', got '{table}', try no split")
        files, problems, ids = _read(rows, known, table.parent)
        problems = [*problems, *_unlabelled(files)]
        if ids and classes != CLASSES:
            raise FileError(
                f"expected numbers of {classes} classes in '{table}', got WordNet ids, try a column of numbers"
            )
        numbers = NUMBERING if ids else f"counted from {known.first_class}"
        super().__init__(
            files,
            problems,
            classes=classes,
            size_px=size_px,
            skip_problems=skip_problems,
            about=f"'{folder}'",
            numbering=f"'{known.label}' in {table.name}, {numbers}",
        )


def _table(folder: Path) -> Path:
    """The folder's table of labels; raises FileError where there is none."""
    if not folder.is_dir():
        raise FileError(f"expected a folder, got '{folder}', try another path")
    tables = sorted(listed(folder, "*.csv"), key=lambda path: (path.name != "images.csv", path.name))
    if not tables:
        raise FileError(
            f"expected images.csv or the competition's table in '{folder}', got none, try another"
        )
    return tables[0]


def _rows(table: Path, columns: TableColumns | None) -> tuple[list[Row], TableColumns]:
    """The rows of a table, and its columns that are known; raises FileError."""
    try:
        if table.stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:,} bytes")
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows: list[Row] = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        reason = reason_of(error)
        raise FileError(f"expected a table, got '{table}' ({reason}), try a CSV file in UTF-8") from error
    names = list(rows[0]) if rows else []
    known = [columns] if columns else [OURS, COMPETITION]
    for one in known:
        if one.file in names and one.label in names:
            return rows, one
    wanted = " or ".join(f"{one.file}, {one.label}" for one in known)
    raise FileError(
        f"expected columns {wanted} in '{table}', got {', '.join(str(name)[:40] for name in names[:8]) or 'none'}, "
        "try --file-column and --label-column, or another table"
    )


def _of_split(rows: list[Row], split: str | None, table: Path) -> list[Row]:
    known = sorted({str(row.get("split")) for row in rows if row.get("split")})
    wanted = split or ("eval" if "eval" in known else None)
    if wanted is not None and wanted not in known:
        raise InputError(f"expected a split of {', '.join(known)}, got '{split}', try one that '{table}' has")
    return [row for row in rows if wanted is None or row.get("split") == wanted]


def _read(
    rows: list[Row], columns: TableColumns, folder: Path
) -> tuple[list[LabelledFile], list[Problem], bool]:
    """What each row says, a problem for each that says it wrongly, and whether labels are WordNet ids."""
    files, problems, ids = [], [], False
    for number, row in enumerate(rows, 2):
        try:
            label = str(row[columns.label] or "")
            ids = ids or wordnet_id(label) is not None
            target = row.get(columns.target) if columns.target else None
            path = _path(folder, str(row[columns.file]), row.get("split") if columns.split else None)
            name = Path(str(row[columns.file])).stem
            goal = _class(str(target), columns) if target else None
            files.append(LabelledFile(name, path, _class(label, columns), goal))
        except (KeyError, TypeError, ValueError) as error:
            name = str(row.get(columns.file) or f"line {number}")[:80]
            problems.append(Problem(name, f"line {number} can't be used: {reason_of(error)}"))
    return files, problems, ids


def _class(text: str, columns: TableColumns) -> int:
    """A class, from 0; raises ValueError."""
    known = imagenet_numbers().get(text)
    if known is not None:
        return known
    if not text.strip().removeprefix("-").isascii() or not text.strip().removeprefix("-").isdigit():
        raise ValueError(f"expected a whole number or WordNet id, got '{text[:40]}'")
    return int(text) - columns.first_class


def _path(folder: Path, name: str, split: str | None) -> Path:
    """Where a row's photo is; the likeliest place for one that is nowhere. Raises ValueError outside the folder."""
    if split is not None:
        return inside(folder, split or ".", name)
    paths = [inside(folder, place, f"{name}{end}") for end in ("", *PHOTO_SUFFIXES) for place in _PLACES]
    return next((path for path in paths if is_there(path)), inside(folder, name))


def _unlabelled(files: list[LabelledFile]) -> list[Problem]:
    """Photos that lie beside labelled ones and have no label."""
    known = {file.path for file in files}
    folders = sorted({file.path.parent for file in files if is_folder(file.path.parent)})
    return [
        Problem(path.name, "no label")
        for folder in folders
        for path in listed(folder)
        if path.suffix.lower() in PHOTO_SUFFIXES and path not in known
    ]
