"""Where numbers are computed and how exactly: devices, autocast, TF32; memory given back.

Enters: a device. Leaves: contexts that set its precision, quiet on devices without autocast (meta), or an error.
"""

import ctypes
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor

from cocnet.errors import InputError


def use_threads(threads: int | None) -> None:
    """Compute with so many processor threads, None = as many as now. Raises InputError below 1."""
    if threads is None:
        return
    if threads < 1:
        raise InputError(f"expected threads from 1, got {threads}, try leaving it out")
    torch.set_num_threads(threads)


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """What autocast computes in, None where it is off."""
    if torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type):
        return torch.get_autocast_dtype(device.type)
    return None


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """A context in which every operation keeps its inputs' precision."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


# mallopt's M_MMAP_MAX and M_TRIM_THRESHOLD of glibc
_KEEPING = ((-4, 0), (-1, 2**31 - 1))
ABOVE = 2  # switches that others inherit from


@contextmanager
def strict_float32(device: torch.device) -> Iterator[None]:
    """A context without autocast, TF32 and products of bfloat16, whose spacing near 1 (5e-4 and 4e-3) is coarser than
    what attacks add to depth. Switches are put back as they were found, set by the old interface or the new one."""
    legacy, precisions = _legacy_switches(), _precisions()
    try:
        _turn_off(legacy, precisions)
        with without_autocast(device):
            yield
    finally:
        _put_back(legacy, precisions)


def _legacy_switches() -> tuple[str, bool] | None:
    """What matrix products and convolutions were set to by the old interface; None where the new one overruled it."""
    try:
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    except RuntimeError:
        return None


def _precisions() -> list[tuple[Any, str]]:
    """The new interface's switches (from PyTorch 2.9) with their own values: those above are let go of, one by
    one, so that those below don't tell what they inherit."""
    backends: Any = torch.backends
    above = [backends, backends.cudnn]  # mkldnn's own setter sets all backends (PyTorch 2.14)
    if not all(hasattr(one, "fp32_precision") for one in above):
        return []
    below = [backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn]
    below += [backends.mkldnn.matmul, backends.mkldnn.conv, backends.mkldnn.rnn]
    found = []
    for one in above:
        found.append((one, one.fp32_precision))
        one.fp32_precision = "none"
    return found + [(one, one.fp32_precision) for one in below]


def _turn_off(legacy: tuple[str, bool] | None, precisions: list[tuple[Any, str]]) -> None:
    if legacy is not None:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
    for one, _ in precisions[ABOVE:]:
        one.fp32_precision = "ieee"


def _put_back(legacy: tuple[str, bool] | None, precisions: list[tuple[Any, str]]) -> None:
    if legacy is not None:
        torch.set_float32_matmul_precision(legacy[0])
        torch.backends.cudnn.allow_tf32 = legacy[1]
    for one, value in precisions:
        one.fp32_precision = value


def check_device(device: str) -> None:
    """Raise InputError where a device isn't there."""
    try:
        there = torch.empty(0, device=device)
        if there.is_meta:
            raise RuntimeError("which computes nothing")
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = f" ({' '.join(str(error).split())[:200]})" if device.startswith("cuda") else ""
        other = "cpu" if reason else "cpu or cuda"
        raise InputError(f"expected a device that is there, got '{device}'{reason}, try {other}") from error


def give_back_memory() -> None:
    """Hand memory that was freed back to the system, where the C library can: glibc keeps it in pieces otherwise."""
    trim = getattr(_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep_memory() -> None:
    """Let this process keep what it frees, where the C library can, until `give_back_memory`: pages that come fresh
    from the system for each picture cost a tenth to a fifth of its time. For programs that render and end."""
    tune = getattr(_c_library(), "mallopt", None)
    if tune is not None:
        for setting, value in _KEEPING:
            tune(setting, value)


@cache
def _c_library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None


def all_finite(t: Tensor) -> bool:
    """Whether all values are finite: NaN goes through to the extremes, and nothing is copied."""
    return bool(torch.stack(t.detach().aminmax()).isfinite().all())


def finite_output(output: Tensor, name: str) -> Tensor:
    """A network's output itself; raises InputError where it holds NaN or infinity."""
    if not all_finite(output):
        raise InputError(f"expected numbers from {name}, got NaN or infinity, try other weights, or float32")
    return output
