"""Arguments that come from a weight file: no model is made of what can't be, or of more than the file holds.

Enters: a registered name and keyword arguments, a number of tensors. Leaves: nothing, or InputError.
"""

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from cocnet.errors import InputError
from cocnet.networks.zoo.registry import defaults_of

LARGEST, LONGEST = 2**63, 64
_SPARE = 64  # parameters that a network may make and replace


def check_arguments(name: str, arguments: Mapping[str, Any]) -> None:
    """Raise InputError for a value that isn't of its default's kind (number, text, list), not finite, too large or
    too long; unknown names are `create_model`'s to refuse."""
    defaults = defaults_of(name)
    for argument, value in arguments.items():
        if argument in defaults and not _fits(value, defaults[argument]):
            raise InputError(
                f"expected {argument} of {name} like {defaults[argument]!r}, got {str(value)[:40]!r}, try that"
            )


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) <= LONGEST
            and all(_fits(one, default[0]) for one in value)
        )
    if isinstance(default, str | bool):
        return type(value) is type(default)
    whole = isinstance(value, int) or (isinstance(default, float) and isinstance(value, float))
    return whole and not isinstance(value, bool) and math.isfinite(value) and abs(value) <= LARGEST


@contextmanager
def bounded(tensors: int) -> Iterator[None]:
    """While it lasts, networks of many more parameters than that are refused as they are made (InputError)."""
    made, thread = 0, threading.get_ident()

    def count(module: nn.Module, name: str, parameter: Any) -> None:
        nonlocal made
        made += parameter is not None and threading.get_ident() == thread
        if made > 2 * tensors + _SPARE:
            raise InputError(
                f"expected arguments of a network of {tensors} tensors, got more, try a new copy"
            )

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()
