"""Plots of the questions: accuracy against budget, similarity and effort, and what survives.

Enters: `Curve`s, `Point`s, a file name. Leaves: a PNG of twice the usual density; bands and whiskers are Wilson's
95 %. Colours are Okabe and Ito's (2008), which the colour-blind tell apart; each line has its own marker, too.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from cocnet.errors import MissingExtraError
from cocnet.files.atomic import atomic_path
from cocnet.robustness.curves import Curve
from cocnet.robustness.measurement import Point

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DPI, WIDE_INCH, HIGH_INCH = 200, 7.0, 4.2
YARDSTICK = "random"


def plot_epsilon(path: str | Path, curves: Sequence[Curve], title: str) -> None:
    """Accuracy against ε, log; the yardsticks of random draws are dashed. Raises MissingExtraError, FileError."""
    with _figure(path, title) as axes:
        for curve, style in styled(curves):
            _band(axes, [(one.epsilon, one) for one in curve.points if one.epsilon > 0], curve.name, style)
        axes.set_xscale("log")
        _labels(axes, "largest change of depth ε (nearness, 0..1)")


def plot_similarity(path: str | Path, curves: Sequence[Curve], title: str) -> None:
    """Accuracy against the median PSNR to natural bokeh: how much each method pays in what is seen."""
    with _figure(path, title) as axes:
        for curve, style in styled(curves):
            points = [
                (one.similarity_db, one) for one in curve.points if abs(one.similarity_db) < float("inf")
            ]
            _band(axes, points, curve.name, style)
        axes.invert_xaxis()
        _labels(axes, "median PSNR to natural bokeh (dB), from alike to unlike")


def plot_effort(path: str | Path, curves: Sequence[Curve], title: str) -> None:
    """Accuracy against steps, a line each number of restarts."""
    with _figure(path, title) as axes:
        for curve, style in styled(curves):
            _band(axes, [(float(one.steps), one) for one in curve.points], curve.name, style)
        ticks = sorted({one.steps for curve in curves for one in curve.points})
        axes.set_xscale("log")
        axes.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
        axes.minorticks_off()
        _labels(axes, "steps of the attack")


def plot_survival(path: str | Path, points: Sequence[Point], title: str) -> None:
    """Bars of what is fooled by each way to the victim, of photos whose natural picture is right that way."""
    ways = list(dict.fromkeys(way for one in points for way in one.ways))
    with _figure(path, title) as axes:
        width = 0.8 / max(len(points), 1)
        for k, (one, colour) in enumerate(zip(points, cycle(COLOURS), strict=False)):
            shown = [(place, one.survival(way)[1]) for place, way in enumerate(ways) if way in one.ways]
            shown = [(place, share) for place, share in shown if share.count]
            places = [place + (k - (len(points) - 1) / 2) * width for place, _ in shown]
            values = [100 * share.value for _, share in shown]
            errors = [
                [100 * max(0.0, share.value - share.low) for _, share in shown],
                [100 * max(0.0, share.high - share.value) for _, share in shown],
            ]
            axes.bar(places, values, width, color=colour, label=f"{one.attack}, ε {one.epsilon:.3g}")
            axes.errorbar(places, values, errors, fmt="none", ecolor="#555555", elinewidth=0.8, capsize=2)
        axes.set_xticks(range(len(ways)), ways, rotation=30, ha="right")
        axes.set_ylim(0, 100)
        axes.set_ylabel("fooled (%)")
        axes.grid(visible=False, axis="x")
        axes.legend(fontsize=8, frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))


def styled(curves: Sequence[Curve]) -> Iterator[tuple[Curve, dict[str, Any]]]:
    """Each curve with its colour and marker; a yardstick has those of the curve before it, dashed and hollow."""
    looks, look = cycle(zip(COLOURS, MARKERS, strict=True)), (COLOURS[0], MARKERS[0])
    for place, curve in enumerate(curves):
        yardstick = curve.name.startswith(YARDSTICK)
        look = look if yardstick and place else next(looks)
        style: dict[str, Any] = {"color": look[0], "marker": look[1]}
        yield curve, style | ({"linestyle": "--", "markerfacecolor": "white"} if yardstick else {})


def _band(axes: Any, points: Sequence[tuple[float, Point]], name: str, style: dict[str, Any]) -> None:
    """A line with its interval."""
    if not points:
        return
    xs, shares = [x for x, _ in points], [one.accuracy for _, one in points]
    axes.plot(xs, [100 * each.value for each in shares], label=name, markersize=4.5, linewidth=1.5, **style)
    low, high = [100 * each.low for each in shares], [100 * each.high for each in shares]
    axes.fill_between(
        xs, low, high, color=style["color"], alpha=0.05 if "linestyle" in style else 0.12, linewidth=0
    )


def _labels(axes: Any, x: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel("accuracy of the victim (%)")
    axes.set_ylim(0, 100)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


@contextmanager
def _figure(path: str | Path, title: str) -> Iterator[Any]:
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
