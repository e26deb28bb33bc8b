"""Visitors with their photos, each in a folder and a process of its own; nothing of one is seen by another.

Enters: a cookie's value. Leaves: a `Visitor`; folders go with the server, or when a visitor has been away for long.
"""

import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cocnet.apps.serve.settings import ServeRun
from cocnet.apps.serve.studio import Upload
from cocnet.apps.workers import Limits, Worker

FOLDER = "cocnet-serve-"
AWAY_S = 3600.0
MOST_PHOTOS = 12
LOADS = ("cocnet.pipeline.live_preview",)  # brings PyTorch, whose gigabytes of address space aren't a photo's
_OWN_FOLDER = re.compile(rf"(?:(?<=')/[^']*|[^'\s]*){FOLDER}[^'\s]*/")


def told_line(error: object) -> str:
    """An error as a visitor is told it: in one line, his files by their names alone."""
    return _OWN_FOLDER.sub("", " ".join(str(error).split()))


@dataclass(eq=False)
class Photo:
    """An uploaded photo; another depth makes another `Upload` of it."""

    upload: Upload


@dataclass(eq=False)
class Visitor:
    """One browser."""

    folder: Path
    worker: Any
    photos: dict[str, Photo] = field(default_factory=dict)
    jobs: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: float = field(default_factory=time.monotonic)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """In the visitor's process, one call at a time. Raises CocnetError, WorkerDied."""
        with self.lock:
            return self.worker.call(function, *arguments)

    def new_file(self, name: str) -> Path:
        """A path in a new folder below the visitor's, whose name nobody can guess; of `name` only letters, digits
        and a few signs are left."""
        last = name.replace("\\", "/").rpartition("/")[2][-80:]
        safe = re.sub(r"[^\w. ()-]", "_", last).lstrip(".- ") or "file"
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir()
        return folder / safe

    def keep(self, photo: Photo) -> str:
        """A name for a photo; the oldest goes where there are too many."""
        while len(self.photos) >= MOST_PHOTOS:
            self.drop(next(iter(self.photos)))
        key = secrets.token_urlsafe(9)
        self.photos[key] = photo
        return key

    def drop(self, key: str) -> None:
        """Forget a photo and delete its files."""
        upload = self.photos.pop(key).upload
        for path in (upload.photo, upload.depth):
            if path is not None:
                shutil.rmtree(path.parent, ignore_errors=True)

    def leave(self) -> None:
        """End the process and delete the folder."""
        for job in self.jobs.values():
            job.cancel()
        self.worker.kill()
        with self.lock:
            self.worker.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Visitors:
    """All visitors, in one temporary folder."""

    def __init__(self, run: ServeRun, make_worker: Callable[[Limits], Any] = Worker) -> None:
        self._run, self._make = run, make_worker
        self._folder = tempfile.TemporaryDirectory(prefix=FOLDER)
        self._known: dict[str, Visitor] = {}
        self._lock = threading.Lock()

    def of(self, key: str | None) -> tuple[str, Visitor]:
        """The visitor of a cookie, a new one where it is unknown; those long away are let go."""
        with self._lock:
            self._tidy()
            visitor = self._known.get(key or "")
            if visitor is None or key is None:
                key = secrets.token_urlsafe(24)
                folder = Path(tempfile.mkdtemp(dir=self._folder.name))
                limits = Limits(2, self._run.memory_mb, self._run.seconds, LOADS)
                visitor = self._known[key] = Visitor(folder, self._make(limits))
            visitor.seen = time.monotonic()
            return key, visitor

    def close(self) -> None:
        """End all visitors' worker processes and delete what they uploaded."""
        with self._lock:
            while self._known:
                self._known.popitem()[1].leave()
        self._folder.cleanup()

    def _tidy(self) -> None:
        """Delete who was away for long; of those who stay, only the latest keep their processes."""
        now = time.monotonic()
        for key in [k for k, v in self._known.items() if now - v.seen > AWAY_S]:
            self._known.pop(key).leave()
        for visitor in sorted(self._known.values(), key=lambda v: -v.seen)[self._run.visitors :]:
            if visitor.lock.acquire(blocking=False):
                visitor.worker.close()
                visitor.lock.release()
