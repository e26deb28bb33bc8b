"""Victims and renderers that others wrote, called so that they can change nothing of ours, nor we of theirs.

Enters: any callable, pictures [b 3 h w]. Leaves: its output; what it gets is a copy, which it may change in place.
"""

import functools
import inspect
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from cocnet.errors import CocnetWarning, InputError

DOOR = "wrap the victim so that it returns logits [b n], or give loss= and success= of your own"


def ask(victim: Callable[[Tensor], Any], picture: Float[Tensor, "b 3 h w"]) -> Any:
    """A victim's output for a copy of the pictures."""
    return victim(picture.clone())


def ask_logits(victim: Callable[[Tensor], Any], picture: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
    """The same for a classifier. Raises InputError for what aren't logits."""
    return checked_logits(ask(victim, picture), len(picture))


def ask_classes(victim: Callable[[Tensor], Any], picture: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
    """The logits of a classifier that is asked what it sees; raises InputError for NaN, where none is largest."""
    logits = ask_logits(victim, picture)
    if bool(logits.detach().isnan().any()):
        name = type(victim).__name__
        raise InputError(f"expected logits from {name}, got NaN, try other weights, or the victim in float32")
    return logits


def checked_logits(output: Any, count: int) -> Float[Tensor, "b n"]:
    """The output itself; raises InputError unless it is one row of two or more logits for each picture."""
    if not isinstance(output, Tensor):
        raise InputError(f"expected logits [b n], got a {type(output).__name__}, try: {DOOR}")
    if output.ndim != 2 or len(output) != count or output.shape[1] < 2 or not output.is_floating_point():
        got = f"{list(output.shape)} {output.dtype}"
        raise InputError(f"expected logits [{count} n] of floats, got {got}, try: {DOOR}")
    return output


def check_gradient(picture: Tensor, output: Tensor) -> None:
    """Raise InputError where an attack's loss doesn't depend on what is attacked."""
    if not picture.requires_grad:
        raise InputError(
            "expected a renderer with a gradient, got pictures without one, try one without no_grad() or detach()"
        )
    if not output.requires_grad:
        raise InputError(
            "expected a victim with a gradient, got an output without one, try it without no_grad(), detach() or "
            "argmax(), or RandomSearch, which needs none"
        )


def training(called: object) -> bool:
    """Whether a network, or a part of it, is in training mode; of functions, the networks that they call."""
    return any(part.training for network in networks_of(called) for part in network.modules())


def networks_of(called: object) -> list[nn.Module]:
    """The network itself, and those that it or a part of it calls without owning them; of a method or partial, that
    which it belongs to; of a function those that it, and functions of its package that it calls, refer to by name; of
    another object those that it holds."""
    found, left, seen = list[nn.Module](), [called], set[int]()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, functools.partial):
            left += [one.func, *one.args, *one.keywords.values()]
        elif isinstance(one, types.MethodType):
            left.append(one.__self__)
        elif inspect.isfunction(one):
            names = inspect.getclosurevars(one)
            left += [value for value in names.nonlocals.values() if isinstance(value, _CALLERS)]
            left += [value for value in names.globals.values() if _is_own(value, one)]
        elif isinstance(one, nn.Module):
            found.append(one)
            seen |= {id(part) for part in one.modules()}
            left += [value for part in one.modules() for value in _held(part)]
        else:
            left += _held(one)
    return found


def _is_own(value: object, function: types.FunctionType) -> bool:
    """Whether what a function refers to by name is a network, or a function of the same package."""
    if not inspect.isfunction(value):
        return isinstance(value, nn.Module)
    one, other = (str(each.__module__).partition(".")[0] for each in (value, function))
    return one == other


def _held(one: object) -> list[object]:
    """What an object holds that can call a network: by name, in a list, a tuple or a dict."""
    named = list(getattr(one, "__dict__", {}).values())
    inside = [
        each
        for value in named
        if isinstance(value, list | tuple | dict)
        for each in (value.values() if isinstance(value, dict) else value)
    ]
    return [value for value in named + inside if isinstance(value, _CALLERS)]


_CALLERS = (nn.Module, functools.partial, types.MethodType, types.FunctionType)


@contextmanager
def evaluating(*called: object) -> Iterator[None]:
    """Networks in training mode are in evaluation mode within, and warned of: their statistics stay as they are."""
    networks = [network for one in called for network in networks_of(one) if training(network)]
    parts = [part for network in networks for part in network.modules() if part.training]
    if parts:
        names = ", ".join(sorted({type(network).__name__ for network in networks}))
        warnings.warn(
            f"{names} is in training mode: attacked in evaluation mode, and put back after it; call .eval() before",
            CocnetWarning,
            stacklevel=3,
        )
    try:
        for part in parts:
            part.training = False
        yield
    finally:
        for part in parts:
            part.training = True
