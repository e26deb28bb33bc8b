"""Functions compiled for this processor, once: the machine code is kept beside the source or in the user's cache.

Enters: a function of NumPy arrays. Leaves: the same, compiled, which lets other threads run meanwhile.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch

# With colorama there, Numba colours the messages of errors that it raises and catches while it compiles, and
# exchanges sys.stdout and sys.stderr for that: who redirects them in another thread meanwhile loses lines.
os.environ.setdefault("NUMBA_DISABLE_ERROR_MESSAGE_HIGHLIGHTING", "1")
import numba

ROWS = 64  # of a band that one thread works through


def jit(function: Callable[..., Any]) -> Any:
    """Compiled at its first call; where no folder can be written, in every process anew."""
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract", "nsz"}, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)


def in_threads(work: Callable[..., Any], jobs: Iterable[tuple[Any, ...]]) -> None:
    """Do all jobs, with as many threads as PyTorch may use."""
    threads = torch.get_num_threads()
    done = (work(*job) for job in jobs) if threads == 1 else _pool(threads).map(lambda job: work(*job), jobs)
    for _ in done:
        pass


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that stay, as starting them costs more than many a pass."""
    return ThreadPoolExecutor(threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has none of the threads


def bands(length: int, multiple: int = 1) -> list[tuple[int, int]]:
    """Begin and end of bands of about ROWS rows, each a multiple but for the last."""
    step = multiple * max(1, ROWS // multiple)
    return [(begin, min(begin + step, length)) for begin in range(0, length, step)]
