"""The paper's tables, its value beside ours: Table I.

Enters: the published rows, trained weights and EBB! where they are. Leaves: a line a network, with the reason where
nothing could be measured. Parameters are counted always.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cocnet.errors import CocnetError, InputError
from cocnet.evaluation.published_table1 import METRICS, TABLE_1, PublishedColumn

if TYPE_CHECKING:
    from cocnet.datasets.pairs.open_pairs import Pairs
    from cocnet.evaluation.measure_pairs import Evaluation

NamedProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TableRow:
    """One network: what is printed, what is measured here (None: not), and why not or what to know."""

    published: PublishedColumn
    parameters: float | None
    scores: dict[str, float | None]
    note: str


def table_1(
    pairs: "Pairs | None" = None,
    weights: str | Path | None = None,
    device: str = "cpu",
    on_progress: NamedProgress | None = None,
    skip_problems: bool = False,
) -> tuple[TableRow, ...]:
    """All rows of Table I; weights: a folder of NAME.safetensors [those that ship]. Pairs that can't be read are a
    row's error, or with `skip_problems` left out and counted. Raises FileError, InputError."""
    from cocnet.networks import catalogue

    if weights is not None and not Path(weights).is_dir():
        raise InputError(f"expected a folder of weights, got '{weights}', try another path")
    counted = {facts["name"]: facts["parameters"] for facts in catalogue()}

    def measured(row: PublishedColumn, path: Path) -> "Evaluation":
        assert pairs is not None
        return _measured(row, path, pairs, device, on_progress, skip_problems)

    return tuple(_row(row, counted, weights, None if pairs is None else measured) for row in TABLE_1)


def _row(
    row: PublishedColumn,
    counted: Mapping[str, int | None],
    weights: str | Path | None,
    measured: "Callable[[PublishedColumn, Path], Evaluation] | None",
) -> TableRow:
    number = counted[row.model]
    parameters = None if number is None else number / 1e6
    empty: dict[str, float | None] = dict.fromkeys(METRICS)
    path = weights_of(row, weights)
    if path is None:
        return TableRow(row, parameters, empty, _joined("no trained weights", row.about))
    if measured is None:
        return TableRow(row, parameters, empty, _joined("no EBB! data given", row.about))
    try:
        found = measured(row, path)
    except CocnetError as error:
        return TableRow(row, parameters, empty, _joined(str(error), row.about))
    left_out = f"{len(found.skipped)} left out" if found.skipped else ""
    note = _joined(
        f"on {found.data}", left_out, *(f"no {name}: {why}" for name, why in found.missing.items()), row.about
    )
    return TableRow(row, parameters, {**empty, **found.means}, note)


def weights_of(row: PublishedColumn, folder: str | Path | None) -> Path | None:
    """The trained weights of a row: in the folder, else those that ship where they are of that very training."""
    from cocnet.networks import shipped_weights

    given = None if folder is None else Path(folder) / f"{row.weights}.safetensors"
    if given is not None and given.is_file():
        return given
    return shipped_weights(row.model) if row.weights == row.model else None


def _measured(
    row: PublishedColumn,
    path: Path,
    pairs: "Pairs",
    device: str,
    on_progress: NamedProgress | None,
    skip_problems: bool,
) -> "Evaluation":
    from cocnet.evaluation.measure_pairs import evaluate
    from cocnet.renderers import open_renderer

    def progress(done: int, total: int) -> None:
        if on_progress is not None:
            on_progress(row.name, done, total)

    renderer = open_renderer(path, device=device)
    given: dict[str, Any] = {"device": device, "skip_problems": skip_problems, "on_progress": progress}
    return evaluate(renderer, pairs, METRICS, what=row.name, **given)


def table_lines(rows: tuple[TableRow, ...]) -> list[str]:
    """Table I as Markdown: paper / ours."""
    from cocnet.files.markdown import table
    from cocnet.metrics.formatting import cell, title

    head = ["Table I: paper / ours", "parameters, M", *(title(name) for name in METRICS), ""]
    body = []
    for row in rows:
        ours = "–" if row.parameters is None else f"{row.parameters:.2f}"
        cells = [row.published.name, f"{row.published.parameters:g} / {ours}"]
        for name in METRICS:
            printed = cell(name, getattr(row.published, name))
            cells.append(f"{printed} / {cell(name, row.scores[name]) or '–'}")
        body.append([*cells, row.note])
    return table(head, body)


def table_facts(rows: tuple[TableRow, ...]) -> list[dict[str, Any]]:
    """The rows as plain facts, for JSON."""
    return [asdict(row) for row in rows]


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
