"""What a report on robustness says, section by section, whatever it is written in.

Enters: a summary. Leaves: `ReportSection`s: a heading, sentences, a table or none.
"""

import math
from collections.abc import Sequence

from cocnet.metrics import Interval, PairedTest, metric
from cocnet.metrics.formatting import cell
from cocnet.robustness.budget import Budget
from cocnet.robustness.method_table import METHODS
from cocnet.robustness.scores import MethodScore, TransferTable, VictimPair
from cocnet.robustness.sources import setup_of
from cocnet.robustness.summary import Summary, unit_of
from cocnet.robustness.sweep_sections import ReportSection, sweep_sections

PERTURBATION = {
    "largest": "largest, nearness",
    "mean": "mean, nearness",
    "largest_dioptres": "largest, 1/m",
    "mean_dioptres": "mean, 1/m",
    "largest_px": "largest, px of CoC radius",
    "mean_px": "mean, px",
    "reversed_pairs": "neighbours whose order turned",
    "split_ties": "ties split",
    "smoothness": "smoothness",
}


def title_of(summary: Summary) -> str:
    """The report's title, one line."""
    return f"Robustness to bokeh of {', '.join(summary.run.victims)}"


def report_sections(summary: Summary, notes: Sequence[str] = ()) -> list[ReportSection]:
    """What a report says, in order."""
    found = [ReportSection("", (*_about(summary), *notes))]
    for victim in summary.run.victims:
        scores = [one for one in summary.scores if one.victim == victim]
        found += [
            _success(summary, victim, scores),
            _similarity(victim, scores),
            _perturbation(victim, scores),
        ]
        found += sweep_sections(summary, victim)
        if pairs := [one for one in summary.pairs if one.victim == victim]:
            found.append(_tests(victim, pairs))
    found += [part for one in summary.matrices for part in _matrix(one)]
    doubtful = tuple(f"{where}: {flag}" for where, flags in summary.flags.items() for flag in flags)
    found.append(ReportSection("Sanity checks", doubtful or ("none of the usual signs of a wrong result",)))
    if summary.left_out:
        lines = tuple(f"{problem.name}: {problem.reason}" for problem in summary.left_out)
        found.append(ReportSection(f"Left out: {len(lines)} photos", lines))
    return found


def _about(summary: Summary) -> tuple[str, ...]:
    run, setup = summary.run, setup_of(summary.run)
    depth = "files" if run.depths else f"the estimator {run.estimator}"
    stop = "all steps" if run.full_steps else "an end where a photo is fooled"
    camera = f"{setup.focal_length_m * 1000:g} mm f/{setup.f_number:g}"
    return (
        f"{summary.photos} photos at {run.size_px} px, rendered by {summary.renderer}, {camera}.",
        f"The nearest point ({run.nearest}) is at {setup.near_m:g} m, the farthest at {setup.far_m:g} m, focus at "
        f"{setup.focus_m:g} m.",
        *_bounds(summary),
        f"Depth from {depth}.",
        f"Classes are numbered by {summary.numbering}.",
        f"Attacks have {run.steps} steps and {run.restarts} start{'s' * (run.restarts > 1)}, with {stop}; "
        f"loss {run.loss}, seed {run.seed}.",
        *_own_efforts(summary),
        "Success counts photos that are named rightly before and after natural bokeh. In brackets: 95 %.",
        "“File”: the picture read back from a PNG of 8 bit. Similarity is the file's.",
        *(f"{name}: weights of {about}." for name, about in summary.about.items()),
        *summary.notes,
    )


def _bounds(summary: Summary) -> tuple[str, ...]:
    """What the camera may be set to, where a method sets it."""
    if not any(METHODS[one.base].camera for one in summary.scores):
        return ()
    focus, f_number, focal = Budget.of(summary.run).camera_range.rows
    near_to_far = " to ".join(f"{1 / each:.3g} m" for each in reversed(focus))
    apertures = " to ".join(f"f/{each:.3g}" for each in f_number)
    lengths = " to ".join(f"{1000 * each:.3g} mm" for each in focal)
    return (f"The camera may be set to a focus of {near_to_far}, {apertures} and {lengths}.",)


