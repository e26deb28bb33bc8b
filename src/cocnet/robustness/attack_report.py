"""A run's summary as files: JSON for machines, CSV of all records, Markdown and a page with pictures for eyes.

Enters: a summary and its records. Leaves: robustness.json, .csv, .md, .html in the run's folder.
"""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cocnet import __version__
from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path, write_json
from cocnet.files.markdown import table
from cocnet.metrics import Interval, metric
from cocnet.metrics.formatting import cell
from cocnet.robustness.methods import ROWS
from cocnet.robustness.records import Record, flat
from cocnet.robustness.settings import RobustnessRun
from cocnet.robustness.summary import Matrix, Pair, Score, Summary, unit_of

NAME = "robustness"


@dataclass(frozen=True)
class Section:
    """A heading, sentences, and a table or none."""

    title: str
    lines: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def write_robustness(run: RobustnessRun, summary: Summary, records: Sequence[Record]) -> Path:
    """Write all four; returns the page. Raises FileError."""
    from cocnet.robustness.html_page import page

    write_json(run.out / f"{NAME}.json", {"cocnet": __version__} | asdict(summary))
    _write(run.out / f"{NAME}.md", markdown(summary))
    _write_table(run.out / f"{NAME}.csv", [flat(record) for record in records])
    _write(run.out / f"{NAME}.html", page(summary, sections(summary), records))
    return run.out / f"{NAME}.html"


def read_summary(folder: str | Path) -> dict[str, Any]:
    """A run's robustness.json. Raises FileError where there is none."""
    path = Path(folder) / f"{NAME}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(
            f"expected a finished run with '{path.name}', got '{folder}', try cocnet evaluate robustness -o {folder}"
        ) from error
    return found


def markdown(summary: Summary) -> str:
    """All sections as Markdown."""
    lines = [f"# {title_of(summary)}"]
    for section in sections(summary):
        lines += ["", f"## {section.title}", ""] if section.title else [""]
        lines += [f"- {line}" for line in section.lines]
        if section.rows:
            lines += [""] if section.lines else []
            lines += table(section.head, section.rows)
    return "\n".join([*lines, ""])


def title_of(summary: Summary) -> str:
    """One line."""
    return f"Robustness to bokeh of {', '.join(summary.run.victims)}"


def sections(summary: Summary) -> list[Section]:
    """What a report says, in order."""
    found = [Section("", _about(summary))]
    for victim in summary.run.victims:
        scores = [one for one in summary.scores if one.victim == victim]
        found += [_success(summary, victim, scores), _distance(victim, scores)]
        if pairs := [one for one in summary.pairs if one.victim == victim]:
            found.append(_tests(victim, pairs))
    found += [part for one in summary.matrices for part in _matrix(one)]
    doubtful = tuple(f"{where}: {flag}" for where, flags in summary.flags.items() for flag in flags)
    found.append(Section("Doubts", doubtful or ("none of the usual signs",)))
    if summary.left_out:
        lines = tuple(f"{problem.name}: {problem.reason}" for problem in summary.left_out)
        found.append(Section(f"Left out: {len(lines)} photos", lines))
    return found


def _about(summary: Summary) -> tuple[str, ...]:
    run, depth = summary.run, "files" if summary.run.depths else f"the estimator {summary.run.estimator}"
    stop = "all steps" if run.full_steps else "an end where a photo is fooled"
    return (
        f"{summary.photos} photos at {run.size_px} px, rendered by {summary.renderer}, 75 mm f/{run.f_number:g}.",
        f"The nearest point is at 1 m, the farthest at 10 m, focus at {run.focus_m:g} m.",
        f"Depth from {depth}.",
        f"Attacks have {run.steps} steps, with {stop}; seed {run.seed}.",
        "Success counts photos that are named rightly before and after natural bokeh. In brackets: 95 %.",
        "“File”: the picture read back from a PNG of 8 bit. Likeness is the file's.",
        *(f"{name}: weights of {about}." for name, about in summary.about.items()),
        *summary.notes,
    )


def _success(summary: Summary, victim: str, scores: Sequence[Score]) -> Section:
    lines = (
        f"right: all-in-focus {summary.clean[victim]}, natural bokeh {summary.natural[victim]}",
        *(f"{one.method}: {ROWS[one.method.partition('@')[0]].about}" for one in scores),
    )
    head = ("", "ε", "right ↓", "right, file ↓", "success ↑", "success, file ↑", "queries", "s", "stalled")
    rows = [
        (
            one.method,
            "" if one.epsilon is None else f"{one.epsilon:.3g} {unit_of(one.method)}",
            *(span(x) for x in (one.right, one.right_saved, one.success, one.success_saved)),
            f"{one.queries:.1f}",
            f"{one.seconds:.2f}",
            f"{one.stalled:.0%}",
        )
        for one in scores
    ]
    return Section(f"{victim}: success", lines, head, tuple(rows))


def _distance(victim: str, scores: Sequence[Score]) -> Section:
    """Likeness by metric, and δ of depth."""
    metrics = list(dict.fromkeys(name for one in scores for name in one.to_photo))
    changes = ("max px", "mean px", "max dioptres", "mean dioptres", "reversed")
    columns = [
        f"{name} {metric(name).arrow} to the {what}" for what in ("photo", "bokeh") for name in metrics
    ]
    rows = [
        (
            one.method,
            *(
                _likeness(name, alike.get(name))
                for alike in (one.to_photo, one.to_natural)
                for name in metrics
            ),
            *(_small(one.delta.get(name)) for name in changes),
        )
        for one in scores
    ]
    lines = ("δ: the depth's change, as radius of blur and in 1/m; reversed: neighbours that changed order",)
    head = ("", *columns, *(f"δ {name}" for name in changes))
    return Section(f"{victim}: likeness", lines, head, tuple(rows))


def _tests(victim: str, pairs: Sequence[Pair]) -> Section:
    rows = [
        (
            f"{one.first} / {one.second}",
            str(one.test.only_first),
            str(one.test.only_second),
            f"{one.test.p:.2g}",
        )
        for one in pairs
    ]
    lines = ("McNemar's exact test of what files fool; not corrected for how many there are",)
    return Section(
        f"{victim}: methods in pairs", lines, ("", "only the first", "only the second", "p"), tuple(rows)
    )


def _matrix(matrix: Matrix) -> list[Section]:
    found = []
    for title, of, line in (
        ("right", matrix.right, "of all photos, right after an attack on the row's victim"),
        ("fooled", matrix.fooled, "of photos that both name rightly before and after natural bokeh"),
    ):
        targets = tuple(next(iter(of.values())))
        rows = tuple((source, *(span(row[target]) for target in targets)) for source, row in of.items())
        found.append(
            Section(
                f"{matrix.method}: transfer, {title}", (line,), ("made against ↓ seen by →", *targets), rows
            )
        )
    return found


def span(value: Interval) -> str:
    """A share with its interval, – for none."""
    return "–" if value.count == 0 else f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _likeness(name: str, value: Interval | None) -> str:
    """A mean score with its interval; "equal" where no picture differs in dB."""
    if value is None:
        return "–"
    if value.count == 0 or math.isnan(value.value):
        return "equal"
    return f"{cell(name, value.value)} [{cell(name, value.low)}, {cell(name, value.high)}]"


def _small(value: Interval | None) -> str:
    return "–" if value is None else f"{value.value:.2g}"


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
