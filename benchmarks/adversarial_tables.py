"""Tables of docs/adversarial.md, as Markdown, from stored runs.

Enters: `RunFacts`. Leaves: text. Shares are percent, with the interval of 95 %.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch

from cocnet.files.markdown import table
from cocnet.metrics import Interval
from cocnet.renderers import Setup
from cocnet.robustness.claims import Claim
from cocnet.robustness.methods import parts_of
from cocnet.robustness.published_tables23 import ACCURACY, FAMILIES, METHODS
from cocnet.robustness.run_facts import RunFacts, hits, interval_of
from cocnet.robustness.run_settings import RobustnessRun

PLACES = (
    "data",
    "out",
    "epsilons",
    "methods",
    "report_only",
    "threads",
    "device",
    "metrics",
    "pictures",
    "batch",
)


def command(name: str, run: RunFacts) -> str:
    """The command that makes a run; its methods are spelled with their ε."""
    settings = run.facts["run"]
    words = ["cocnet evaluate robustness --data NIPS2017", "--methods", *run.methods]
    for field in fields(RobustnessRun):
        value = settings.get(field.name, field.default)
        plain = list(field.default) if isinstance(field.default, tuple) else field.default
        if field.name not in PLACES and value != plain:
            option = "--" + field.name.replace("_", "-")
            many = isinstance(value, list)
            words += [option, *([str(x) for x in value] if many else [] if value is True else [str(value)])]
    words += ["--depths", "DEPTHS"] if settings.get("depth_kind") else []  # their folder isn't stored
    return " ".join([*words, "-o", f"runs/{name}"])


def state(run: RunFacts) -> str:
    """How far a run is: finished, or on how many of the photos each victim was attacked."""
    if not run.unfinished:
        return "finished"
    return "a part; attacked so far: " + ", ".join(
        f"{victim} {attacked(run, victim)}" for victim in run.victims
    )


def attacked(run: RunFacts, victim: str) -> str:
    """How many photos a victim was attacked on, from the method that has fewest to the one that has most."""
    rows = (run.score(victim, method) for method in run.methods)
    counts = sorted({0 if row is None else row["right"]["count"] for row in rows})
    if counts == [run.photos]:
        return f"{run.photos} photos"
    return f"{' to '.join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))} of {run.photos} photos"


def setup_facts(run: RunFacts) -> dict[str, float]:
    """What nearness means: px of radius and dioptres of its whole range, px of the farthest point's radius."""
    settings = run.facts["run"]
    setup = Setup(f_number=settings["f_number"], focus_m=settings["focus_m"])
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64).view(2, 1, 1, 1).expand(2, 1, 1, settings["size_px"])
    far, near = (float(x) for x in setup.radius_px(ends)[:, 0, 0, 0])
    return {"px": abs(far - near), "dioptres": setup.dioptres, "far_px": abs(far), "focus_m": setup.focus_m}


def methods_table(run: RunFacts, victim: str) -> str:
    """What each method does to one victim; the paper's accuracy beside it where it has that victim."""
    printed = {name: paper for paper, name in FAMILIES.items() if victim.startswith(name)}
    paper = ACCURACY[next(iter(printed.values()))] if printed else ()
    rows = [
        _row("all-in-focus", "", _paper(paper, "aif"), run.accuracy(victim, False)),
        _row("natural bokeh", "", _paper(paper, "bokeh"), run.accuracy(victim, True)),
    ]
    for method in run.methods:
        score = run.score(victim, method)
        if score is not None:
            epsilon = "" if score["epsilon"] is None else f"{score['epsilon']:g}"
            right, found, saved = (
                run.share(victim, method, what) for what in ("right_saved", "success", "success_saved")
            )
            psnr = run.psnr_db(victim, method)
            rows.append(_row(method, epsilon, _paper(paper, method), right, found, saved, psnr))
    head = ("", "ε", "right (file)", "fooled, as found", "fooled (file)", "PSNR to bokeh")
    if paper:
        return _text((*head, "the paper: right"), rows)
    return _text(head, [row[:-1] for row in rows])


