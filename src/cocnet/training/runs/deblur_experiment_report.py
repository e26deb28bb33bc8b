"""The experiment with bokeh as training data, told: tables of means with intervals, and a plain sentence.

Enters: the folder of `deblur_experiment`. Leaves: experiment.md. Intervals are Student's, of 95 %, over the seeds'
mean differences to the way without new data at the same seed.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from cocnet.files.atomic import atomic_path
from cocnet.files.json_file import an_object, read_json
from cocnet.files.markdown import table
from cocnet.metrics.formatting import title

T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
WAYS = ("none", "natural", "random", "adversarial")
SAID = {
    "none": "no new data",
    "natural": "natural bokeh",
    "random": "depth moved at random",
    "adversarial": "adversarial bokeh",
}


def write_report(out: Path, seeds: Sequence[int], metrics: Sequence[str]) -> Path:
    """Write experiment.md from the scores that are there; returns its path."""
    path = out / "experiment.md"
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(report_lines(out, seeds, metrics)) + "\n", encoding="utf-8")
    return path


def report_lines(out: Path, seeds: Sequence[int], metrics: Sequence[str]) -> list[str]:
    """The report's lines."""
    start = _scores(out / "start")
    lines: list[str] = []
    for label in [name for name in start if not name.endswith(", blurred")]:
        lines += [f"### {label.capitalize()} pairs ({len(start[label])})", ""]
        rows = [["blurred", *_plain(start[f"{label}, blurred"], metrics)]]
        rows.append(["before fine-tuning", *_plain(start[label], metrics)])
        for way in WAYS:
            means = [_means(_scores(out / f"{way}-{seed}")[label], metrics) for seed in seeds]
            rows.append([SAID[way], *(f"{mean(m[k] for m in means):.4f}" for k in metrics)])
        lines += [*table(["", *(title(name) for name in metrics)], rows), ""]
        rows = []
        for way in WAYS[1:]:
            found = [differences(out, label, way, seeds, metric) for metric in metrics]
            rows.append([SAID[way], *(f"{m:+.4f} ± {h:.4f}" for m, h in found)])
        lines += [*table([f"less no new data, {len(seeds)} seeds", *metrics], rows), ""]
    return [*lines, *(verdict(out, label, seeds) for label in start if not label.endswith(", blurred"))]


def differences(
    out: Path, label: str, way: str, seeds: Sequence[int], metric: str, beside: str = "none"
) -> tuple[float, float]:
    """Mean over seeds of a way's score less another's [no new data], and half its interval."""
    values = [
        _means(_scores(out / f"{way}-{seed}")[label], [metric])[metric]
        - _means(_scores(out / f"{beside}-{seed}")[label], [metric])[metric]
        for seed in seeds
    ]
    if len(values) < 2:
        return values[0], math.inf
    return mean(values), T_95[min(len(values) - 1, max(T_95))] * stdev(values) / math.sqrt(len(values))


def verdict(out: Path, label: str, seeds: Sequence[int]) -> str:
    """Whether adversarial bokeh helps, in PSNR, beside no new data and beside natural bokeh."""
    gain, half = differences(out, label, "adversarial", seeds, "psnr")
    others = [
        f"beside {SAID[way]} {least:+.3f} ± {width:.3f} dB"
        for way in WAYS[1:-1]
        for least, width in [differences(out, label, "adversarial", seeds, "psnr", way)]
    ]
    return (
        f"On {label} pairs adversarial bokeh {_said(gain, half)}: {gain:+.3f} ± {half:.3f} dB beside no new data; "
        f"{', '.join(others)}.\n"
    )


def _said(gain: float, half: float) -> str:
    if abs(gain) <= half:
        return "makes no difference that these seeds can show"
    return "helps" if gain > 0 else "harms"


def _plain(scores: dict[str, dict[str, float]], metrics: Sequence[str]) -> list[str]:
    means = _means(scores, metrics)
    return [f"{means[name]:.4f}" for name in metrics]


def _means(scores: dict[str, dict[str, float]], metrics: Sequence[str]) -> dict[str, float]:
    return {name: mean(row[name] for row in scores.values()) for name in metrics}


def _scores(folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    hint = "the same command, which goes on"
    return read_json(folder / "scores.json", "the scores of an experiment", hint, an_object)
