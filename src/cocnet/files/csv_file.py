"""Tables as CSV that a spreadsheet opens as what they are: no cell is a formula.

Enters: rows by column. Leaves: a file, whole or not at all. Source: OWASP, CSV injection.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cocnet.files.atomic import atomic_path

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows under the names of all their columns. Raises FileError."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([text_cell(name) for name in columns])
        writer.writerows([text_cell(row.get(name, "")) for name in columns] for row in rows)


def text_cell(value: Any) -> Any:
    """A value as it may stand in a cell: what a spreadsheet would take for a formula gets a quote before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
