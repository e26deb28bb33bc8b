"""How a published file's tensors become ours. Enters: a name here. Leaves: the name there, and what to do with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


def unchanged(ours: str, tensor: Tensor) -> Tensor:
    """The tensor as it is."""
    return tensor


def never(name: str) -> bool:
    """Leave out no published name."""
    return False


@dataclass(frozen=True)
class PublishedNames:
    """Their name for each of our tensors, None where nothing is published; the arguments with which the network is
    theirs; where the weights come from, in words.

    changed(our name, their tensor): as ours has it. fixed(our name, a tensor of ours): the value where nothing is
    published. left_out: published names that have no place here.
    """

    their_name: Callable[[str], str | None]
    arguments: dict[str, Any] = field(default_factory=dict)
    origin: str = "the weights that its authors published"
    changed: Callable[[str, Tensor], Tensor] = unchanged
    fixed: Callable[[str, Tensor], Tensor] = unchanged
    left_out: Callable[[str], bool] = never
