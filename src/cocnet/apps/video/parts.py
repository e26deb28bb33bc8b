"""What of a film is done: parts of so many frames in a folder beside it, each with what the next one goes on from.

Enters: the key of all that makes the film (SHA-256 of its bytes, depth and settings). Leaves: a part's files, there
once it is whole. A process killed in a part costs that part; another key begins anew.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cocnet.files.atomic import atomic_path
from cocnet.files.npz_file import read_npz
from cocnet.files.run_folder import locked

ENDING, KEY = ".cocnet-parts", "key.txt"


class Parts:
    """The parts of one film; one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.state: dict[str, np.ndarray] | None = None
        self.pts: list[int] = []
        self.durations: list[int] = []

    def film(self, number: int) -> Path:
        """Where a part's pictures lie, for a film file."""
        return self.folder / f"{number:06}.mkv"

    def add(self, state: Mapping[str, np.ndarray], pts: list[int], durations: list[int]) -> None:
        """Note that the next part is whole, with the state after it; on the disk when this returns."""
        arrays: dict[str, Any] = {**state, "pts": np.array(pts), "durations": np.array(durations)}
        with atomic_path(self._note(self.count)) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
        self._take(state, pts, durations)

    def _note(self, number: int) -> Path:
        return self.folder / f"{number:06}.npz"

    def _take(self, state: Mapping[str, np.ndarray], pts: list[int], durations: list[int]) -> None:
        self.count, self.state = self.count + 1, dict(state)
        self.pts += pts
        self.durations += durations

    def restore(self, key: str, with_films: bool) -> None:
        """Take up what lies there of the same key; remove what is of another."""
        path = self.folder / KEY
        if not path.is_file() or path.read_text("utf-8", "replace") != key:
            for each in self.folder.iterdir():
                if each.suffix in (".mkv", ".npz"):
                    each.unlink()
            with atomic_path(path) as temporary:
                temporary.write_text(key, "utf-8")
        while self._note(self.count).is_file() and (not with_films or self.film(self.count).is_file()):
            found = read_npz(self._note(self.count))
            pts, durations = ([int(n) for n in found.pop(name)] for name in ("pts", "durations"))
            self._take(found, pts, durations)


@contextmanager
def parts_beside(out: Path) -> Iterator[Parts]:
    """The parts of an output, locked; their folder goes when the film is done, and stays when it isn't."""
    folder = out.with_name(out.name + ENDING)
    with locked(folder):
        yield Parts(folder)
    shutil.rmtree(folder, ignore_errors=True)