def transfer_table(run: RunFacts, methods: Sequence[str]) -> str:
    """What is fooled of another victim, of the photos that both name rightly; own and allied victims are left out."""
    rows = []
    for method in methods:
        allies = [part[5:].split("+") for part in parts_of(method) if part.startswith("with=")]
        for source, target, share in run.transfer(method):
            if not allies or target not in allies[0]:
                rows.append((method, source, target, f"{hits(share)} of {share.count}", percent(share)))
    return _text(("method", "made against", "seen by", "fooled", "%"), rows)


def sweep_table(run: RunFacts, victim: str) -> str:
    """Accuracy of files against ε."""
    sweeps = [one for one in run.facts["epsilon_sweeps"] if one["victim"] == victim]
    epsilons = sorted({point["epsilon"] for one in sweeps for point in one["points"]})
    rows = []
    for one in sweeps:
        points = {point["epsilon"]: point for point in one["points"]}
        cells = [
            f"{percent(interval_of(points[e]['right_saved']))}; {_db(points[e]['median_psnr_db'])}"
            if e in points
            else "–"
            for e in epsilons
        ]
        rows.append((one["name"], *cells))
    return _text(("", *(f"{epsilon:g}" for epsilon in epsilons)), rows)


def survival_table(run: RunFacts, victim: str) -> str:
    """Fooled after each transform, of photos whose natural bokeh is right there; and what is left of what fooled."""
    survived = [one for one in run.facts["survival"] if one["victim"] == victim]
    transforms = list(dict.fromkeys(one["transform"] for one in survived))
    rows = []
    for method in dict.fromkeys(one["method"] for one in survived):
        cells = []
        for transform in transforms:
            one = run.survival(victim, method, transform)
            cells.append("–" if one is None else _left(one))
        rows.append((method, *cells))
    return _text(("", *transforms), rows)


def claims_table(claims: Sequence[Claim]) -> str:
    """Each claim's verdict, how it was judged, and all its figures."""
    rows = [
        (
            one.text,
            one.verdict,
            one.rule,
            "; ".join(f"{case.of}: {case.figures}" for case in one.cases) or "–",
        )
        for one in claims
    ]
    return _text(("the claim", "verdict", "judged by", "figures"), rows)


def gain_table(gain: Mapping[str, Any]) -> str:
    """The rows of benchmarks/depth_gain.py."""
    return _text(gain["head"], gain["rows"])


def percent(share: Interval | None) -> str:
    """Whole percent with the interval, a dash for none."""
    if share is None:
        return "–"
    return f"{100 * share.value:.0f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def _row(
    name: str,
    epsilon: str,
    paper: str,
    right: Interval | None,
    found: Interval | None = None,
    saved: Interval | None = None,
    psnr: Interval | None = None,
) -> tuple[str, ...]:
    of = "" if saved is None else f" of {saved.count}"
    close = "–" if psnr is None else f"{psnr.value:.1f} dB"
    all_of = "" if right is None else f" of {right.count}"
    return name, epsilon, percent(right) + all_of, percent(found), percent(saved) + of, close, paper


def _paper(printed: Sequence[float], method: str) -> str:
    return f"{100 * printed[METHODS.index(method)]:.1f}" if printed and method in METHODS else "–"


def _left(one: Mapping[str, Any]) -> str:
    fooled, still = interval_of(one["fooled"]), interval_of(one["still"])
    again = "–" if still is None else f"{hits(still)} of {still.count}"
    return f"{percent(fooled)}; {again}"


def _db(value: Any) -> str:
    return "equal" if math.isinf(float(value)) else f"{float(value):.0f} dB"


def _text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(table(head, rows)) if rows else "Nothing was measured."
