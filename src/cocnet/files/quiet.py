"""What C libraries print themselves stays off the user's screen: our own line says what is wrong.

Enters and leaves: nothing; the process's standard error leads nowhere inside the context, for all threads.
Where a library only prints what it should raise, its lines are the answer.
"""

import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress

_STDERR = 2
_lock, _printing = threading.Lock(), threading.RLock()
_state: dict[str, int] = {"inside": 0, "kept": -1}


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drop what is written to standard error by other languages' code; nothing happens where it is closed."""
    _enter()
    try:
        yield
    finally:
        _leave()


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
        with suppress(OSError):
            kept = os.dup(_STDERR)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, _STDERR)
            os.close(nowhere)
            _state["kept"] = kept


def _leave() -> None:
    with _lock:
        _state["inside"] -= 1
        if _state["inside"] or _state["kept"] < 0:
            return
        os.dup2(_state["kept"], _STDERR)
        os.close(_state["kept"])
        _state["kept"] = -1
