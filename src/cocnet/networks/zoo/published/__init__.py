"""Weights that others have published, in the networks here; one file says what one network's tensors are called.

Enters: a registered name and a .pth file. Leaves: the network with those weights. A new network is one file with
`NAMES` (or a function that gives them) and a line in `MAPPINGS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cocnet.errors import FileError, InputError
from cocnet.networks.zoo.pickled import read_pickled
from cocnet.networks.zoo.published.ifan import theirs as ifan_names
from cocnet.networks.zoo.registry import create_model, nearest


@dataclass(frozen=True)
class Published:
    """Their name for each of our tensors, and the arguments with which the network is theirs."""

    their_name: Callable[[str], str]
    arguments: dict[str, Any] = field(default_factory=dict)


MAPPINGS: dict[str, Published] = {
    "ifan": Published(ifan_names, {"published_filtering": True}),
}


def converted(name: str, path: str | Path) -> nn.Module:
    """The network of a registered name with published weights, in eval mode.

    Raises InputError for a network whose published names aren't known, FileError where the file isn't its weights.
    """
    if name not in MAPPINGS:
        raise InputError(
            f"expected a network with published weights, got '{name}', try {nearest(name, MAPPINGS)}"
        )
    published = MAPPINGS[name]
    model = create_model(name, **published.arguments)
    found = read_pickled(path)
    mapping = {ours: published.their_name(ours) for ours in model.state_dict()}
    prefix = _prefix(found, mapping.values())
    used = {ours: prefix + their for ours, their in mapping.items()}
    _check(path, found, used, model.state_dict())
    model.load_state_dict({ours: found[their] for ours, their in used.items()})
    return model.eval()


def _prefix(found: Mapping[str, Tensor], wanted: Any) -> str:
    """What a wrapper put before all names, as "module."; "" where there is none."""
    first = next(iter(wanted))
    ending = [name for name in found if name == first or name.endswith("." + first)]
    return ending[0][: -len(first)] if ending else ""


def _check(
    path: str | Path, found: Mapping[str, Tensor], used: Mapping[str, str], wanted: Mapping[str, Tensor]
) -> None:
    """Raise FileError for a tensor that is missing, of another shape, or not finite."""
    for ours, their in used.items():
        if their not in found:
            raise FileError(f"expected tensor '{their}' in '{path}', got none, try the published file")
        shape, right = tuple(found[their].shape), tuple(wanted[ours].shape)
        if shape != right:
            raise FileError(
                f"expected tensor '{their}' of shape {list(right)}, got {list(shape)} in '{path}', "
                "try the published file"
            )
        if not bool(found[their].isfinite().all()):
            raise FileError(
                f"expected finite weights, got NaN or infinity in '{their}' of '{path}', try a new copy"
            )
