"""Long work in the background: so many at once, the others wait their turn and are told how many are before them.

Enters: a function for a worker. Leaves: a `Job` that can be asked how far it is, and stopped.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cocnet.apps.serve.visitor import told_line
from cocnet.apps.workers import Limits, Worker, WorkerDied
from cocnet.errors import CocnetError

State = Literal["waiting", "working", "done", "failed", "cancelled"]


@dataclass(eq=False)
class Job:
    """One piece of work: its state, parts done and all, its result or why there is none, the file it makes."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    file: Path
    name: str
    state: State = "waiting"
    done: int = 0
    parts: int = 0
    result: Any = None
    error: str | None = None
    worker: Any = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_live(self) -> bool:
        """It waits or works."""
        return self.state in ("waiting", "working")

    def begin(self, worker: Any) -> bool:
        """It is this worker's; False where it was cancelled before."""
        with self._lock:
            if self.state == "waiting":
                self.state, self.worker = "working", worker
            return self.state == "working"

    def cancel(self) -> None:
        """Stop it, or never start it."""
        with self._lock:
            if self.is_live:
                self.state = "cancelled"
                if self.worker is not None:
                    self.worker.kill()

    def end(self, state: State, error: str | None = None) -> None:
        """What was cancelled stays so."""
        with self._lock:
            self.worker = None
            if self.state == "working":
                self.state, self.error = state, error


class Jobs:
    """Threads with a worker each, and the queue before them."""

    def __init__(self, count: int, limits: Limits, make_worker: Callable[[Limits], Any] = Worker) -> None:
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._open = True
        self._workers = [make_worker(limits) for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self._workers
        ]
        for thread in self._threads:
            thread.start()

    def add(self, job: Job) -> None:
        """Put it at the end of the queue."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()

    def before(self, job: Job) -> int:
        """How many wait before it."""
        with self._changed:
            alive = [one for one in self._waiting if one.state == "waiting"]
            return alive.index(job) if job in alive else 0

    def close(self) -> None:
        """End the jobs that run and the workers; nothing more is taken."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:
            thread.join()

    def _work(self, worker: Any) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or not self._open)
                if not self._open:
                    break
                job = self._waiting.popleft()
            if job.begin(worker):
                self._do(job, worker)
        worker.close()

    def _do(self, job: Job, worker: Any) -> None:
        def on_progress(done: int, parts: int) -> None:
            job.done, job.parts = done, parts

        def on_ready() -> None:
            if not (self._open and job.is_live):
                raise WorkerDied("expected a job that goes on, got one that was stopped, try it again")

        try:
            job.result = worker.call(job.function, *job.arguments, on_progress=on_progress, on_ready=on_ready)
            job.end("done")
        except CocnetError as error:
            job.end("failed", told_line(error))
        except BaseException as error:
            job.end("failed", f"expected a result, got {type(error).__name__}, try again")
