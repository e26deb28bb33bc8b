"""Evaluating a network, with its controls, on a folder of pairs: what `cocnet evaluate` does.

Enters: an `EvaluateRun`. Leaves: evaluations, the network's first, and in a folder evaluation.json, evaluation.md and
sheet.jpg (worst, median, best; photo, rendered, true).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from cocnet.datasets.pairs.open_pairs import PairFolder, open_pairs
from cocnet.errors import FileError

if TYPE_CHECKING:
    from cocnet.datasets.pairs.open_pairs import Pairs
    from cocnet.evaluation.measure_pairs import Evaluation
    from cocnet.renderers import Renderer


@dataclass(frozen=True)
class EvaluateRun(PairFolder):
    """What to measure, and with what."""

    model: str | None = None
    """Network to measure: a weight file, or a name of `cocnet models` whose weights ship; or physical, physical-eq8,
    identity or blur (default: the baselines of --controls alone)."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/evaluation")
    """Folder for the report: evaluation.json, evaluation.md and sheet.jpg, a sheet of pictures."""
    metrics: tuple[str, ...] = ("psnr", "ssim", "lpips")
    """Metrics, of psnr, ssim, ssim-gaussian, ms-ssim, lpips, lpips-vgg and flip; the first one ranks the pictures."""
    controls: bool = False
    """Also measure the baselines: the photo itself, the best uniform blur, and, where there is depth, the physical
    renderer."""
    no_sheet: bool = False
    """Don't write sheet.jpg."""
    device: str = "cpu"
    """Where to compute: cpu or cuda."""


def run_evaluation(
    run: EvaluateRun, on_progress: Callable[[str, int, int], None] | None = None
) -> "tuple[Evaluation, ...]":
    """Measure and write the report. Raises FileError, InputError, DepthError."""
    from cocnet.compute import check_device
    from cocnet.evaluation.measure_pairs import evaluate
    from cocnet.evaluation.pair_report import write_report, write_sheet
    from cocnet.metrics.measures import open_metrics
    from cocnet.renderers import open_renderer

    check_device(run.device)
    pairs, measures = open_pairs(run), open_metrics(run.metrics)
    renderers = {} if run.model is None else {run.model: open_renderer(run.model, device=run.device)}
    if run.controls or not renderers:
        renderers |= controls_for(pairs, run.device)
    settings = asdict(run) | {"weights": facts_of(run.model)}
    evaluations = []
    for what, renderer in renderers.items():
        options: dict[str, Any] = {"device": run.device, "skip_problems": run.skip_problems}
        options |= {"what": what, "on_progress": _named(what, on_progress)}
        evaluations.append(evaluate(renderer, pairs, measures, **options))
    write_report(run.out, evaluations, settings)
    if not run.no_sheet:
        write_sheet(run.out / "sheet.jpg", evaluations[0], next(iter(renderers.values())), pairs, run.device)
    return tuple(evaluations)


def controls_for(pairs: "Pairs", device: str = "cpu") -> "dict[str, Renderer]":
    """The controls by name; the single blur is chosen on these very pairs, and its name says so."""
    from cocnet.evaluation.measure_pairs import readable
    from cocnet.renderers import Identity, Physical, best_constant_blur

    first = next(iter(readable(pairs, device)), None)
    if first is None:
        raise FileError("expected a pair that can be read, got none, try another folder")
    blur = best_constant_blur((sample.light, sample.bokeh) for sample in readable(pairs, device))
    name = f"one blur, σ {100 * blur.share:.2g} % of the longer side, the best on these pairs"
    renderers: dict[str, Renderer] = {"untouched photo": Identity(), name: blur}
    return renderers if first.inverse_depth is None else renderers | {"physical renderer": Physical()}


def facts_of(model: str | None) -> dict[str, Any] | None:
    """What a network's weight file says of its training; None for what isn't a network."""
    from cocnet.networks import checkpoint_info, shipped_weights
    from cocnet.renderers.opening import NAMES

    if model is None or model in NAMES:
        return None
    path = Path(model) if Path(model).suffix else shipped_weights(model)
    return None if path is None else asdict(checkpoint_info(path))


def _named(
    what: str, on_progress: Callable[[str, int, int], None] | None
) -> Callable[[int, int], None] | None:
    return None if on_progress is None else lambda done, total: on_progress(what, done, total)
