"""The NeurIPS-2017 adversarial competition's photos, in the competition's layout or with an `images.csv`.

Enters: a folder. Leaves: a dataset of `LabelledPhoto`s. The competition's table (ImageId, TrueLabel, TargetClass)
counts classes from 1; `images.csv` (split, file, label, target) from 0, with its photos in a folder each split.
"""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from cocnet.datasets.labelled.labelled_photos import SIZE_PX, LabelledFile, LabelledPhotos
from cocnet.datasets.pairs.matching import PICTURES, Problem
from cocnet.errors import FileError, InputError
from cocnet.files.listing import listed

OURS, COMPETITION = ("file", "label"), ("ImageId", "TrueLabel")
_PLACES = (".", "images")
Row = Mapping[str, str | None]


class NeurIPS2017(LabelledPhotos):
    """A folder with a table of labels; `split` is a folder in it ["eval" where `images.csv` has one, else all].

    Photos of the competition lie beside its table or in images/. Raises FileError, InputError.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str | None = None,
        *,
        size_px: int = SIZE_PX,
        skip_problems: bool = False,
    ) -> None:
        table = _table(Path(folder))
        rows = _rows(table)
        if all(column in rows[0] for column in OURS):
            rows = _of_split(rows, split, table)
            files, problems = _read(rows, _ours(table.parent))
        elif split is not None:
            raise InputError(f"expected a table with splits for '{split}', got '{table}', try no split")
        else:
            files, problems = _read(rows, _of_competition(table.parent))
        problems = [*problems, *_unlabelled(files)]
        super().__init__(files, problems, size_px=size_px, skip_problems=skip_problems, about=f"'{folder}'")


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


def _rows(table: Path) -> list[Row]:
    """The rows of a table with columns that are known; raises FileError."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows: list[Row] = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"expected a table, got '{table}' ({error}), try a CSV file in UTF-8") from error
    columns = list(rows[0]) if rows else []
    if not any(all(column in columns for column in known) for known in (OURS, COMPETITION)):
        raise FileError(
            f"expected columns {', '.join(OURS)} or {', '.join(COMPETITION)} in '{table}', got "
            f"{', '.join(str(column) for column in columns[:8]) or 'none'}, try another table"
        )
    return rows


def _of_split(rows: list[Row], split: str | None, table: Path) -> list[Row]:
    known = sorted({str(row.get("split")) for row in rows if row.get("split")})
    wanted = split or ("eval" if "eval" in known else None)
    if wanted is not None and wanted not in known:
        raise InputError(f"expected a split of {', '.join(known)}, got '{split}', try one that '{table}' has")
    return [row for row in rows if wanted is None or row.get("split") == wanted]


def _read(rows: list[Row], of_row: Callable[[Row], LabelledFile]) -> tuple[list[LabelledFile], list[Problem]]:
    """What each row says, and a problem for each that says it wrongly."""
    files, problems = [], []
    for number, row in enumerate(rows, 2):
        try:
            files.append(of_row(row))
        except (KeyError, TypeError, ValueError) as error:
            name = str(row.get("file") or row.get("ImageId") or f"line {number}")
            problems.append(Problem(name, f"line {number} has no whole number ({error})"))
    return files, problems


def _ours(folder: Path) -> Callable[[Row], LabelledFile]:
    def of_row(row: Row) -> LabelledFile:
        name, split = str(row["file"]), row.get("split") or "."
        target = row.get("target")
        return LabelledFile(
            Path(name).stem, folder / split / name, int(row["label"] or ""), int(target) if target else None
        )

    return of_row


def _of_competition(folder: Path) -> Callable[[Row], LabelledFile]:
    def of_row(row: Row) -> LabelledFile:
        name = str(row["ImageId"])
        paths = [folder / place / f"{name}{end}" for end in ("", *PICTURES) for place in _PLACES]
        path = next((path for path in paths if path.is_file()), folder / f"{name}.png")
        target = row.get("TargetClass")
        return LabelledFile(name, path, int(row["TrueLabel"] or "") - 1, int(target) - 1 if target else None)

    return of_row


def _unlabelled(files: list[LabelledFile]) -> list[Problem]:
    """Photos that lie beside labelled ones and have no label."""
    known = {file.path for file in files}
    folders = sorted({file.path.parent for file in files if file.path.parent.is_dir()})
    return [
        Problem(path.name, "no label")
        for folder in folders
        for path in listed(folder)
        if path.suffix.lower() in PICTURES and path not in known
    ]
