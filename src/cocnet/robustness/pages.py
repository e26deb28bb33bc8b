"""The questions' answers as a Markdown page.

Enters: curves over ε and over effort, the points at which survival and δ are told. Leaves: the page's text; shares
are percent with Wilson's interval of 95 %.
"""

from collections.abc import Sequence

import torch

from cocnet.files.markdown import table
from cocnet.metrics import Interval, mcnemar
from cocnet.robustness.curves import Curve, at_similarity, settled, shared_levels
from cocnet.robustness.measurement import Point, share

DELTA = {
    "largest": "largest, nearness",
    "mean": "mean",
    "largest_dioptres": "largest, 1/m",
    "mean_dioptres": "mean, 1/m",
    "largest_px": "largest, px of CoC radius",
    "mean_px": "mean, px",
    "reversed_pairs": "neighbours whose order turned",
    "split_ties": "ties split",
    "smoothness": "smoothness",
}


def page(name: str, curves: Sequence[Curve], effort: Sequence[Curve], shown: Sequence[Point]) -> str:
    """All tables."""
    first = curves[0].points[0]
    clean, natural = (percent(share(column)) for column in (first.clean, first.natural))
    lines = [
        f"# {name}",
        "",
        f"{len(first.right)} photos: {clean} % named rightly as they are, {natural} % in natural bokeh, "
        f"{sum(first.counted)} in both; an attack is counted on these. "
        "Brackets: 95 % (Wilson). Unless full, an attack ends with the first picture that fools.",
    ]
    sections = (
        ("Accuracy (%) after an attack of budget ε (nearness)", _epsilon(curves)),
        ("Accuracy (%) where pictures are equally alike to natural bokeh (ε)", _similarity(curves)),
        ("What still fools (%)", _survival(shown)),
        ("What a change of depth is, mean of photos", _delta(shown)),
        ("Accuracy (%) after so many steps", _effort(effort)),
    )
    for head, body in sections:
        lines += ["", f"## {head}", "", *(body or ["Not asked, or nothing to compare."])]
    return "\n".join([*lines, ""])


def percent(share: Interval) -> str:
    """Whole percent with the interval, a dash for none."""
    return f"{100 * share.value:.0f} [{100 * share.low:.0f}, {100 * share.high:.0f}]" if share.count else "–"


def _epsilon(curves: Sequence[Curve]) -> list[str]:
    head = ["attack", *(f"{one.epsilon:g}" for one in curves[0].points)]
    lines = table(head, [[curve.name, *(percent(one.accuracy) for one in curve.points)] for curve in curves])
    more = [[curve.name, *(f"{one.similarity_db:.1f}" for one in curve.points)] for curve in curves]
    lines += ["", "Median PSNR (dB) to natural bokeh:", "", *table(head, more)]
    rows = [[one.name, *map(_odds, curves[0].points, one.points)] for one in curves[1:]]
    if not rows:
        return lines
    about = f"Photos that only {curves[0].name} or only the other fools, and McNemar's p:"
    return [*lines, "", about, "", *table(head, rows)]


def _odds(first: Point, second: Point) -> str:
    """Two attacks on the same photos."""
    fooled = [~torch.tensor(one.right) & torch.tensor(one.counted) for one in (first, second)]
    found = mcnemar(*fooled)
    return f"{found.only_first} : {found.only_second}, p {found.p:.2g}"


def _similarity(curves: Sequence[Curve]) -> list[str]:
    levels = shared_levels(curves)
    if not levels:
        return []
    rows = []
    for curve in curves:
        found = [at_similarity(curve, level) for level in levels]
        cells = ["" if one is None else f"{100 * one.accuracy:.0f} ({one.epsilon:.2g})" for one in found]
        rows.append([curve.name, *cells])
    return table(["attack", *(f"{level:g} dB" for level in levels)], rows)


def _survival(shown: Sequence[Point]) -> list[str]:
    """A table each budget, of pictures that just fool and of those that fool most; a line each way."""
    lines = [
        "Fooled, of photos whose natural picture is right by that way; then of those fooled as found.",
    ]
    for title in dict.fromkeys(map(_group, shown)):
        points = [one for one in shown if _group(one) == title]
        head = [title, "natural right", *(one.attack for one in points)]
        lines += ["", *table(head, [_way(way, points) for way in points[0].ways])]
    return lines if shown else []


def _way(way: str, points: Sequence[Point]) -> list[str]:
    cells = [way, percent(points[0].survival(way)[0])]
    for one in points:
        _, fooled, still = one.survival(way)
        again = f"{100 * still.value:.0f} of {still.count}" if still.count else "–"
        cells.append(f"{percent(fooled)} of {fooled.count}; {again}")
    return cells


def _group(one: Point) -> str:
    return f"ε {one.epsilon:.3g}, {_kind(one)}"


def _title(one: Point) -> str:
    return f"{one.attack}, ε {one.epsilon:.3g}"


def _kind(one: Point) -> str:
    return "full" if one.full else "first"


def _delta(shown: Sequence[Point]) -> list[str]:
    rows = [
        [f"{_title(one)} ({_kind(one)})", *(f"{_mean(one, name):.2g}" for name in DELTA)]
        for one in shown
        if one.delta
    ]
    return table(["attack", *DELTA.values()], rows) if rows else []


def _mean(one: Point, name: str) -> float:
    """Over photos that have a value and count."""
    pairs = zip(one.delta[name], one.counted, strict=True)
    values = [value for value, counts in pairs if counts and value == value]
    return sum(values) / len(values) if values else float("nan")


def _effort(effort: Sequence[Curve]) -> list[str]:
    if not effort:
        return []
    head = ["attack", *(str(one.steps) for one in effort[0].points), "nothing changes after"]
    rows = [[one.name, *(percent(p.accuracy) for p in one.points), _steps(settled(one))] for one in effort]
    return table(head, rows)


def _steps(number: int | None) -> str:
    return "not yet" if number is None else f"{number} step{'s' * (number > 1)}"
