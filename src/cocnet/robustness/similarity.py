"""How similar an attacked photo is to what it was.

Enters: batches of pictures [b 3 h w]. Leaves: scores by metric, a mapping for each photo.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.errors import CocnetError
from cocnet.metrics.measures import Measures, open_metrics


def open_similarity(names: tuple[str, ...]) -> Measures:
    """The metrics that work here; FLIP where LPIPS was wanted and can't be had. Raises InputError, FileError."""
    found = open_metrics(names)
    if "lpips" not in found.missing or "flip" in names:
        return found
    try:
        other = open_metrics(("flip",))
    except CocnetError:
        return found
    return Measures(found.compare | other.compare, found.missing)


def similarity(
    measures: Measures, true: Float[Tensor, "b 3 h w"], ours: Float[Tensor, "b 3 h w"]
) -> list[dict[str, float]]:
    """Every metric's score of each picture, computed in float64 as published scores are."""
    with torch.no_grad():
        columns = {name: call(true.double(), ours.double()) for name, call in measures.compare.items()}
    return [{name: float(column[i]) for name, column in columns.items()} for i in range(len(true))]
