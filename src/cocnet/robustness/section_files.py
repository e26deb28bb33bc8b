"""Sections of a report as Markdown, and as one page of HTML that needs nothing beside it.

Enters: a title, `ReportSection`s, paths of plots. Leaves: text.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader

from cocnet.files.atomic import atomic_path
from cocnet.files.markdown import plain, table
from cocnet.robustness.sweep_sections import ReportSection


@dataclass(frozen=True)
class Figure:
    """A picture in base64, or none, with its caption."""

    caption: str
    data: str = ""
    format: str = "jpeg"


@dataclass(frozen=True)
class AttackGallery:
    """What one method did to a photo."""

    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class PhotoGallery:
    """A photo as it was, then what each victim and method made of it."""

    title: str
    figures: tuple[Figure, ...]
    attacks: tuple[AttackGallery, ...]


def sections_markdown(title: str, sections: Sequence[ReportSection], plots: Sequence[Path] = ()) -> str:
    """Headings, sentences, tables, then the plots by their names."""
    lines = [f"# {plain(title)}"]
    for section in sections:
        lines += ["", f"## {plain(section.title)}", ""] if section.title else [""]
        lines += [f"- {plain(line)}" for line in section.lines]
        if section.rows:
            lines += [""] if section.lines else []
            lines += table(section.head, section.rows)
    lines += [line for plot in plots for line in ("", f"![{plain(plot.stem)}]({quote(plot.name)})")]
    return "\n".join([*lines, ""])


def sections_page(
    title: str,
    sections: Sequence[ReportSection],
    plots: Sequence[Path] = (),
    gallery: Sequence[PhotoGallery] = (),
) -> str:
    """The page, plots and photos in it."""
    template = Environment(loader=PackageLoader("cocnet", "robustness"), autoescape=True)
    return template.get_template("report.html").render(
        title=title,
        sections=sections,
        plots=[Figure(one.stem, base64.b64encode(one.read_bytes()).decode(), "png") for one in plots],
        gallery=gallery,
    )


def write_text(path: Path, text: str) -> None:
    """Whole or not at all. Raises FileError."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
