"""A visitor with his photos and jobs, in a folder and a process of his own; nothing of one is seen by another.

Enters: names of files, calls. Leaves: paths that nobody can guess, results; what is too much at once is refused.
"""

import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cocnet.apps.serve.studio import Upload
from cocnet.apps.workers import WorkerDied
from cocnet.errors import CocnetError, InputError

FOLDER = "cocnet-serve-"
MOST_PHOTOS = 12
MOST_CALLS = 4  # at work or waiting
MOST_LIVE_JOBS = 5
KEPT_JOBS = 10
MOST_NAME_BYTES = 160  # of 255; outputs' names are longer
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f" + (r'<>:"|?*' if os.name == "nt" else "") + "]")
_OWN_FOLDER = re.compile(rf"(?:(?<=')/[^']*|[^'\s]*){FOLDER}[^'\s]*/")


class Busy(CocnetError):
    """More is asked for at once than the server does."""


def told_line(error: object) -> str:
    """An error as a visitor is told it: in one line, his files by their names alone."""
    return _OWN_FOLDER.sub("", " ".join(str(error).split()))


def plain_name(name: str) -> str:
    """The last part of a path as a visitor calls it, but for what no file is called here, and cut where too long."""
    last = Path(_UNFIT.sub("_", name.replace("\\", "/").rpartition("/")[2])).name
    cut = last.removesuffix(Path(last).suffix).encode()[:MOST_NAME_BYTES].decode(errors="ignore")
    return f"{cut}{Path(last).suffix[:20]}" if last.strip(".") else "file"


@dataclass(eq=False)
class Photo:
    """An uploaded photo; another depth makes another `Upload` of it."""

    upload: Upload

    def take_depth(self, depth: Path | None) -> None:
        """Another depth map, or none, in place of the last one, whose file goes."""
        last, self.upload = self.upload.depth, replace(self.upload, depth=depth)
        _remove(last)

    def remove(self) -> None:
        """Delete the photo's file and that of its depth map."""
        _remove(self.upload.photo)
        _remove(self.upload.depth)


@dataclass(eq=False)
class Visitor:
    """One browser. make_room: called by who is about to need a process, and holds his own lock; raises Busy."""

    folder: Path
    worker: Any
    make_room: "Callable[[Visitor], None]"
    photos: dict[str, Photo] = field(default_factory=dict)
    jobs: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: float = field(default_factory=time.monotonic)
    left: bool = False
    _calls: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MOST_CALLS))
    _adding: threading.Lock = field(default_factory=threading.Lock)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """In the visitor's process, one call at a time. Raises CocnetError, Busy, WorkerDied."""
        if not self._calls.acquire(blocking=False):
            raise Busy(f"expected at most {MOST_CALLS} requests at a time, got more, try again in a moment")
        try:
            with self.lock:
                self.make_room(self)
                return self.worker.call(function, *arguments, on_ready=self._check_here)
        finally:
            self._calls.release()

    def new_file(self, name: str) -> Path:
        """A path in a new folder below the visitor's, whose name nobody can guess, and the last part of `name`."""
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir()
        return folder / plain_name(name)

    def keep(self, photo: Photo) -> str:
        """A name for a photo; the oldest goes where there are too many."""
        while len(self.photos) >= MOST_PHOTOS:
            self.drop(next(iter(self.photos)))
        key = secrets.token_urlsafe(9)
        self.photos[key] = photo
        return key

    def drop(self, key: str) -> None:
        """Forget a photo and delete its files."""
        self.photos.pop(key).remove()

    def add(self, job: Any) -> str:
        """A name for a job, that of its file's folder; what the oldest ones made goes. Raises InputError where too
        many wait."""
        with self._adding:
            ended = [number for number, one in self.jobs.items() if not one.is_live]
            if len(self.jobs) - len(ended) >= MOST_LIVE_JOBS:
                _remove(job.file)
                raise InputError(
                    f"expected at most {MOST_LIVE_JOBS} renders and comparisons that wait or run, "
                    "got one more, try again when one is done"
                )
            for number in ended[: 1 - KEPT_JOBS]:
                _remove(self.jobs.pop(number).file)
            self.jobs[job.file.parent.name] = job
        return job.file.parent.name

    def leave(self) -> None:
        """End the process and delete the folder."""
        self.left = True
        for job in list(self.jobs.values()):
            job.cancel()
        self.worker.kill()
        with self.lock:
            self.worker.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check_here(self) -> None:
        if self.left:
            raise WorkerDied("expected a visitor who is here, got one who has left, try uploading again")


def linked(upload: Upload, folder: Path) -> Upload:
    """The same files in a job's own folder, where they stay when the photo goes."""
    return replace(
        upload,
        photo=_linked(upload.photo, folder / "photo"),
        depth=None if upload.depth is None else _linked(upload.depth, folder / "depth"),
    )


def _linked(path: Path, folder: Path) -> Path:
    folder.mkdir()
    try:
        os.link(path, folder / path.name)
    except OSError:  # a file system without links
        shutil.copyfile(path, folder / path.name)
    return folder / path.name


def _remove(path: Path | None) -> None:
    """A file of `new_file`, with its folder."""
    if path is not None:
        shutil.rmtree(path.parent, ignore_errors=True)
