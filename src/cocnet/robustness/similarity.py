"""How similar an attacked photo is to what it was.

Enters: batches of pictures [b 3 h w]. Leaves: scores by metric, a mapping for each photo.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.metrics.measures import Measures, open_metrics


def open_similarity(names: tuple[str, ...]) -> Measures:
    """The metrics that work here; FLIP where LPIPS was wanted and can't be had. Raises InputError, FileError."""
    if "lpips" not in names or "flip" in names:
        return open_metrics(names)
    found = open_metrics((*names, "flip"))
    kept = set(names) | ({"flip"} if "lpips" in found.missing else set())
    return Measures(
        {name: call for name, call in found.compare.items() if name in kept},
        {name: reason for name, reason in found.missing.items() if name in kept},
    )


def check_similarity(measures: Measures, size_px: int) -> None:
    """Raise InputError where a metric can't compare pictures of this size."""
    grey = torch.full((1, 3, size_px, size_px), 0.5)
    similarity(measures, grey, grey)


def similarity(
    measures: Measures, true: Float[Tensor, "b 3 h w"], ours: Float[Tensor, "b 3 h w"]
) -> list[dict[str, float]]:
    """Every metric's score of each picture, computed in float64 as published scores are."""
    with torch.no_grad():
        columns = {name: call(true.double(), ours.double()) for name, call in measures.compare.items()}
    return [{name: float(column[i]) for name, column in columns.items()} for i in range(len(true))]
