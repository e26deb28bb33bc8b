"""Functions compiled for this processor, once: the machine code is kept beside the source or in the user's cache.

Enters: a function of NumPy arrays. Leaves: the same, compiled, which lets other threads run meanwhile.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import torch

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
    if threads == 1:
        for job in jobs:
            work(*job)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda job: work(*job), jobs):
            pass


def bands(length: int, multiple: int = 1) -> list[tuple[int, int]]:
    """Begin and end of bands of about ROWS rows, each a multiple but for the last."""
    step = multiple * max(1, ROWS // multiple)
    return [(begin, min(begin + step, length)) for begin in range(0, length, step)]
