"""What C libraries print themselves stays off the user's screen: our own line says what is wrong.

Enters: nothing. Leaves: what was written; the process's standard error leads to a file without a name inside the
context, for all threads. Where a library only prints what it should raise, its lines are the answer.
"""

import io
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress

_STDERR = 2
_MOST_BYTES = 100_000
_lock, _printing = threading.Lock(), threading.RLock()
_state: dict[str, int] = {"inside": 0, "kept": -1, "sink": -1}


@contextmanager
def quiet_stderr() -> Iterator[Callable[[], str]]:
    """Keep what other languages' code writes to standard error off the screen; called, the value is what was written
    since, by any thread that is inside. Nothing happens where standard error is closed."""
    _enter()
    start = os.lseek(_STDERR, 0, os.SEEK_END) if _state["sink"] >= 0 else 0
    try:
        yield lambda: _written(start)
    finally:
        _leave()


def _written(start: int) -> str:
    if _state["sink"] < 0:
        return ""
    return os.pread(_state["sink"], _MOST_BYTES, start).decode("utf-8", "replace")


@contextmanager
def printed() -> Iterator[io.StringIO]:
    """Hold back what Python prints on standard output, one thread at a time."""
    with _printing, redirect_stdout(io.StringIO()) as text:
        yield text


def quiet_logger(name: str) -> None:
    """Keep a library's log from being printed where nobody has asked for it."""
    log = logging.getLogger(name)
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _enter() -> None:
    with _lock:
        _state["inside"] += 1
        if _state["inside"] > 1:
            return
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()
        with suppress(OSError), tempfile.TemporaryFile() as nameless:
            kept = os.dup(_STDERR)
            _state["sink"] = os.dup(nameless.fileno())
            os.dup2(_state["sink"], _STDERR)
            _state["kept"] = kept


def _leave() -> None:
    with _lock:
        _state["inside"] -= 1
        if _state["inside"] or _state["sink"] < 0:
            return
        os.dup2(_state["kept"], _STDERR)
        os.close(_state["kept"])
        os.close(_state["sink"])
        _state["kept"] = _state["sink"] = -1
