"""A trained hybrid with more channels, to go on training with (after the idea of Net2Net, Chen et al. 2016), and what
lies between where it began and where it came to.

Enters: a `cocnet-hybrid` and the channels of its levels. Leaves: another one, in float32, that makes the same
pictures: the weights of the new channels are fresh, and nothing reads those yet.
"""

import copy
from collections.abc import Sequence

import torch
from torch import nn

from cocnet.errors import InputError
from cocnet.networks.architectures.hybrid import Hybrid
from cocnet.networks.zoo.registry import create_model


def widened(narrow: nn.Module, channels: Sequence[int]) -> nn.Module:
    """narrow: a hybrid of `create_model`. Raises InputError for another network, for fewer channels or levels."""
    name, arguments = getattr(narrow, "name", ""), getattr(narrow, "arguments", None)
    if not isinstance(narrow, Hybrid) or not isinstance(arguments, dict):
        raise InputError(
            f"expected a cocnet-hybrid to widen, got {name or type(narrow).__name__}, try without"
        )
    old, new = narrow.config.channels, tuple(channels)
    if len(old) != len(new) or any(b < a for a, b in zip(old, new, strict=False)):
        raise InputError(f"expected {len(old)} levels of at least {old} channels, got {new}, try {old}")
    wide = create_model(name, **{**arguments, "channels": list(new)})
    for (where, few), (_, many) in zip(narrow.named_modules(), wide.named_modules(), strict=True):
        if isinstance(few, nn.Conv2d) and isinstance(many, nn.Conv2d):
            part, level, *place = where.split(".")
            joined = part == "decoders" and place == ["0"] and int(level) < len(old) - 1
            _embed(few, many, old[int(level) + 1] if joined else 0, new[int(level) + 1] if joined else 0)
    return wide


@torch.no_grad()
def _embed(few: nn.Conv2d, many: nn.Conv2d, old: int, new: int) -> None:
    """A convolution within one of more channels; the first `old` of its inputs are the first of `new` there."""
    rows, inputs = few.weight.shape[:2]
    many.weight[:rows] = 0
    many.weight[:rows, :old] = few.weight[:, :old]
    many.weight[:rows, new : new + inputs - old] = few.weight[:, old:]
    if few.bias is not None and many.bias is not None:
        many.bias[:rows] = few.bias


def between(one: nn.Module, other: nn.Module, share: float) -> nn.Module:
    """A network with the weights share · one + (1 − share) · other: where one began as the other, often better on
    what neither has seen (Wortsman et al. 2022). Raises InputError for networks of other shapes."""
    mine, theirs = one.state_dict(), other.state_dict()
    if {name: x.shape for name, x in mine.items()} != {name: x.shape for name, x in theirs.items()}:
        raise InputError(
            "expected two networks of the same shape, got others, try to widen the narrower first"
        )
    made = copy.deepcopy(one)
    made.load_state_dict({name: torch.lerp(theirs[name], x, share) for name, x in mine.items()})
    return made
