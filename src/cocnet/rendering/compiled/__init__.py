"""The renderer's loops over pixels and layers, fused, and compiled for this processor by Numba.

Enters and leaves what `fragments` and `layers` do, equal within 1e-5: these stay the reference, and the way of other
devices and precisions, of gradients of gradients, and of machines without Numba.
COCNET_COMPILED=0 turns it off.
"""

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from threading import Thread
from types import ModuleType

import torch
from torch import Tensor

from cocnet.rendering.spot_cache import has_storage


def usable(*tensors: Tensor, gradients: bool = False) -> bool:
    """Whether compiled loops can do this: float32 on the CPU, Numba is there, and nobody asks for gradients unless
    they have a way back for these."""
    if not gradients and torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        return False
    if any(t.dtype != torch.float32 or t.device.type != "cpu" or not has_storage(t) for t in tensors):
        return False
    return not torch.compiler.is_compiling() and _wanted()


def _wanted() -> bool:
    return os.environ.get("COCNET_COMPILED") != "0" and _installed()


@cache
def _installed() -> bool:
    return find_spec("numba") is not None


def warm_up() -> None:
    """Load the loops, or compile them where no render has done so yet, while something else goes on."""
    if _wanted():
        Thread(target=lambda: kernels().warm(), daemon=True).start()


def kernels() -> ModuleType:
    """`split` for `fragments.fragments` and `picture` for `layers.composite`; loads Numba."""
    return import_module("cocnet.rendering.compiled.images")
