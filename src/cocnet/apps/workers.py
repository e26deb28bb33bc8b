"""Work in processes of their own: one that dies, hangs or asks for too much memory costs its call and nothing else.

Enters: a function of a module and arguments that can be pickled. Leaves: what it returns, or its error. A worker
keeps its models between calls; it ends with its parent, even a killed one.
"""

import importlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from cocnet.errors import CocnetError

Progress = Callable[[int, int], None]
START_S = 120.0


class WorkerDied(CocnetError):
    """A worker ended in the middle of a call: killed, out of memory, out of time, or crashed in a library."""


@dataclass(frozen=True)
class Limits:
    """What one worker may use: threads of computing, MB of memory and seconds a call beside what it needs to start;
    loads: modules that are part of what it needs to start."""

    threads: int = 1
    memory_mb: int | None = None
    seconds: float | None = None
    loads: tuple[str, ...] = ()


class Worker:
    """One process that does one call at a time; started by its first call, and again after it has died."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._process: Any = None
        self._calls: Connection | None = None
        self._life: Connection | None = None

    def call(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        on_progress: Progress | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> Any:
        """What function(*arguments, on_progress=…) returns there; CocnetErrors of it are raised here.

        on_ready() is called once the process is there: from then on `kill` ends the call. The process is ended where
        one of them raises, and where the time is over. Raises WorkerDied.
        """
        calls, begun = self._started(), time.monotonic() + START_S
        try:
            calls.send((function, arguments, on_progress is not None))
            while True:
                self._wait(calls, begun)
                kind, value = calls.recv()
                if kind == "ready":
                    begun = time.monotonic()
                    on_ready()
                elif kind == "progress" and on_progress is not None:
                    on_progress(*value)
                elif kind == "done":
                    return value
                elif kind == "error":
                    raise value
        except (EOFError, OSError) as error:
            if isinstance(error, CocnetError):
                raise
            raise WorkerDied(self._obituary()) from None
        except CocnetError as error:
            if isinstance(error, WorkerDied):
                self.close()
            raise
        except BaseException:
            self.close()
            raise

    def kill(self) -> None:
        """End the process from another thread: the call there raises WorkerDied."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process, in the middle of a call, too."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        for end in (self._calls, self._life):
            if end is not None:
                end.close()
        self._process = self._calls = self._life = None

    def _started(self) -> Connection:
        if self._calls is not None and self._process.is_alive():
            return self._calls
        self.close()
        context = multiprocessing.get_context("spawn")
        self._calls, theirs = context.Pipe()
        ends_with_us, self._life = context.Pipe(duplex=False)
        process = context.Process(
            target=_serve, args=(theirs, ends_with_us, self._limits), daemon=True, name="cocnet worker"
        )
        process.start()
        self._process = process
        theirs.close()
        ends_with_us.close()
        return self._calls

    def _wait(self, calls: Connection, begun: float) -> None:
        """Until there is something to receive; raises WorkerDied when the time of the call is over."""
        seconds = self._limits.seconds
        if calls.poll(None if seconds is None else max(0.0, begun + seconds - time.monotonic())):
            return
        raise WorkerDied(
            f"expected work of at most {seconds:g} s, got more, try a smaller picture or --seconds"
        )

    def _obituary(self) -> str:
        """Why the process ended, as far as it can be told."""
        self._process.join(5)
        code = self._process.exitcode
        self.close()
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        why = f"{how}: no memory, or a library's crash"
        return f"expected a result, got the end of its process ({why}), try a smaller picture"


def _serve(calls: Connection, life: Connection, limits: Limits) -> None:
    """A worker's main loop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_end_with_parent, args=(life,), daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = str(limits.threads)
    limited = limits.memory_mb is None
    while True:
        try:
            function, arguments, told = calls.recv()
        except (EOFError, OSError):
            return
        if not limited:
            for module in limits.loads:
                importlib.import_module(module)
            _limit_memory(limits.memory_mb or 0)
            limited = True
        calls.send(("ready", None))
        calls.send(_outcome(function, arguments, calls if told else None))


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...], told: Connection | None) -> Any:
    progress = {} if told is None else {"on_progress": lambda *parts: told.send(("progress", parts))}
    try:
        return "done", function(*arguments, **progress)
    except CocnetError as error:
        return "error", type(error)(*error.args)
    except MemoryError:
        return "error", CocnetError("expected enough memory, got too little, try a smaller picture")
    except Exception as error:
        if "memory" in str(error).lower():
            return "error", CocnetError("expected enough memory, got too little, try a smaller picture")
        told_as = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return "error", CocnetError(f"expected a result, got {told_as}, try another file")


def _end_with_parent(life: Connection) -> None:
    """The other end closes when the parent closes it or is gone."""
    with suppress(EOFError, OSError):
        life.recv()
    os._exit(1)


def _limit_memory(memory_mb: int) -> None:
    """From here on, so much more address space; where the system has no such limit, none."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            held = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + memory_mb * 1_000_000,) * 2)
    except (ImportError, OSError, OverflowError, ValueError):
        return
