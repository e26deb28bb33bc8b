"""Evaluating a network, with its controls, on a folder of pairs: what `cocnet evaluate` does.

Enters: an `EvaluateRun`. Leaves: evaluations, the network's first, and in a folder evaluation.json, evaluation.md and
sheet.jpg (worst, median, best; photo, rendered, true).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from cocnet.errors import InputError

if TYPE_CHECKING:
    from cocnet.experiments.controls import Render
    from cocnet.experiments.evaluate import Evaluation, Pairs


@dataclass(frozen=True)
class PairFolder:
    """Where pairs lie, and how they are seen."""

    data: Path
    """EBB!'s train folder (original/N.jpg, bokeh/N.jpg), or photos, or ray-traced scenes (.npz)."""
    bokeh: Path | None = None
    """Folder of the true bokeh, files of the same stems as in --data."""
    image_ending: str = ""
    """Or both in --data, told apart by what a photo's stem ends with, as _input"""
    bokeh_ending: str = ""
    """and what a bokeh's ends with, as _bokeh."""
    split: Literal["test", "train", "all"] = "test"
    """Of EBB!: test is Val294, 4400..4693."""
    depths: Path | None = None
    """Folder of depth files of the same stems."""
    depth_kind: str | None = None
    """Of these: metric, disparity, relative_depth or relative_disparity [what their sidecars say]."""
    resize: tuple[int, int] | None = None
    """Height and width, px, that pairs are resized to; the paper's is 1024 1024 [native]."""
    skip_problems: bool = False
    """Leave out pairs that can't be used, and report them, instead of stopping."""


@dataclass(frozen=True)
class EvaluateRun(PairFolder):
    """What to measure, and with what."""

    model: str | None = None
    """A name of `cocnet models` whose weights ship, or a weight file [the controls alone]."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/evaluation")
    """Folder for evaluation.json, evaluation.md and sheet.jpg."""
    metrics: tuple[str, ...] = ("psnr", "ssim", "lpips")
    """Of psnr, ssim, ssim-gaussian, ms-ssim, lpips, lpips-vgg, flip; the first one ranks."""
    controls: bool = False
    """Also the untouched photo, the best single blur, and the physical renderer where there is depth."""
    no_sheet: bool = False
    """No pictures."""
    device: str = "cpu"
    """Or cuda."""


def run_evaluation(
    run: EvaluateRun, on_progress: Callable[[str, int, int], None] | None = None
) -> "tuple[Evaluation, ...]":
    """Measure and write the report. Raises FileError, InputError, DepthError."""
    from cocnet.experiments.evaluate import evaluate, open_metrics
    from cocnet.experiments.report import write_report, write_sheet

    check_device(run.device)
    renderers = {} if run.model is None else {run.model: open_renderer(run.model, run.device)}
    pairs, measures = open_pairs(run), open_metrics(run.metrics)
    if run.controls or not renderers:
        renderers |= controls_for(pairs, run.device)
    evaluations = []
    for what, render in renderers.items():
        options: dict[str, Any] = {"device": run.device, "skip_problems": run.skip_problems}
        options |= {"what": what, "on_progress": _named(what, on_progress)}
        evaluations.append(evaluate(render, pairs, measures, **options))
    settings = asdict(run) | {"weights": facts_of(run.model)}
    write_report(run.out, evaluations, settings)
    if not run.no_sheet:
        write_sheet(run.out / "sheet.jpg", evaluations[0], next(iter(renderers.values())), pairs, run.device)
    return tuple(evaluations)


def check_device(device: str) -> None:
    """Raise InputError where a device isn't there."""
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"expected a device that is there, got '{device}' ({reason}), try cpu") from error


def open_pairs(where: PairFolder) -> "Pairs":
    """The dataset that lies in a folder. Raises FileError, InputError."""
    from cocnet.datasets import EBB, ImageBokehFolder, View, ray_traced
    from cocnet.datasets.ebb import is_ebb

    options: dict[str, Any] = {"depths": where.depths, "depth_kind": where.depth_kind}
    options |= {"view": View(resize=where.resize), "skip_problems": where.skip_problems}
    endings = where.image_ending, where.bokeh_ending
    if where.bokeh is not None or endings != ("", ""):
        return ImageBokehFolder(where.data, where.bokeh, endings, **options)
    if is_ebb(where.data):
        whole = any((where.data / "original").glob("4693.*"))
        folders = where.data / "original", where.data / "bokeh"
        return EBB(where.data, where.split, **options) if whole else ImageBokehFolder(*folders, **options)
    if any(where.data.glob("*.npz")):
        if where.resize or where.depths:
            raise InputError("expected ray-traced scenes as they are, got resize or depths, try without")
        return ray_traced(where.data)
    raise InputError(
        f"expected original/ and bokeh/ or .npz scenes in '{where.data}', got neither, try --bokeh FOLDER or "
        "--image-ending and --bokeh-ending"
    )


def open_renderer(name_or_path: str, device: str = "cpu") -> "Render":
    """A trained network as a renderer. Raises FileError, InputError."""
    from cocnet.experiments.controls import network_renderer
    from cocnet.networks import load_model

    located = Path(name_or_path) if Path(name_or_path).suffix else name_or_path
    return network_renderer(load_model(located, device))


def controls_for(pairs: "Pairs", device: str = "cpu") -> "dict[str, Render]":
    """The controls by name; the single blur is chosen on these very pairs, and its name says so."""
    from cocnet.experiments.controls import best_constant_blur, physical, untouched
    from cocnet.experiments.evaluate import readable

    first = next(iter(readable(pairs, device)))
    blur = best_constant_blur(readable(pairs, device))
    name = f"one blur, σ {100 * blur.share:.2g} % of the longer side, the best on these pairs"
    renderers: dict[str, Render] = {"untouched photo": untouched, name: blur}
    return renderers if first.inverse_depth is None else renderers | {"physical renderer": physical}


def facts_of(model: str | None) -> dict[str, Any] | None:
    """What a network's weight file says of its training."""
    from cocnet.networks import checkpoint_info, shipped_weights

    if model is None:
        return None
    path = Path(model) if Path(model).suffix else shipped_weights(model)
    return None if path is None else asdict(checkpoint_info(path))


def _named(
    what: str, on_progress: Callable[[str, int, int], None] | None
) -> Callable[[int, int], None] | None:
    return None if on_progress is None else lambda done, total: on_progress(what, done, total)
