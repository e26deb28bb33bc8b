"""Files of JSON lines that grow while work is done: what a killed process left half-written counts for nothing.

Enters: rows, plain dicts. Leaves: the rows that are whole; lines that are on the disk when `append_lines` returns.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cocnet.files.json_file import json_text

Row = dict[str, Any]


def read_lines(path: Path) -> Iterator[Row]:
    """The JSON objects of a file, one a line; none where there is no file."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            yield row


def append_lines(path: Path, rows: Iterable[Row]) -> None:
    """Add rows, behind a half line on a new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if file.tell() and not _ends_a_line(path):
            file.write(b"\n")
        file.write("".join(json_text(row) + "\n" for row in rows).encode())
        file.flush()
        os.fsync(file.fileno())


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
