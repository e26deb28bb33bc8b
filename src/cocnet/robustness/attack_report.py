"""A run's summary as files: JSON for machines, CSV of all records, Markdown and a page with pictures for eyes.

Enters: a summary and its records. Leaves: robustness.json, .csv, .md, .html and plots in the run's folder.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from cocnet import __version__
from cocnet.errors import MissingExtraError
from cocnet.files.atomic import write_json
from cocnet.files.csv_file import write_csv
from cocnet.files.json_file import an_object, read_json
from cocnet.robustness.html_page import html_page
from cocnet.robustness.plots import write_plots
from cocnet.robustness.records import AttackRecord, flat
from cocnet.robustness.report_sections import report_sections, title_of
from cocnet.robustness.run_settings import RobustnessRun
from cocnet.robustness.section_files import sections_markdown, write_text
from cocnet.robustness.summary import Summary

NAME = "robustness"
T = TypeVar("T")


def write_robustness(run: RobustnessRun, summary: Summary, records: Sequence[AttackRecord]) -> Path:
    """Write all of them; returns the page. Raises FileError."""
    write_json(run.out / f"{NAME}.json", {"cocnet": __version__} | asdict(summary))
    write_csv(run.out / f"{NAME}.csv", [flat(record) for record in records])
    plots: list[Path] = []
    notes: list[str] = []
    try:
        plots += write_plots(run.out, summary)
    except MissingExtraError as error:
        notes.append(f"no plots: {error}")
    write_text(run.out / f"{NAME}.md", markdown(summary, plots, notes))
    write_text(run.out / f"{NAME}.html", html_page(summary, records, plots, notes))
    return run.out / f"{NAME}.html"


def read_summary(folder: str | Path, use: Callable[[dict[str, Any]], T] = dict) -> T:  # type: ignore[assignment]
    """What `use` makes of a run's robustness.json [all of it]. Raises FileError for no run, or a damaged one."""
    hint = f"cocnet evaluate robustness -o {folder}"
    what = f"a finished run with {NAME}.json"
    return read_json(Path(folder) / f"{NAME}.json", what, hint, lambda found: use(an_object(found)))


def markdown(summary: Summary, plots: Sequence[Path] = (), notes: Sequence[str] = ()) -> str:
    """All sections as Markdown."""
    return sections_markdown(title_of(summary), report_sections(summary, notes), plots)