def _own_efforts(summary: Summary) -> tuple[str, ...]:
    """What methods do that don't follow the run's effort."""
    run, steps = summary.run, {one.base: one.steps for one in summary.scores if METHODS[one.base].own}
    differ = [one for one in steps if steps[one] != run.steps or run.restarts > 1 or run.full_steps]
    return tuple(
        f"{one}, whatever the run's: {steps[one]} steps and 1 start, with an end where a photo is fooled."
        for one in differ
    )


def _success(summary: Summary, victim: str, scores: Sequence[MethodScore]) -> ReportSection:
    lines = (
        f"right: all-in-focus {summary.clean[victim]}, natural bokeh {summary.natural[victim]}; "
        f"{_lost(summary.lost[victim])}",
        *(f"{base}: {METHODS[base].about}" for base in dict.fromkeys(one.base for one in scores)),
    )
    head = (
        "",
        "ε",
        "right ↓",
        "right, file ↓",
        "success ↑",
        "success, file ↑",
        "queries",
        "s",
        "zero gradients",
    )
    rows = [
        (
            one.method,
            "" if one.epsilon is None else f"{one.epsilon:.3g} {unit_of(one.method)}",
            *(span(x) for x in (one.right, one.right_saved, one.success, one.success_saved)),
            f"{one.queries:.1f}",
            f"{one.seconds:.2f}",
            f"{one.zero_gradients:.0%}",
        )
        for one in scores
    ]
    return ReportSection(f"{victim}: success", lines, head, tuple(rows))


def _lost(test: PairedTest) -> str:
    return f"natural bokeh alone loses {test.only_first} and gains {test.only_second}, p = {test.p:.2g}"


def _similarity(victim: str, scores: Sequence[MethodScore]) -> ReportSection:
    """Mean similarity by metric, to the photo and to natural bokeh."""
    metrics = list(dict.fromkeys(name for one in scores for name in one.to_photo))
    columns = [
        f"{name} {metric(name).arrow} to the {what}" for what in ("photo", "bokeh") for name in metrics
    ]
    rows = [
        (
            one.method,
            *(_scored(name, to.get(name)) for to in (one.to_photo, one.to_natural) for name in metrics),
        )
        for one in scores
    ]
    return ReportSection(f"{victim}: similarity", (), ("", *columns), tuple(rows))


def _perturbation(victim: str, scores: Sequence[MethodScore]) -> ReportSection:
    """What depth was changed by, means of photos."""
    rows = tuple(
        (one.method, *(_small(one.perturbation.get(name)) for name in PERTURBATION))
        for one in scores
        if one.perturbation
    )
    lines = (
        "δ: the change of depth; px: of the blur's radius; smoothness: 1 constant, 0 noise, −1 a chequerboard",
    )
    return ReportSection(f"{victim}: perturbation of depth", lines, ("", *PERTURBATION.values()), rows)


def _tests(victim: str, pairs: Sequence[VictimPair]) -> ReportSection:
    rows = tuple(
        (
            f"{one.first} / {one.second}",
            str(one.test.only_first),
            str(one.test.only_second),
            f"{one.test.p:.2g}",
        )
        for one in pairs
    )
    lines = ("McNemar's exact test of what files fool; not corrected for how many there are",)
    return ReportSection(
        f"{victim}: methods in pairs", lines, ("", "only the first", "only the second", "p"), rows
    )


def _matrix(matrix: TransferTable) -> list[ReportSection]:
    found = []
    for title, of, line in (
        ("right", matrix.right, "of all photos, right after an attack on the row's victim"),
        ("fooled", matrix.fooled, "of photos that both name rightly before and after natural bokeh"),
    ):
        targets = tuple(next(iter(of.values())))
        rows = tuple((source, *(span(row[target]) for target in targets)) for source, row in of.items())
        found.append(
            ReportSection(
                f"{matrix.method}: transfer, {title}", (line,), ("made against ↓ seen by →", *targets), rows
            )
        )
    return found


def span(value: Interval) -> str:
    """A share with its interval, – for none."""
    return "–" if value.count == 0 else f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _scored(name: str, value: Interval | None) -> str:
    """A mean score with its interval; "equal" where no picture differs in dB."""
    if value is None:
        return "–"
    if value.count == 0 or math.isnan(value.value):
        return "equal"
    return f"{cell(name, value.value)} [{cell(name, value.low)}, {cell(name, value.high)}]"


def _small(value: Interval | None) -> str:
    return "–" if value is None else f"{value.value:.2g}"
