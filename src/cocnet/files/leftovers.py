"""Half-written files: who still writes one holds a lock on it, so those of killed processes can be told and removed.

Enters: a folder that is written to. Leaves: the same folder without files named `.cocnet-*` that nobody writes.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows, where an open file can't be removed anyway
    fcntl: Any = None  # type: ignore[no-redef]

TEMPORARY = ".cocnet-"
_OLD_S = 86_400.0  # where files can't be locked, those of yesterday are nobody's
_tidied: set[Path] = set()


class Claim:
    """A new, empty, locked file at a path; raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path, self._handle = path, -1
        while not self._is_mine():
            self.close()
            self._handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            _lock(self._handle)

    def renew(self) -> None:
        """Lock what now lies at the path, if another file was put there."""
        if not self._is_mine():
            self.close()
            self._handle = os.open(self.path, os.O_RDONLY)
            _lock(self._handle)

    def close(self) -> None:
        """Unlock the file, so that other processes may take it for left over."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _is_mine(self) -> bool:
        try:
            return self._handle >= 0 and os.path.samestat(os.fstat(self._handle), os.stat(self.path))  # noqa: PTH116
        except OSError:
            return False


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder, once for each process and folder; never an error."""
    if folder in _tidied:
        return
    _tidied.add(folder)
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name.startswith(TEMPORARY):
                _remove_if_left(path)


def _remove_if_left(path: Path) -> None:
    with suppress(OSError):
        if path.is_symlink() or not path.is_file():
            return
        handle = os.open(path, os.O_RDONLY)
        try:
            if _lock(handle) or (fcntl is None and time.time() - path.stat().st_mtime > _OLD_S):
                path.unlink()
        finally:
            os.close(handle)


def _lock(handle: int) -> bool:
    """Whether the file is now locked by this process."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
