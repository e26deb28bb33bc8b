"""All visitors; who has a process, who is let go.

Enters: a cookie's value. Leaves: a `Visitor`; folders go with the server, or when a visitor has been away for long.
"""

import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cocnet.apps.serve.names import choosable_names
from cocnet.apps.serve.settings import ServeRun
from cocnet.apps.serve.visitor import FOLDER, Busy, Visitor
from cocnet.apps.workers import Limits, Worker

AWAY_S = 3600.0
MOST_KNOWN = 64
LOADS = ("cocnet.pipeline.live_preview",)  # brings PyTorch, whose gigabytes of address space aren't a photo's


class Processes:
    """So many visitors have a process at a time; who has been idle for longest makes room."""

    def __init__(self, count: int) -> None:
        self._count, self._lock = count, threading.Lock()
        self._having: list[Visitor] = []

    def make_room(self, visitor: Visitor) -> None:
        """Let him have one. Raises Busy where all others are at work."""
        with self._lock:
            self._having = [one for one in self._having if one is not visitor and not one.left]
            if len(self._having) >= self._count:
                self._having.remove(self._ended())
            self._having.append(visitor)

    def _ended(self) -> Visitor:
        for one in self._having:
            if one.lock.acquire(blocking=False):
                one.worker.close()
                one.lock.release()
                return one
        raise Busy(f"expected at most {self._count} visitors at work, got one more, try again in a moment")


class Visitors:
    """All visitors, in one temporary folder."""

    def __init__(self, run: ServeRun, make_worker: Callable[[Limits], Any] = Worker) -> None:
        self._make, self._limits = make_worker, Limits(2, run.memory_mb, run.seconds, LOADS)
        self._processes = Processes(run.visitors)
        self._folder = tempfile.TemporaryDirectory(prefix=FOLDER)
        self._known: dict[str, Visitor] = {}
        self._lock = threading.Lock()
        self._names: dict[str, list[str]] | None = None
        self._next = self._new()

    def find(self, key: str | None) -> Visitor | None:
        """The visitor of a cookie."""
        visitor = self._known.get(key or "")
        if visitor is not None:
            visitor.seen = time.monotonic()
        return visitor

    def arrive(self) -> tuple[str, Visitor]:
        """A new visitor and his cookie. Raises Busy where there are too many with photos."""
        with self._lock:
            if len(self._known) >= MOST_KNOWN:
                empty = [key for key, one in self._known.items() if not one.photos]
                if not empty:
                    raise Busy(
                        f"expected at most {MOST_KNOWN} visitors an hour, got one more, try again later"
                    )
                self._known.pop(empty[0]).leave()
            key, visitor = secrets.token_urlsafe(24), self._next
            self._next = self._new()
            self._known[key] = visitor
            visitor.seen = time.monotonic()
            return key, visitor

    def names(self) -> dict[str, list[str]]:
        """What can be chosen by name, found out once, in the process of who comes next."""
        if self._names is None:
            self._names = self._next.call(choosable_names)
        return self._names

    def tidy(self) -> None:
        """Let go who was away for long."""
        now = time.monotonic()
        with self._lock:
            away = [key for key, one in self._known.items() if now - one.seen > AWAY_S]
            leaving = [self._known.pop(key) for key in away]
        for visitor in leaving:
            visitor.leave()

    def close(self) -> None:
        """End all visitors' worker processes and delete what they uploaded."""
        with self._lock:
            for visitor in (self._next, *self._known.values()):
                visitor.leave()
            self._known.clear()
        self._folder.cleanup()

    def _new(self) -> Visitor:
        folder = Path(tempfile.mkdtemp(dir=self._folder.name))
        return Visitor(folder, self._make(self._limits), self._processes.make_room)
