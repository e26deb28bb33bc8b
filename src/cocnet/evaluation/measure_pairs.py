"""How good a renderer is on pairs: a score a picture and measure, and their means.

Enters: a renderer, a dataset of pairs, metrics by name. Leaves: an `Evaluation`. The
protocol is that of the published figures: 8-bit sRGB at the dataset's size, per-image scores, their plain mean.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

import torch

from cocnet.datasets.pairs.matching import Problem
from cocnet.datasets.pairs.open_pairs import Pairs
from cocnet.datasets.pairs.sample import ASSUMED, Sample, sample_of
from cocnet.errors import CocnetError, FileError
from cocnet.metrics import metric
from cocnet.metrics.image import as_8_bit
from cocnet.metrics.measures import Measures, open_metrics
from cocnet.metrics.metric_registry import Compare
from cocnet.renderers import Renderer

DEFAULT_METRICS = ("psnr", "ssim", "lpips")
AHEAD = 2
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Row:
    """One picture: its scores by metric, its size and the seconds that rendering took."""

    name: str
    height_px: int
    width_px: int
    scores: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """All rows of one renderer on one dataset; `missing` says why a metric has no column, `skipped` a pair no row."""

    what: str
    data: str
    rows: tuple[Row, ...]
    metrics: dict[str, str]
    missing: dict[str, str] = field(default_factory=dict)
    skipped: tuple[Problem, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def means(self) -> dict[str, float]:
        """The mean score of each metric, infinity where one picture is perfect in dB."""
        return {name: sum(row.scores[name] for row in self.rows) / len(self.rows) for name in self.metrics}

    @property
    def render_seconds(self) -> float:
        """The renderer's own part of `seconds`."""
        return sum(row.seconds for row in self.rows)

    def ranked(self) -> tuple[Row, ...]:
        """Rows from the worst to the best by the first metric."""
        first = next(iter(self.metrics))
        return tuple(
            sorted(self.rows, key=lambda row: row.scores[first], reverse=metric(first).better == "lower")
        )


def evaluate(
    renderer: Renderer,
    pairs: Pairs,
    metrics: Sequence[str] | Measures = DEFAULT_METRICS,
    *,
    what: str = "renderer",
    device: str | torch.device = "cpu",
    skip_problems: bool = False,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Render and score every pair; the next ones are decoded meanwhile.

    A metric whose package or weights aren't there is left out and named in `missing`. A pair that can't be read or
    rendered raises its error, or with `skip_problems` gets a line in `skipped`. Raises also InputError for an unknown
    metric, FileError where no pair or no metric is left.
    """
    measures = metrics if isinstance(metrics, Measures) else open_metrics(metrics)
    rows, skipped, notes = [], list(getattr(pairs, "problems", ())), set()
    start = time.perf_counter()
    for done, (name, get) in enumerate(ahead(pairs), 1):
        try:
            sample = get().to(device)
            rows.append(_row(renderer, sample, measures.compare))
            notes |= {ASSUMED} if sample.assumed else set()
        except CocnetError as error:
            if not skip_problems:
                raise
            skipped.append(Problem(name, str(error)))
        if on_progress is not None:
            on_progress(done, len(pairs))
    if not rows:
        raise FileError(
            f"expected a pair that can be rendered in {pairs.about}, got none, try another folder"
        )
    result = Evaluation(what, pairs.about, tuple(rows), measures.about, measures.missing, tuple(skipped))
    return replace(result, seconds=time.perf_counter() - start, notes=tuple(notes))


def ahead(pairs: Pairs, count: int = AHEAD) -> Iterator[tuple[str, Callable[[], Sample]]]:
    """Each pair's name and a call that gives its sample or raises what was wrong; `count` are read ahead."""
    names = getattr(pairs, "names", None) or [str(index) for index in range(len(pairs))]
    waiting: deque[Future[Sample]] = deque()
    with ThreadPoolExecutor(count) as pool:
        for index in range(len(pairs) + count):
            if index < len(pairs):
                waiting.append(pool.submit(lambda i: sample_of(pairs[i]), index))
            if index >= count:
                yield names[index - count], waiting.popleft().result


def readable(pairs: Pairs, device: str | torch.device = "cpu") -> Iterator[Sample]:
    """The samples that can be read; `evaluate` is where the others are reported."""
    for _, get in ahead(pairs):
        with suppress(CocnetError):
            yield get().to(device)


@torch.inference_mode()
def _row(renderer: Renderer, sample: Sample, compare: dict[str, Compare]) -> Row:
    start = time.perf_counter()
    ours = sample.rendered_by(renderer)
    if ours.is_cuda:
        torch.cuda.synchronize(ours.device)
    seconds = time.perf_counter() - start
    truth, ours = as_8_bit(sample.bokeh), as_8_bit(ours)
    scores = {name: float(call(truth, ours)) for name, call in compare.items()}
    return Row(sample.name, ours.shape[-2], ours.shape[-1], scores, seconds)
