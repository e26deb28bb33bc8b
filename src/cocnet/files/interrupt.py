"""A process that is asked to end cleans up first, as an interrupted one does.

Enters: SIGTERM or SIGHUP. Leaves: SystemExit with the shell's code for the signal (143, 129), raised where the main
thread is, so that temporary files go and locks are released.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def clean_end() -> Iterator[None]:
    """Within it, SIGTERM and SIGHUP raise SystemExit; outside the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _end) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
