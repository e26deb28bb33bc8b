"""What of a film is done: parts of so many frames in a folder beside it, each with what the next one goes on from.

Enters: the key of all that makes the film (SHA-256 of its bytes, depth and settings). Leaves: a part's files, there
once it is whole, and the settings of the first frame. A process killed in a part costs that part; another key begins
anew.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path, write_json
from cocnet.files.json_file import an_object, read_json
from cocnet.files.npz_file import read_npz
from cocnet.files.run_folder import locked
from cocnet.pipeline.result_files import beside

TIMES = ("pts", "durations")
ENDING, KEY, FIRST = ".cocnet-parts", "key.txt", "first_frame.json"


class Parts:
    """The parts of one film; one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.first_frame: dict[str, Any] | None = None
        self.state: dict[str, np.ndarray] | None = None
        self.pts: list[int] = []
        self.durations: list[int] = []

    def film(self, number: int) -> Path:
        """Where a part's pictures lie, for a film file."""
        return self.folder / f"{number:06}.mkv"

    def add(self, state: Mapping[str, np.ndarray], pts: list[int], durations: list[int]) -> None:
        """Note that the next part is whole, with the state after it; on the disk when this returns."""
        self._write(self.count, pts, durations, state)
        if self.count:
            older = read_npz(self._note(self.count - 1), TIMES)
            self._write(self.count - 1, older["pts"].tolist(), older["durations"].tolist(), {})
        self._take(state, pts, durations)

    def note_first(self, settings: Any) -> None:
        """Keep the settings of the film's first frame."""
        write_json(self.folder / FIRST, settings)
        self.first_frame = _settings(self.folder / FIRST)

    def _write(
        self, number: int, pts: list[int], durations: list[int], state: Mapping[str, np.ndarray]
    ) -> None:
        arrays: dict[str, Any] = {**state, **dict(zip(TIMES, map(np.array, (pts, durations)), strict=True))}
        with atomic_path(self._note(number)) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)

    def _note(self, number: int) -> Path:
        return self.folder / f"{number:06}.npz"

    def _take(self, state: Mapping[str, np.ndarray], pts: list[int], durations: list[int]) -> None:
        self.count, self.state = self.count + 1, dict(state)
        self.pts += pts
        self.durations += durations

    def restore(self, key: str, is_whole: Callable[[int, range], bool]) -> None:
        """Take up what lies there of the same key; remove what is of another, or what can't be gone on from.

        is_whole(part, frames): whether the part's pictures are there.
        """
        path = self.folder / KEY
        if not path.is_file() or path.read_text("utf-8", "replace") != key:
            self._begin_anew()
            with atomic_path(path) as temporary:
                temporary.write_text(key, "utf-8")
        while (note := self._note(self.count)).is_file():
            try:
                found = read_npz(note)
                pts, durations = ([int(n) for n in found.pop(name)] for name in TIMES)
            except (ValueError, KeyError):
                break
            if not is_whole(self.count, range(len(self.pts), len(self.pts) + len(pts))):
                break
            self._take(found, pts, durations)
        self.first_frame = _settings(self.folder / FIRST)
        if self.count and not (self.state and self.first_frame):
            self._begin_anew()

    def _begin_anew(self) -> None:
        self.count, self.state, self.pts, self.durations = 0, None, [], []
        for each in self.folder.iterdir():
            if each.suffix in (".mkv", ".npz"):
                each.unlink()


def _settings(path: Path) -> dict[str, Any] | None:
    try:
        return read_json(path, "settings", "the same command again", an_object)
    except FileError:
        return None


@contextmanager
def parts_beside(out: Path) -> Iterator[Parts]:
    """The parts of an output, locked; their folder goes when the film is done, and stays when it isn't."""
    folder = beside(out, ENDING)
    with locked(folder):
        yield Parts(folder)
    shutil.rmtree(folder, ignore_errors=True)
