"""How PyTorch's threads wait for each other; to be chosen before PyTorch loads.

Enters: how busy the machine is. Leaves: an environment variable of OpenMP. Threads that spin while they wait answer
sooner on a quiet machine; on a busy one they take the processors from those that they wait for.
"""

import os

BUSY = 0.75  # runnable processes per processor, in the last minute


def choose_waiting() -> None:
    """Let threads sleep where the machine is busy; OMP_WAIT_POLICY, where it is set, decides."""
    if not hasattr(os, "getloadavg"):
        return
    if os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
