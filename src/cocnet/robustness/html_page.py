"""The report as one HTML file that needs nothing beside it.

Enters: a summary, its sections, records, and the run's files. Leaves: HTML. Pictures are JPEG, for looking at; what
was measured are the PNG files of the run.
"""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from safetensors.torch import load_file
from torch import Tensor

from cocnet.robustness.class_names import class_name
from cocnet.robustness.pictures import as_text, coloured, difference, near_colours
from cocnet.robustness.records import Record
from cocnet.robustness.run_layout import Places, load_picture, load_plane
from cocnet.robustness.summary import NO_ATTACK, Summary

if TYPE_CHECKING:
    from cocnet.robustness.attack_report import Section

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 80em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: .5em 0 1.5em; display: block; overflow-x: auto; }
td, th { border-bottom: 1px solid #ddd; padding: .25em .7em; text-align: left; white-space: nowrap; }
figure { display: inline-block; margin: 0 .6em 1em 0; width: 224px; vertical-align: top; }
figure img { width: 100%; } figcaption { font-size: 13px; } h3 { margin-bottom: .4em; }
"""


def page(summary: Summary, sections: "Sequence[Section]", records: Sequence[Record]) -> str:
    """The whole file. Raises FileError where a picture of the run is missing."""
    from cocnet.robustness.attack_report import title_of

    title = escape(title_of(summary))
    body = [f"<h1>{title}</h1>", *(_section(one) for one in sections), *_gallery(summary, records)]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f"<!doctype html>\n<html><head>{head}</head><body>\n" + "\n".join(body) + "\n</body></html>\n"


def _section(section: "Section") -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"] if section.title else []
    parts.append("<ul>" + "".join(f"<li>{escape(line)}</li>" for line in section.lines) + "</ul>")
    if section.rows:
        lines = ["".join(f"<th>{escape(cell)}</th>" for cell in section.head)]
        lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in section.rows]
        parts.append("<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>")
    return "\n".join(parts)


def _gallery(summary: Summary, records: Sequence[Record]) -> list[str]:
    """The first photos that every victim names rightly, else the first ones."""
    rows: dict[str, list[Record]] = {}
    for record in records:
        rows.setdefault(record.stem, []).append(record)
    ranked = sorted(rows, key=lambda stem: -sum(record.counts for record in rows[stem]))
    return [_photo(summary, rows[stem]) for stem in ranked[: summary.run.pictures]]


def _photo(summary: Summary, records: Sequence[Record]) -> str:
    """A photo as it was, then a line for each victim and method."""
    places, first = Places(summary.run.out), records[0]
    shown: list[tuple[Tensor | None, str]] = [
        (load_picture(places.photo(first.stem)), "photo"),
        (load_picture(places.natural(first.stem)), "natural bokeh"),
        (near_colours(load_plane(places.depth(first.stem))), "nearness: yellow near, blue far"),
    ]
    label = class_name(first.label, summary.classes)
    parts = [f"<h2>{escape(first.photo)}: {escape(label)}</h2>", *(_figure(*one) for one in shown)]
    parts += [_attacked(summary, places, one) for one in records if one.method not in NO_ATTACK]
    return "\n".join(parts)


def _attacked(summary: Summary, places: Places, record: Record) -> str:
    natural = load_picture(places.natural(record.stem))
    made = load_picture(places.picture(record.victim, record.method, record.stem))
    seen = class_name(record.prediction_saved, summary.classes)
    shown: list[tuple[Tensor | None, str]] = [
        (made, f"seen as {seen}{', fooled' if record.success_saved else ''}"),
        (difference(natural, made), "file − natural bokeh, × 10"),
        *_change(places, record),
    ]
    title = f"<h3>{escape(record.method)} on {escape(record.victim)}</h3>"
    return title + "".join(_figure(*one) for one in shown)


def _change(places: Places, record: Record) -> list[tuple[Tensor | None, str]]:
    """δ in colours, or the camera in words; nothing for methods that change neither."""
    if record.camera is not None:
        focus, f_number, focal_m = record.camera
        return [(None, f"focus at {1 / focus:.2f} m, f/{f_number:.2f}, {1000 * focal_m:.0f} mm")]
    if record.delta is None or record.delta["max nearness"] == 0:
        return []
    after = load_file(places.changed(record.victim, record.method, record.batch))["depth"][record.row]
    scale = record.delta["max nearness"]
    picture = coloured(after - load_plane(places.depth(record.stem)), scale)
    return [
        (picture, f"δ of nearness: red +{scale:.2g}, blue −{scale:.2g} ({record.delta['max px']:.2g} px)")
    ]


def _figure(picture: Tensor | None, caption: str) -> str:
    shown = "" if picture is None else f'<img alt="" src="data:image/jpeg;base64,{as_text(picture)}">'
    return f"<figure>{shown}<figcaption>{escape(caption)}</figcaption></figure>"
