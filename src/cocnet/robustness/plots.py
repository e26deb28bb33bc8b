"""Plots of a run: accuracy against budget, similarity and effort, and what survives transforms.

Enters: a summary. Leaves: PNG files of twice the usual density; bands and whiskers are Wilson's 95 %. Colours are
Okabe and Ito's (2008), which the colour-blind tell apart; each line has its own marker, too.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from cocnet.augment.corruptions import CONTROL
from cocnet.errors import MissingExtraError
from cocnet.files.atomic import atomic_path
from cocnet.metrics import Interval
from cocnet.robustness.run_layout import own
from cocnet.robustness.scores import MethodScore, Survival
from cocnet.robustness.summary import Summary
from cocnet.robustness.sweeps import EffortSweep, EpsilonSweep

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DPI, WIDE_INCH, HIGH_INCH = 200, 7.0, 4.2
BASELINE = "random"


def write_plots(folder: Path, summary: Summary) -> list[Path]:
    """The plots of what was swept, for each victim; none where nothing was. Raises MissingExtraError, FileError."""
    found = []
    for victim in summary.run.victims:
        title = f"{victim} on {summary.renderer}, {summary.photos} photos"
        end = f"{own(victim)}.png"
        sweeps = [one for one in summary.epsilon_sweeps if one.victim == victim]
        for number, unit in enumerate(dict.fromkeys(one.unit for one in sweeps)):
            of_unit = [one for one in sweeps if one.unit == unit]
            name = f"{number}-" if number else ""
            found.append(folder / f"epsilon-{name}{end}")
            plot_epsilon(found[-1], of_unit, title, unit)
            found.append(folder / f"similarity-{name}{end}")
            plot_similarity(found[-1], of_unit, title)
        if efforts := [one for one in summary.effort_sweeps if one.victim == victim]:
            found.append(folder / f"effort-{end}")
            plot_effort(found[-1], efforts, title)
        if survived := [one for one in summary.survival if one.victim == victim]:
            found.append(folder / f"transforms-{end}")
            plot_survival(found[-1], survived, title)
    return found


def plot_epsilon(path: Path, sweeps: Sequence[EpsilonSweep], title: str, unit: str) -> None:
    """Accuracy against ε, log; the baselines of random draws are dashed."""
    with _figure(path, title) as axes:
        for sweep, style in styled([one.name for one in sweeps], sweeps):
            _band(axes, [(one.epsilon, one) for one in sweep.points if one.epsilon], sweep.name, style)
        axes.set_xscale("log")
        _labels(axes, f"largest change ε ({unit})")


def plot_similarity(path: Path, sweeps: Sequence[EpsilonSweep], title: str) -> None:
    """Accuracy against the median PSNR to natural bokeh: how much each method pays in what is seen."""
    with _figure(path, title) as axes:
        for sweep, style in styled([one.name for one in sweeps], sweeps):
            points = [(one.median_psnr_db, one) for one in sweep.points if math.isfinite(one.median_psnr_db)]
            _band(axes, points, sweep.name, style)
        axes.invert_xaxis()
        _labels(axes, "median PSNR to natural bokeh (dB), from similar to unlike")


def plot_effort(path: Path, sweeps: Sequence[EffortSweep], title: str) -> None:
    """Accuracy against steps, a line for each method and number of starts."""
    with _figure(path, title) as axes:
        for sweep, style in styled([one.name for one in sweeps], sweeps):
            _band(axes, [(float(one.steps), one) for one in sweep.points], sweep.name, style)
        ticks = sorted({one.steps for sweep in sweeps for one in sweep.points})
        axes.set_xscale("log")
        axes.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
        axes.minorticks_off()
        _labels(axes, "steps of the attack")


def plot_survival(path: Path, survived: Sequence[Survival], title: str) -> None:
    """Bars of what is fooled after each transform, of photos whose natural picture is right there."""
    transforms = list(dict.fromkeys(one.transform for one in survived))
    methods = list(dict.fromkeys(one.method for one in survived))
    width = 0.8 / len(methods)
    with _figure(path, title) as axes:
        for k, (method, colour) in enumerate(zip(methods, cycle(COLOURS), strict=False)):
            shown = {
                one.transform: one.fooled for one in survived if one.method == method and one.fooled.count
            }
            places = [transforms.index(name) + (k - (len(methods) - 1) / 2) * width for name in shown]
            shares = list(shown.values())
            values = [100 * share.value for share in shares]
            errors = [
                [100 * max(0.0, share.value - share.low) for share in shares],
                [100 * max(0.0, share.high - share.value) for share in shares],
            ]
            axes.bar(places, values, width, color=colour, label=method)
            axes.errorbar(places, values, errors, fmt="none", ecolor="#555555", elinewidth=0.8, capsize=2)
        axes.set_xticks(range(len(transforms)), transforms, rotation=30, ha="right")
        axes.set_ylim(0, 100)
        axes.set_ylabel("fooled (%)")
        axes.grid(visible=False, axis="x")
        axes.legend(fontsize=8, frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))


def plot_severities(path: Path, accuracy: Mapping[str, Mapping[int, Interval]], title: str) -> None:
    """Accuracy by severity, a line for each corruption, the control dashed. Raises MissingExtraError, FileError."""
    with _figure(path, title) as axes:
        for number, (name, shares) in enumerate(accuracy.items()):
            style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % (len(MARKERS) - 1)]}
            style["linestyle"] = "-" if number < len(COLOURS) else ":"
            if name == CONTROL:
                style = {"color": "#555555", "marker": "", "linestyle": "--"}
            values = [100 * each.value for each in shares.values()]
            axes.plot(list(shares), values, label=name, markersize=4.5, **style)
        axes.set_xticks(sorted({severity for shares in accuracy.values() for severity in shares}))
        _labels(axes, "severity")


def plot_gains(
    path: Path, curves: Mapping[str, Sequence[tuple[int, float]]], level: float, title: str
) -> None:
    """Gain against steps of training, a line for each folder of weights, a level for what isn't trained, and one from
    which on a change of 3e-4 shows in 8 bit. Raises MissingExtraError, FileError."""
    with _figure(path, title) as axes:
        for (name, points), colour, marker in zip(
            curves.items(), cycle(COLOURS), cycle(MARKERS), strict=False
        ):
            if len(points) == 1:
                axes.axhline(points[0][1], label=name, color=colour, linestyle="--")
            else:
                axes.plot(*zip(*points, strict=True), label=name, color=colour, marker=marker, markersize=4.5)
        axes.axhline(level, label="seen in 8 bit at ε = 3e-4", color="#000000", linestyle=":")
        axes.set_yscale("log")
        axes.set_xlabel("steps of training")
        axes.set_ylabel("largest change of the picture / change of depth")
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def styled(names: Sequence[str], sweeps: Sequence[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each curve with its colour and marker; random-NAME has those of NAME, random of gda, dashed and hollow."""
    styles = cycle(zip(COLOURS, MARKERS, strict=True))
    attacks = {name: next(styles) for name in names if not name.startswith(BASELINE)}
    for name, sweep in zip(names, sweeps, strict=True):
        baseline = name.startswith(BASELINE)
        like = name.removeprefix(BASELINE).removeprefix("-") if baseline else name
        like = f"gda{like}" if baseline and not like[:1].isalpha() else like
        colour, marker = attacks[like] if like in attacks else next(styles)
        style: dict[str, Any] = {"color": colour, "marker": marker}
        yield sweep, style | ({"linestyle": "--", "markerfacecolor": "white"} if baseline else {})


def _band(
    axes: Any, points: Sequence[tuple[float | None, MethodScore]], name: str, style: dict[str, Any]
) -> None:
    """A line with its interval."""
    if not points:
        return
    xs, shares = [x for x, _ in points], [one.right_saved for _, one in points]
    axes.plot(xs, [100 * each.value for each in shares], label=name, markersize=4.5, linewidth=1.5, **style)
    low, high = [100 * each.low for each in shares], [100 * each.high for each in shares]
    axes.fill_between(
        xs, low, high, color=style["color"], alpha=0.05 if "linestyle" in style else 0.12, linewidth=0
    )


def _labels(axes: Any, x: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel("accuracy of the victim on files (%)")
    axes.set_ylim(0, 100)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


@contextmanager
def _figure(path: Path, title: str) -> Iterator[Any]:
    """Axes to draw on, then the file, whole or not at all."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("expected matplotlib, got none, try: pip install 'cocnet[plots]'") from error
    figure = Figure((WIDE_INCH, HIGH_INCH), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10, x=0.02, ha="left")
    yield axes
    with atomic_path(path) as temporary:
        figure.savefig(str(temporary), format="png", dpi=DPI)
