"""A trained hybrid with more channels or with fresh coarse levels, to go on training with (after the idea of Net2Net,
Chen et al. 2016), and what lies between where it began and where it came to.

Enters: a `cocnet-hybrid` and the channels of its levels. Leaves: another one, in float32, with fresh weights that
nothing reads yet.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from cocnet.errors import InputError
from cocnet.networks.architectures.hybrid import Hybrid
from cocnet.networks.zoo.registry import create_model


def widened(narrow: nn.Module, channels: Sequence[int]) -> nn.Module:
    """narrow: a hybrid of `create_model`. Raises InputError for another network, for fewer channels or levels."""
    old, new = _hybrid(narrow, "widen").config.channels, tuple(channels)
    if len(old) != len(new) or any(b < a for a, b in zip(old, new, strict=False)):
        raise InputError(f"expected {len(old)} levels of at least {old} channels, got {new}, try {old}")
    wide = _like(narrow, new)
    for (where, few), (_, many) in zip(narrow.named_modules(), wide.named_modules(), strict=True):
        if isinstance(few, nn.Conv2d) and isinstance(many, nn.Conv2d):
            part, level, *place = where.split(".")
            joined = part == "decoders" and place == ["0"] and int(level) < len(old) - 1
            _embed(few, many, old[int(level) + 1] if joined else 0, new[int(level) + 1] if joined else 0)
    return wide


@torch.no_grad()
def renewed(model: nn.Module, channels: Sequence[int], kept: int) -> nn.Module:
    """The `kept` finest levels of a hybrid above fresh ones, of which nothing is read yet: for levels whose ReLUs
    have died, through which no gradient comes. It makes the pictures of `model` without what its coarser levels told
    the finer ones; what those levels' kernels always add stays.

    channels: of all levels, those of the kept ones as they were (empty: all as they were). Raises InputError for
    another network, other channels, or none kept.
    """
    old = _hybrid(model, "renew").config.channels
    new = tuple(channels) or old
    if not 0 < kept < min(len(old), len(new)) or new[:kept] != old[:kept]:
        raise InputError(
            f"expected channels that begin with the {kept} that are kept of {old}, got {new}, try {old}"
        )
    made = _like(model, new)
    fresh, trained = made.state_dict(), model.state_dict()
    read_below = f"decoders.{kept - 1}.0.weight"
    for name, weight in fresh.items():
        part, level = name.split(".")[:2]
        if name == read_below:
            weight[:, : new[kept]] = 0
            weight[:, new[kept] :] = trained[name][:, old[kept] :]
        elif int(level) < kept or (part == "phi" and name.endswith("bias") and name in trained):
            weight.copy_(trained[name])
    return made


def _hybrid(model: nn.Module, what: str) -> Hybrid:
    """The network, where it is a registered hybrid; raises InputError for another one."""
    name = getattr(model, "name", "")
    if not isinstance(model, Hybrid) or not isinstance(getattr(model, "arguments", None), dict):
        raise InputError(
            f"expected a cocnet-hybrid to {what}, got {name or type(model).__name__}, try without"
        )
    return model


def _like(model: Any, channels: Sequence[int]) -> nn.Module:
    """A fresh network made with the same arguments but for its channels."""
    return create_model(model.name, **{**model.arguments, "channels": list(channels)})


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
