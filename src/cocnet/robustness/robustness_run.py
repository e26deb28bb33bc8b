"""A whole run: each victim, each method, batch by batch; then its report.

Enters: a `RobustnessRun`. Leaves: the run's folder (see `places`), robustness.json, .csv, .md and .html in it, and
the summary.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from cocnet.compute import check_device
from cocnet.datasets.pairs.matching import Problem
from cocnet.errors import FileError, InputError
from cocnet.files.run_folder import claim
from cocnet.metrics import check_labels
from cocnet.robustness.methods import open_method
from cocnet.robustness.records import View
from cocnet.robustness.run_layout import Places, plain
from cocnet.robustness.settings import RobustnessRun
from cocnet.robustness.similarity import open_likeness
from cocnet.robustness.sources import facts_of, labels_of, open_photos, open_renderer, open_victims, setup_of
from cocnet.robustness.stages import Bench, attack_batch, view_batch

if TYPE_CHECKING:
    from cocnet.robustness.summary import Summary

Progress = Callable[[str, int, int], None]
FREE = ("out", "methods", "threads", "pictures")  # may differ when a run goes on


def run_robustness(run: RobustnessRun, on_progress: Progress | None = None) -> "Summary":
    """Do what isn't done yet, and write the report; on_progress(what, batches done, all).

    Started again with the same settings it goes on; methods may be added. Raises FileError (also for other settings
    in the same folder), InputError, DepthError.
    """
    from cocnet.robustness.attack_report import write_robustness
    from cocnet.robustness.summary import summarise

    bench = open_bench(run)
    views, problems = _natural(bench, on_progress)
    records = [
        record
        for victim in run.victims
        for method in run.methods
        for record in _attacks(bench, victim, method, on_progress)
    ]
    notes = tuple(f"{name} is not measured: {reason}" for name, reason in bench.measures.missing.items())
    summary = summarise(records, views, run, _about(bench), bench.classes, problems, notes)
    write_robustness(run, summary, records)
    return summary


def open_bench(run: RobustnessRun) -> Bench:
    """Open all that the run names, before any work, and claim its folder. Raises FileError, InputError."""
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    check_device(run.device)
    methods = [open_method(name) for name in run.methods]
    render = open_renderer(run.renderer, setup_of(run), run.device)
    for method in methods:
        if method.row.camera and render.camera is None:
            raise InputError(
                f"expected a renderer with a camera for {method.name}, got {render.name}, try physical"
            )
    photos, victims = open_photos(run), open_victims(run.victims, run.device)
    counts = {name: victim.classes for name, victim in victims.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"expected victims of the same classes, got {counts}, try one run for each kind")
    for names in (run.victims, run.methods):
        if len({plain(name) for name in names}) < len(names):
            raise InputError(
                f"expected names that make folders of their own, got {', '.join(names)}, try others"
            )
    measures = open_likeness(run.metrics)
    settings = {key: _plain(value) for key, value in asdict(run).items() if key not in FREE}
    claim(run.out, settings | {"weights": facts_of(run.renderer), "labels": labels_of(photos)})
    return Bench(run, Places(run.out), photos, render, victims, measures)


def _natural(bench: Bench, on_progress: Progress | None) -> tuple[list[View], list[Problem]]:
    """The first stage. Raises FileError where no photo is left, InputError where labels are off by one."""
    views: list[View] = []
    problems = list(bench.photos.problems)
    for number in range(len(bench.batches)):
        seen, left_out = view_batch(bench, number)
        views += seen
        problems += [Problem(name, reason) for name, reason in left_out]
        _tell(on_progress, "natural bokeh", number + 1, len(bench.batches))
    if not views:
        raise FileError(
            f"expected a photo that can be read in '{bench.run.data}', got none, try another folder"
        )
    labels = torch.tensor([view.label for view in views])
    for name in bench.victims:
        check_labels(torch.tensor([view.clean[name] for view in views]), labels)
    return views, problems


def _attacks(bench: Bench, victim: str, method: str, on_progress: Progress | None) -> list[Any]:
    records = []
    for number in range(len(bench.batches)):
        records += attack_batch(bench, victim, method, number)
        _tell(on_progress, f"{method} on {victim}", number + 1, len(bench.batches))
    return records


def _about(bench: Bench) -> dict[str, str]:
    """Each victim's weights, in words."""
    return {name: victim.about for name, victim in bench.victims.items()}


def _tell(on_progress: Progress | None, what: str, done: int, total: int) -> None:
    if on_progress is not None:
        on_progress(what, done, total)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
