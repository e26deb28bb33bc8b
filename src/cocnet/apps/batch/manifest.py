"""What of a batch is done: a line of JSON for each photo, written when its picture is whole.

Enters: the key of a photo (SHA-256 of its bytes, its depth's and its sidecar's, and of all settings). Leaves: its
`Record`, if its picture still lies there. A line that a killed process left half-written counts for nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cocnet import __version__
from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path
from cocnet.files.json_lines import append_lines, read_lines
from cocnet.files.own_settings import are_settings
from cocnet.files.run_folder import file_hash
from cocnet.imaging.depth.depth_file import sidecar_paths
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.result_files import settings_path

NAME = "manifest.jsonl"


@dataclass(frozen=True)
class Record:
    """A photo whose picture is done: its key, its name, the picture below the folder, that one's bytes, seconds."""

    key: str
    photo: str
    output: str
    bytes: int
    seconds: float
    notes: tuple[str, ...] = ()


class Manifest:
    """The records of a folder; one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / NAME
        self._records = {record.output: record for record in _read(self._path)}
        with atomic_path(self._path) as temporary:
            append_lines(temporary, map(asdict, self._records.values()))

    def done(self, key: str, output: Path) -> Record | None:
        """The record of a picture that was made of this very key and has not been touched since."""
        record, path = self._records.get(output.as_posix()), self._folder / output
        if record is None or record.key != key or not path.is_file():
            return None
        return record if path.stat().st_size == record.bytes else None

    def edited(self, output: Path) -> Record | None:
        """The record of a picture that isn't what the batch wrote any more. Raises FileError where one lies that no
        render wrote."""
        record, path = self._records.get(output.as_posix()), self._folder / output
        if record is not None:
            return record if path.is_file() and path.stat().st_size != record.bytes else None
        if (path.exists() or settings_path(path).exists()) and not are_settings(settings_path(path)):
            raise FileError(f"expected a new file, got '{path}', which is no render's, try another --out")
        return None

    def add(self, record: Record) -> None:
        """Keep a record; on the disk when this returns."""
        self._records[record.output] = record
        append_lines(self._path, [asdict(record)])


def key_of(photo: Path, depth: Path | None, settings: Mapping[str, Any]) -> str:
    """SHA-256 of all that makes a picture, as 64 hex digits; raises OSError."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    sidecars = (None, None) if depth is None else sidecar_paths(depth)
    for path in (photo, depth, *sidecars):
        there = path is not None and path.is_file()
        digest.update(file_hash(path).encode() if there and path is not None else b"none")
    return digest.hexdigest()


def what_makes(options: RenderOptions) -> dict[str, Any]:
    """All that makes a picture besides its photo and depth; weights, masks and the aperture's picture count by their
    bytes."""
    asked = asdict(options)
    files = {name: Path(value) for name, value in asked.items() if isinstance(value, str)}
    hashes = {name: file_hash(path) for name, path in files.items() if path.is_file()}
    return {"version": __version__, "options": asked, "files": hashes}


def _read(path: Path) -> list[Record]:
    found = []
    for row in read_lines(path):
        with suppress(TypeError, KeyError):
            found.append(Record(**{**row, "notes": tuple(row["notes"])}))
    return found
