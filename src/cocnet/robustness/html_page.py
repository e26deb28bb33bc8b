"""The report as one HTML file that needs nothing beside it.

Enters: a summary, records, and the run's files. Leaves: HTML. Pictures are JPEG, for looking at; what was
measured are the PNG files of the run.
"""

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from cocnet.robustness.class_names import class_name
from cocnet.robustness.method_table import NO_ATTACK
from cocnet.robustness.methods import open_method
from cocnet.robustness.pictures import as_text, coloured, difference, near_colours
from cocnet.robustness.records import AttackRecord
from cocnet.robustness.report_sections import report_sections, title_of
from cocnet.robustness.run_layout import RunLayout, load_picture, load_plane
from cocnet.robustness.section_files import AttackGallery, Figure, PhotoGallery, sections_page
from cocnet.robustness.summary import Summary


def html_page(
    summary: Summary, records: Sequence[AttackRecord], plots: Sequence[Path] = (), notes: Sequence[str] = ()
) -> str:
    """The whole file. Raises FileError where a picture of the run is missing."""
    return sections_page(
        title_of(summary), report_sections(summary, notes), plots, _gallery(summary, records)
    )


def _gallery(summary: Summary, records: Sequence[AttackRecord]) -> list[PhotoGallery]:
    """The first photos that every victim names rightly, else the first ones."""
    rows: dict[str, list[AttackRecord]] = {}
    for record in records:
        rows.setdefault(record.stem, []).append(record)
    ranked = sorted(rows, key=lambda stem: -sum(record.counts for record in rows[stem]))
    return [_photo(summary, rows[stem]) for stem in ranked[: summary.run.pictures]]


def _photo(summary: Summary, records: Sequence[AttackRecord]) -> PhotoGallery:
    layout, first = RunLayout(summary.run.out), records[0]
    shown = (
        _figure(load_picture(layout.photo(first.stem)), "photo"),
        _figure(load_picture(layout.natural(first.stem)), "natural bokeh"),
        _figure(near_colours(load_plane(layout.depth(first.stem))), "nearness: yellow near, blue far"),
    )
    title = f"{first.photo}: {class_name(first.label, summary.classes)}"
    attacks = tuple(
        _attack(summary, layout, one) for one in records if open_method(one.method).base not in NO_ATTACK
    )
    return PhotoGallery(title, shown, attacks)


def _attack(summary: Summary, layout: RunLayout, record: AttackRecord) -> AttackGallery:
    natural = load_picture(layout.natural(record.stem))
    made = load_picture(layout.picture(record.victim, record.method, record.stem))
    seen = class_name(record.prediction_saved, summary.classes)
    shown = (
        _figure(made, f"seen as {seen}{', fooled' if record.success_saved else ''}"),
        _figure(difference(natural, made), "file − natural bokeh, × 10"),
        *_change(layout, record),
    )
    return AttackGallery(f"{record.method} on {record.victim}", shown)


def _change(layout: RunLayout, record: AttackRecord) -> list[Figure]:
    """δ in colours, or the camera in words; nothing for methods that change neither."""
    if record.camera is not None:
        focus, f_number, focal_m = record.camera
        return [Figure(f"focus at {1 / focus:.2f} m, f/{f_number:.2f}, {1000 * focal_m:.0f} mm")]
    if record.perturbation is None or record.perturbation["largest"] == 0:
        return []
    after = load_file(layout.changed(record.victim, record.method, record.batch))["depth"][record.row]
    scale = record.perturbation["largest"]
    picture = coloured(after - load_plane(layout.depth(record.stem)), scale)
    moved = record.perturbation["largest_px"]
    return [_figure(picture, f"δ of nearness: red +{scale:.2g}, blue −{scale:.2g} ({moved:.2g} px)")]


def _figure(picture: Tensor, caption: str) -> Figure:
    return Figure(caption, as_text(picture))
