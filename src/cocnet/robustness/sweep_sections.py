"""What a report says of sweeps: accuracy against ε, similarity and effort, and what survives transforms.

Enters: a summary. Leaves: `ReportSection`s of one victim; shares are percent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cocnet.metrics import Interval
from cocnet.robustness.camera_settings import CameraScore, CameraSetting
from cocnet.robustness.scores import MethodScore, Survival
from cocnet.robustness.sweeps import EffortSweep, EpsilonSweep, at_similarity, shared_levels

if TYPE_CHECKING:
    from cocnet.robustness.summary import Summary


@dataclass(frozen=True)
class ReportSection:
    """A heading, sentences, and a table or none."""

    title: str
    lines: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def sweep_sections(summary: "Summary", victim: str) -> list[ReportSection]:
    """Those of one victim; none where nothing was swept or transformed."""
    found = []
    sweeps = [one for one in summary.epsilon_sweeps if one.victim == victim]
    for unit in dict.fromkeys(one.unit for one in sweeps):
        of_unit = [one for one in sweeps if one.unit == unit]
        found += [_epsilon(victim, unit, of_unit), *_matched(victim, unit, of_unit)]
    if efforts := [one for one in summary.effort_sweeps if one.victim == victim]:
        found.append(_effort(victim, efforts))
    found += [_cameras(one) for one in summary.cameras if one.victim == victim]
    if survived := [one for one in summary.survival if one.victim == victim]:
        found.append(_survival(victim, survived))
    return found


def percent(share: Interval) -> str:
    """Whole percent with the interval, a dash for none."""
    return f"{100 * share.value:.0f} [{100 * share.low:.0f}, {100 * share.high:.0f}]" if share.count else "–"


def _epsilon(victim: str, unit: str, sweeps: Sequence[EpsilonSweep]) -> ReportSection:
    """Three lines for each method: as found, of its files, their similarity."""
    epsilons = sorted({one.epsilon or 0.0 for sweep in sweeps for one in sweep.points})
    rows = []
    for sweep in sweeps:
        by_epsilon = {one.epsilon: one for one in sweep.points}
        points = [by_epsilon.get(epsilon) for epsilon in epsilons]
        rows.append((sweep.name, *("–" if one is None else percent(one.right) for one in points)))
        rows.append(
            (f"{sweep.name}, file", *("–" if one is None else percent(one.right_saved) for one in points))
        )
        rows.append((f"{sweep.name}, file, dB", *("–" if one is None else _decibel(one) for one in points)))
    lines = ("named rightly (%), and the median PSNR of files to natural bokeh of the photos that count",)
    return ReportSection(
        f"{victim}: accuracy against ε ({unit})", lines, ("", *(f"{e:g}" for e in epsilons)), tuple(rows)
    )


def _decibel(one: MethodScore) -> str:
    return "equal" if math.isinf(one.median_psnr_db) else f"{one.median_psnr_db:.1f}"


def _matched(victim: str, unit: str, sweeps: Sequence[EpsilonSweep]) -> list[ReportSection]:
    levels = shared_levels(sweeps)
    if not levels:
        return []
    rows = []
    for sweep in sweeps:
        found = [at_similarity(sweep, level) for level in levels]
        cells = ["–" if one is None else f"{100 * one.accuracy:.0f} ({one.epsilon:.2g})" for one in found]
        rows.append((sweep.name, *cells))
    lines = (
        "files named rightly (%), and the ε, where files are equally similar to natural bokeh; interpolated",
    )
    head = ("", *(f"{level:g} dB" for level in levels))
    return [ReportSection(f"{victim}: accuracy at matched similarity ({unit})", lines, head, tuple(rows))]


def _effort(victim: str, efforts: Sequence[EffortSweep]) -> ReportSection:
    steps = sorted({one.steps for sweep in efforts for one in sweep.points})
    rows = []
    for sweep in efforts:
        by_steps = {one.steps: one for one in sweep.points}
        cells = [percent(by_steps[n].right_saved) if n in by_steps else "–" for n in steps]
        last = "not yet" if sweep.settled_steps is None else f"{sweep.settled_steps} steps"
        rows.append((sweep.name, *cells, last))
    head = ("", *(f"{n} steps" for n in steps), "no verdict changes after")
    return ReportSection(f"{victim}: effort", ("files named rightly (%)",), head, tuple(rows))


def _cameras(score: CameraScore) -> ReportSection:
    """A column a focus, a row an aperture."""
    right = dict(zip(score.settings, score.right, strict=True))
    stops, dioptres = (sorted({getattr(one, axis) for one in right}) for axis in ("stops", "dioptres"))
    cells = {
        (s, d): percent(right[CameraSetting(s, d)]) if CameraSetting(s, d) in right else "–"
        for s in stops
        for d in dioptres
    }
    rows = [(f"{stop:+g} stops", *(cells[stop, d] for d in dioptres)) for stop in stops]
    lines = (
        f"files named rightly (%) at {len(score.right)} settings of the camera: {100 * score.average:.0f} in the mean"
        f", {percent(score.worst_setting)} at the worst setting; {percent(score.always)} of photos at every setting",
        "stops: how far the aperture is opened; dioptres: how much closer the focus is, in 1/m",
    )
    head = ("", *(f"{d:+g} dioptres" for d in dioptres))
    return ReportSection(f"{score.victim}: settings of the camera", lines, head, tuple(rows))


def _survival(victim: str, survived: Sequence[Survival]) -> ReportSection:
    methods = tuple(dict.fromkeys(one.method for one in survived))
    by_key = {(one.transform, one.method): one for one in survived}
    rows = []
    for transform in dict.fromkeys(one.transform for one in survived):
        row = [by_key.get((transform, method)) for method in methods]
        natural = next((one.natural for one in row if one is not None), None)
        cells = ["–" if one is None else _left(one) for one in row]
        rows.append((transform, "–" if natural is None else percent(natural), *cells))
    lines = (
        "natural: bokeh that is named rightly after the transform (%); then what is fooled (%), of photos whose "
        "natural bokeh is right there; then how many of the files that fooled before still do",
    )
    return ReportSection(f"{victim}: after transforms", lines, ("", "natural", *methods), tuple(rows))


def _left(one: Survival) -> str:
    again = f"{round(one.still.value * one.still.count)} of {one.still.count}" if one.still.count else "–"
    return f"{percent(one.fooled)} of {one.fooled.count}; {again}"
