"""A run's summary as files: JSON for machines, CSV of all records, Markdown and a page with pictures for eyes.

Enters: a summary and its records. Leaves: robustness.json, .csv, .md, .html and plots in the run's folder.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cocnet import __version__
from cocnet.errors import FileError, MissingExtraError
from cocnet.files.atomic import atomic_path, write_json
from cocnet.files.markdown import table
from cocnet.robustness.html_page import html_page
from cocnet.robustness.plots import write_plots
from cocnet.robustness.records import AttackRecord, flat
from cocnet.robustness.report_sections import report_sections, title_of
from cocnet.robustness.settings import RobustnessRun
from cocnet.robustness.summary import Summary

NAME = "robustness"


def write_robustness(run: RobustnessRun, summary: Summary, records: Sequence[AttackRecord]) -> Path:
    """Write all of them; returns the page. Raises FileError."""
    write_json(run.out / f"{NAME}.json", {"cocnet": __version__} | asdict(summary))
    _write_table(run.out / f"{NAME}.csv", [flat(record) for record in records])
    plots: list[Path] = []
    notes: list[str] = []
    try:
        plots += write_plots(run.out, summary)
    except MissingExtraError as error:
        notes.append(f"no plots: {error}")
    _write(run.out / f"{NAME}.md", markdown(summary, plots, notes))
    _write(run.out / f"{NAME}.html", html_page(summary, records, plots, notes))
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


def markdown(summary: Summary, plots: Sequence[Path] = (), notes: Sequence[str] = ()) -> str:
    """All sections as Markdown."""
    lines = [f"# {title_of(summary)}"]
    for section in report_sections(summary, notes):
        lines += ["", f"## {section.title}", ""] if section.title else [""]
        lines += [f"- {line}" for line in section.lines]
        if section.rows:
            lines += [""] if section.lines else []
            lines += table(section.head, section.rows)
    lines += [line for plot in plots for line in ("", f"![{plot.stem}]({plot.name})")]
    return "\n".join([*lines, ""])


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
