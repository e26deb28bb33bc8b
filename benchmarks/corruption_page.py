"""docs/bokeh-corruptions.md from the reports of `cocnet evaluate corruptions`: its tables, curves and verdicts.

    cocnet corrupt PHOTOS -o set
    cocnet evaluate corruptions --data set --victims mobilenet_v2 efficientnet_lite0 -o runs/corruptions
    python benchmarks/corruption_page.py --report runs/corruptions

The classifiers' JSON files are kept in benchmarks/corruption_runs/, the curves in docs/pictures/; without --report
the page is written from what is kept.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cocnet.augment.corruptions import CONTROL, CORRUPTIONS, MEAN_COC
from cocnet.files.markdown import table
from cocnet.metrics import Interval
from cocnet.robustness.corruption_scores import CorruptionScore
from cocnet.robustness.plots import plot_severities
from cocnet.robustness.section_files import write_text

HERE = Path(__file__).resolve().parent
RUNS, PAGE, PICTURES = (
    HERE / "corruption_runs",
    HERE.parent / "docs/bokeh-corruptions.md",
    HERE.parent / "docs/pictures",
)
NEAR, FAR = "near_focus", "far_focus"
LITTLE = 0.02  # of accuracy
UNTOLD = "not told"
BEFORE_THE_CUT = (
    "The set was made before radii counted as the renderer cuts them, at a quarter of the width: by today's depth 1 "
    "of these photos has less blur at severity 5 than it says, 2.99 % under far_focus, 2.81 % under background_focus."
)


def read_scores(folder: Path = RUNS) -> list[CorruptionScore]:
    """What is kept, by the classifiers' names."""
    return [_score(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]


def _score(facts: dict[str, Any]) -> CorruptionScore:
    def interval(told: dict[str, Any]) -> Interval:
        return Interval(**{name: told[name] for name in Interval.__dataclass_fields__})

    return CorruptionScore(
        facts["victim"],
        facts["about"],
        facts["photos"],
        interval(facts["clean"]),
        {
            name: {int(s): interval(one) for s, one in shares.items()}
            for name, shares in facts["accuracy"].items()
        },
        {int(s): interval(one) for s, one in facts["always"].items()},
        facts.get("numbering", UNTOLD),
    )


def of_them(scores: Sequence[CorruptionScore], holds: Callable[[CorruptionScore], bool]) -> str:
    """How many classifiers something holds for, in words."""
    count = sum(map(holds, scores))
    return f"all {count}" if count == len(scores) else f"{count} of {len(scores)}"


def points(values: Sequence[float]) -> str:
    """The range of differences, in points."""
    low, high = 100 * min(values), 100 * max(values)
    return f"{low:+.1f} to {high:+.1f} points"


def verdicts(scores: Sequence[CorruptionScore]) -> list[str]:
    """Is near or far focus worse; does real depth hurt more or less than one blur of the same mean."""
    apart = [score.error(FAR) - score.error(NEAR) for score in scores]
    worse, other = (FAR, NEAR) if sum(apart) > 0 else (NEAR, FAR)
    sign = 1 if worse == FAR else -1
    held = of_them(scores, lambda score: score.error(worse) > score.error(other))
    differ = points([sign * one for one in apart])
    told = [f"**{worse} is worse than {other}** for {held} classifiers: mean errors differ by {differ}."]
    less = [sum(s.effective(name) or 0 for name in s.bokeh) / len(s.bokeh) for s in scores]
    word = "less" if sum(less) > 0 else "more"
    held = of_them(scores, lambda score: score.mean_error < score.error(CONTROL))
    told.append(
        f"**Blur by real depth hurts {word} than one blur of the same mean CoC**: mean accuracy is higher under "
        f"bokeh than under {CONTROL} for {held} classifiers, by {points(less)}."
    )
    names = [name for name in scores[0].bokeh if _above(scores, name) < LITTLE]
    if word == "less" and names:
        means = ", ".join(f"{name} ({100 * _above(scores, name):+.1f} points)" for name in names)
        told.append(
            "Depth helps little or not at all where the focus misses the subject; accuracy above one_blur's, mean of "
            f"the classifiers: {means}."
        )
    always = [max(s.always) for s in scores]
    fall = [
        sum(s.accuracy[n][k].value for n in s.bokeh) / len(s.bokeh) - s.always[k].value
        for s, k in zip(scores, always, strict=True)
    ]
    told.append(
        f"The worst camera: at severity {always[0]} the share of photos that are right under every setting lies "
        f"below the mean setting's accuracy by {points(fall)}."
    )
    return told


def _above(scores: Sequence[CorruptionScore], name: str) -> float:
    """Accuracy above the control's, the mean over classifiers."""
    return sum(score.effective(name) or 0 for score in scores) / len(scores)


def page(scores: Sequence[CorruptionScore]) -> str:
    """The whole page."""
    count, half = scores[0].photos, max(100 * (s.clean.high - s.clean.low) / 2 for s in scores)
    names = [name for name in CORRUPTIONS if name in scores[0].accuracy]
    lines = [
        "# What bokeh does to classifiers",
        "",
        "Written by `benchmarks/corruption_page.py` from what `cocnet evaluate corruptions` measured;",
        f"{count} photos of the NeurIPS-2017 set at 224², depth by the built-in estimator; mean CoC by severity "
        + ", ".join(f"{100 * MEAN_COC[s]:g} %" for s in sorted(scores[0].accuracy[CONTROL]))
        + f" of the width. With so many photos an accuracy is known to ± {half:.0f} points; differences between "
        "columns are of the same photos.",
        *(["", BEFORE_THE_CUT] if any(score.numbering == UNTOLD for score in scores) else []),
        "",
        *(f"- {told}" for told in verdicts(scores)),
        "",
        "Error in %, the mean over severities; in brackets the accuracy above the control's, in points:",
        "",
        *table(("", *(s.victim for s in scores)), [*(_row(scores, name) for name in names), *_means(scores)]),
        "",
        "Accuracy in % by severity, the mean of the classifiers:",
        "",
        *table(("", *(f"severity {s}" for s in sorted(scores[0].accuracy[CONTROL]))), _by_severity(scores)),
    ]
    for score in scores:
        lines += ["", f"![Accuracy of {score.victim} against severity](pictures/{picture(score.victim)})"]
    return "\n".join([*lines, ""])


def picture(victim: str) -> str:
    """The file of a classifier's curves."""
    return f"corruptions-{victim}.png"


def _row(scores: Sequence[CorruptionScore], name: str) -> tuple[str, ...]:
    cells = []
    for score in scores:
        above = "" if name == CONTROL else f" ({100 * (score.effective(name) or 0):+.1f})"
        cells.append(f"{100 * score.error(name):.1f}{above}")
    return (name, *cells)


def _means(scores: Sequence[CorruptionScore]) -> list[tuple[str, ...]]:
    return [
        ("mean corruption error", *(f"{100 * s.mean_error:.1f}" for s in scores)),
        ("the photos themselves", *(f"{100 * (1 - s.clean.value):.1f}" for s in scores)),
    ]


def _by_severity(scores: Sequence[CorruptionScore]) -> list[tuple[str, ...]]:
    severities = sorted(scores[0].accuracy[CONTROL])

    def mean(value: Callable[[CorruptionScore], float]) -> str:
        return f"{100 * sum(map(value, scores)) / len(scores):.1f}"

    def at(name: str, severity: int) -> str:
        return mean(lambda score: score.accuracy[name][severity].value)

    def worst(severity: int) -> str:
        return mean(lambda score: score.always[severity].value)

    rows = [(name, *(at(name, s) for s in severities)) for name in scores[0].accuracy]
    return [*rows, ("right under all but the control", *map(worst, severities))]


def main() -> None:
    """Keep a report, then write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--report", type=Path, nargs="*", default=[])
    RUNS.mkdir(exist_ok=True)
    for report in parser.parse_args().report:
        for path in sorted(report.glob("*.json")):
            facts = json.loads(path.read_text(encoding="utf-8"))
            facts.pop("data")
            write_text(RUNS / path.name, json.dumps(facts, indent=1) + "\n")
    scores = read_scores()
    for score in scores:
        title = f"{score.victim}, {score.photos} photos"
        plot_severities(PICTURES / picture(score.victim), score.accuracy, title)
    write_text(PAGE, page(scores))


if __name__ == "__main__":
    main()
