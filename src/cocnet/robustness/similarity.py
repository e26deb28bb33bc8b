"""How far an attacked photo is from what it was: its likeness, and what its depth was changed by.

Enters: batches of pictures [b 3 h w] and nearness [b 1 h w]. Leaves: numbers by name, a mapping a photo.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.errors import CocnetError
from cocnet.metrics.measures import Measures, open_metrics
from cocnet.renderers.nearness import Setup
from cocnet.robustness.perturbation import change


def open_likeness(names: tuple[str, ...]) -> Measures:
    """The metrics that work here; FLIP where LPIPS was wanted and can't be had. Raises InputError, FileError."""
    found = open_metrics(names)
    if "lpips" not in found.missing or "flip" in names:
        return found
    try:
        other = open_metrics(("flip",))
    except CocnetError:
        return found
    return Measures(found.compare | other.compare, found.missing)


def likeness(
    measures: Measures, true: Float[Tensor, "b 3 h w"], ours: Float[Tensor, "b 3 h w"]
) -> list[dict[str, float]]:
    """Every metric's score of each picture, computed in float64 as published scores are."""
    with torch.no_grad():
        columns = {name: call(true.double(), ours.double()) for name, call in measures.compare.items()}
    return [{name: float(column[i]) for name, column in columns.items()} for i in range(len(true))]


def changes(
    natural: Float[Tensor, "b 1 h w"],
    depth: Float[Tensor, "b 1 h w"],
    setup: Setup,
    camera: Float[Tensor, "b 3"] | None = None,
) -> list[dict[str, float]]:
    """What `delta.change` says, as a report names it."""
    found = change(natural, depth, setup, camera)
    columns = {
        "max nearness": found.largest,
        "mean nearness": found.mean,
        "max dioptres": found.largest_dioptres,
        "mean dioptres": found.mean_dioptres,
        "max px": found.largest_px,
        "mean px": found.mean_px,
        "reversed": found.reversed_pairs,
    }
    return [{name: float(column[i]) for name, column in columns.items()} for i in range(len(natural))]
