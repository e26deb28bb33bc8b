"""Evaluations as files: JSON for machines, Markdown and a contact sheet for eyes.

Enters: evaluations of several renderers on one dataset, the first being the one that matters. Leaves:
evaluation.json, evaluation.md, sheet.jpg in a folder.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from cocnet import __version__
from cocnet.datasets.pairs.open_pairs import Pairs
from cocnet.datasets.pairs.sample import sample_of
from cocnet.errors import FileError
from cocnet.evaluation.measure_pairs import Evaluation, Row
from cocnet.files.atomic import atomic_path, write_json
from cocnet.files.markdown import plain, table
from cocnet.imaging import write_photo
from cocnet.metrics.formatting import cell, title
from cocnet.renderers import Renderer

CELL_PX = 480
_GAP_PX = 8


def write_report(
    folder: str | Path, evaluations: Sequence[Evaluation], settings: dict[str, Any] | None = None
) -> tuple[Path, Path]:
    """Write evaluation.json and evaluation.md, making the folder where it is missing. Raises FileError."""
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"expected a folder to write to, got '{target}' ({error.strerror}), try another"
        ) from error
    facts: dict[str, Any] = {"cocnet": __version__, "torch": torch.__version__, "settings": settings or {}}
    facts["evaluations"] = [asdict(one) | {"means": one.means} for one in evaluations]
    write_json(target / "evaluation.json", facts)
    with atomic_path(target / "evaluation.md") as temporary:
        temporary.write_text(markdown(evaluations), encoding="utf-8")
    return target / "evaluation.json", target / "evaluation.md"


def markdown(evaluations: Sequence[Evaluation]) -> str:
    """Means of all, then every row of the first; with the data, the metrics and what is missing."""
    first = evaluations[0]
    sizes = {(row.height_px, row.width_px) for row in first.rows}
    size = " × ".join(map(str, next(iter(sizes))[::-1])) + " px" if len(sizes) == 1 else "native sizes"
    lines = [
        f"# {plain(first.what)}",
        "",
        f"{len(first.rows)} pairs of {plain(str(first.data))}, {size}; 8-bit sRGB, mean of scores.",
    ]
    lines += ["", *means_table("", evaluations), ""]
    lines += [f"- {name}: {plain(about)}" for name, about in first.metrics.items()]
    lines += [f"- {name} is not measured: {plain(reason)}" for name, reason in first.missing.items()]
    lines += [f"- {plain(note)}" for note in dict.fromkeys(note for one in evaluations for note in one.notes)]
    lines += [f"- left out: {plain(f'{one.name}: {one.reason}')}" for one in first.skipped]
    rows = [[row.name, *(cell(name, row.scores[name]) for name in first.metrics)] for row in first.ranked()]
    return "\n".join([*lines, "", *table(["from worst to best", *map(title, first.metrics)], rows), ""])


def means_table(head: str, evaluations: Sequence[Evaluation]) -> list[str]:
    """A line of means for each, with a column also for a metric that is missing here."""
    first = evaluations[0]
    rows = [
        [
            one.what,
            *(cell(name, mean) for name, mean in one.means.items()),
            *["not measured"] * len(first.missing),
        ]
        for one in evaluations
    ]
    return table([head, *map(title, [*first.metrics, *first.missing])], rows)


def write_sheet(
    path: str | Path, evaluation: Evaluation, renderer: Renderer, pairs: Pairs, device: str = "cpu"
) -> tuple[Row, ...]:
    """Write the worst, the median and the best pair, one a line: photo, rendered, true bokeh; returns their rows.

    The three are rendered again, so that nothing has to be kept while measuring. Raises FileError.
    """
    ranked = evaluation.ranked()
    picked = tuple(dict.fromkeys([ranked[0].name, ranked[(len(ranked) - 1) // 2].name, ranked[-1].name]))
    places = {str(name): place for place, name in enumerate(getattr(pairs, "names", range(len(pairs))))}
    lines = []
    for name in picked:
        sample = sample_of(pairs[places[name]]).to(device)
        with torch.inference_mode():
            rendered = sample.rendered_by(renderer)
        lines.append([_small(x) for x in (sample.image, rendered, sample.bokeh)])
    widest = max(line[0].shape[1] for line in lines)
    sheet = np.concatenate([_line(line, widest) for line in lines])
    write_photo(path, sheet, quality=92)
    return tuple(row for name in picked for row in evaluation.rows if row.name == name)


def _small(picture: Float[Tensor, "1 3 h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """A picture that fits into a cell."""
    height, width = picture.shape[-2:]
    scale = min(1.0, CELL_PX / max(height, width))
    size = [max(1, round(side * scale)) for side in (height, width)]
    small = functional.interpolate(
        picture.detach().float().clamp(0, 1), size, mode="bilinear", antialias=True
    )
    return (small[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().cpu().numpy()


def _line(cells: Sequence[UInt8[np.ndarray, "h w 3"]], wide: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Cells of one size side by side on white, each `wide` px wide."""
    spare = [(0, _GAP_PX), (0, wide - cells[0].shape[1] + _GAP_PX), (0, 0)]
    return np.concatenate([np.pad(one, spare, constant_values=255) for one in cells], axis=1)
