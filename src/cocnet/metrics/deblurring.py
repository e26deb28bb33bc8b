"""How much a deblurring network sharpens: a score a picture and measure, of the blurred photo and of the network's.

Enters: a network (None: the photo as it is), pairs, metrics by name. Leaves: `Deblurred`, with means. As published
scores are: 8-bit sRGB, whole pictures, the plain mean over them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.errors import CocnetError, FileError
from cocnet.metrics.image import as_8_bit
from cocnet.metrics.measures import open_metrics

METRICS = ("psnr", "ssim", "lpips")
Progress = Callable[[int, int], None]


class Pair(Protocol):
    """What a pair must offer."""

    @property
    def blurred(self) -> Float[Tensor, "3 h w"]: ...
    @property
    def sharp(self) -> Float[Tensor, "3 h w"]: ...
    @property
    def name(self) -> str: ...


class SizedPairs(Protocol):
    """What is needed of a set of pairs."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Pair: ...


@dataclass(frozen=True)
class Deblurred:
    """Scores of each picture by metric; `missing` says why a metric has no column."""

    what: str
    data: str
    scores: dict[str, dict[str, float]]
    metrics: tuple[str, ...]
    missing: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def means(self) -> dict[str, float]:
        """Mean score of each metric."""
        return {m: sum(row[m] for row in self.scores.values()) / len(self.scores) for m in self.metrics}


def measure_deblurring(
    network: nn.Module | None,
    pairs: SizedPairs,
    metrics: Sequence[str] = METRICS,
    *,
    what: str = "network",
    data: str = "pairs",
    device: str = "cpu",
    skip_problems: bool = False,
    on_progress: Progress | None = None,
) -> Deblurred:
    """Sharpen and score every pair; with `skip_problems` those that can't be read get a line in `skipped`. Raises
    FileError for none, or a metric's reason where none works."""
    measures, rows, skipped = open_metrics(metrics), {}, dict[str, str]()
    for index in range(len(pairs)):
        try:
            pair = pairs[index]
        except CocnetError as error:
            if not skip_problems:
                raise
            skipped[str(index)] = str(error)
            continue
        blurred, sharp = (as_8_bit(x[None].to(device)) for x in (pair.blurred, pair.sharp))
        with torch.inference_mode():
            ours = blurred if network is None else as_8_bit(network(blurred.float()).float())
        rows[pair.name] = {name: float(call(sharp, ours)) for name, call in measures.compare.items()}
        if on_progress is not None:
            on_progress(index + 1, len(pairs))
    if not rows:
        raise FileError(f"expected pairs to measure on in {data}, got none, try another folder")
    return Deblurred(what, data, rows, tuple(measures.compare), measures.missing, skipped)
