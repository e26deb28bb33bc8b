"""How PyTorch is loaded, and how its threads wait for each other; to be chosen before that.

Enters: how busy the machine is. Leaves: an environment variable of OpenMP. Threads that spin while they wait answer
sooner on a quiet machine; on a busy one they take the processors from those that they wait for.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

BUSY = 0.75  # runnable processes per processor, in the last minute


def choose_waiting() -> None:
    """Let threads sleep where the machine is busy; OMP_WAIT_POLICY, where it is set, decides."""
    if not hasattr(os, "getloadavg"):
        return
    if os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def loading() -> Iterator[None]:
    """Within it, Python collects no garbage: imports make none, and looking for it takes time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
