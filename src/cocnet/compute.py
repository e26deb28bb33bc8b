"""Where numbers are computed and how exactly: devices, autocast, TF32.

Enters: a device. Leaves: contexts that set its precision, quiet on devices without autocast (meta), or an error.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from cocnet.errors import InputError


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


@contextmanager
def strict_float32(device: torch.device) -> Iterator[None]:
    """A context without autocast and TF32, whose spacing near 1 (5e-4) is coarser than what attacks add to depth."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = False
    try:
        with without_autocast(device):
            yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def check_device(device: str) -> None:
    """Raise InputError where a device isn't there."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"expected a device that is there, got '{device}' ({reason}), try cpu") from error
