"""Victims of one's own: any callable that takes sRGB [b 3 h w] of 0..1 and returns logits [b n].

Enters: "package.module:function", importable from here or from the current folder. Leaves: a victim.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.attacks.guard import ask_logits, evaluating
from cocnet.errors import InputError

PROBE_PX = 224


class OwnVictim(nn.Module):
    """A callable with a name and a number of classes; a network stays in the mode that it is in."""

    def __init__(self, call: Callable[[Tensor], Any], name: str, classes: int) -> None:
        super().__init__()
        self.training = False
        self.name, self.about, self.classes = name, f"its owner, {name}", classes
        self.call = call

    def forward(self, rgb: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        return self.call(rgb)


def open_own_victim(spelled: str, size_px: int = PROBE_PX, device: str = "cpu") -> OwnVictim:
    """The victim of "package.module:function", asked once, by a picture of this size on this device, how many classes
    it has. Raises InputError."""
    call = own_callable(spelled, "logits [b n]")
    if isinstance(call, nn.Module):
        call = call.to(device)
    return OwnVictim(call, spelled, _classes(call, spelled, size_px, device))


def own_callable(spelled: str, returns: str, what: str = "a victim") -> Callable[[Tensor], Any]:
    """The function or network of "package.module:function"; `what` it is and what it `returns`, for the error. Raises
    InputError."""
    module, _, name = spelled.partition(":")
    try:
        call = getattr(_imported(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"expected {what} PACKAGE.MODULE:FUNCTION that can be imported, got '{spelled}' ({reason}), "
            "try it from the folder of the module"
        ) from error
    if not callable(call) or isinstance(call, type):
        raise InputError(
            f"expected a function or a network as '{spelled}', got {type(call).__name__}, try one that takes sRGB "
            f"[b 3 h w] of 0..1 and returns {returns}"
        )
    found: Callable[[Tensor], Any] = call
    return found


def _imported(module: str) -> Any:
    """A module, also of the current folder."""
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(module)
    finally:
        if added:
            sys.path.remove(here)


def _classes(call: Callable[[Tensor], Any], spelled: str, size_px: int, device: str) -> int:
    picture = torch.full((1, 3, size_px, size_px), 0.5, device=device)
    try:
        with torch.no_grad(), evaluating(call):
            return ask_logits(call, picture).shape[1]
    except (InputError, Warning):
        raise
    except Exception as error:  # any code of others runs here
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(
            f"expected logits of '{spelled}' for a grey picture of {size_px} px, got {reason}, try it by hand"
        ) from error
