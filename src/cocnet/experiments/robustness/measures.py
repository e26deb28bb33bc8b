"""How far an attacked photo is from what it was: its likeness, and what its depth was changed by.

Enters: batches of pictures [b 3 h w] and nearness [b 1 h w]. Leaves: numbers by name, a mapping a photo.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.errors import CocnetError
from cocnet.experiments.evaluate import Measures, open_metrics
from cocnet.renderers import Setup


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


def change(
    natural: Float[Tensor, "b 1 h w"], depth: Float[Tensor, "b 1 h w"], setup: Setup
) -> list[dict[str, float]]:
    """max and mean of |δ|: nearness, dioptres (1/m), and the radius of the circle of confusion (px); reversed: the
    share of pairs of neighbours, of unlike nearness before, whose order changed."""
    with torch.no_grad():
        nearer = (depth.double() - natural.double()).abs()
        radius = (setup.radius_px(depth.double()) - setup.radius_px(natural.double())).abs()
        reverse = reversed_order(natural, depth)
    return [
        {
            "max nearness": float(near.max()),
            "mean nearness": float(near.mean()),
            "max dioptres": float(near.max()) * setup.dioptres,
            "mean dioptres": float(near.mean()) * setup.dioptres,
            "max px": float(px.max()),
            "mean px": float(px.mean()),
            "reversed": float(share),
        }
        for near, px, share in zip(nearer, radius, reverse, strict=True)
    ]


def reversed_order(before: Float[Tensor, "b 1 h w"], after: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b"]:
    """The share of neighbours, of those that weren't alike, that changed places in order; 0 without any."""
    signs = [(before.diff(dim=d).sign().flatten(1), after.diff(dim=d).sign().flatten(1)) for d in (2, 3)]
    first, second = (torch.cat(pair, 1) for pair in zip(*signs, strict=True))
    unlike = first != 0
    return ((second == -first) & unlike).sum(1) / unlike.sum(1).clamp(min=1)
