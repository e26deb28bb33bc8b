"""Where torch.autocast is on, and how to leave it for a while; quiet on devices that have none (meta)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch


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
