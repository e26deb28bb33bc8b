"""Table IV of the paper, its values beside ours: defocus deblurring on DPDD's test pairs.

Enters: the published rows, trained weights and DPDD where they are. Leaves: a line a network, and one of the photo as
it was, which the paper lacks. Its gain is 0.015 dB of one training, with a worse LPIPS and no control.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from cocnet.datasets.pairs.deblur_pairs import DeblurPairs
from cocnet.errors import InputError
from cocnet.files.markdown import table
from cocnet.metrics.deblurring import METRICS, measure_deblurring
from cocnet.metrics.formatting import cell, title
from cocnet.networks import card_of, create_model, list_models, load_model, shipped_weights

NamedProgress = Callable[[str, int, int], None]
HOW = "`cocnet convert ifan IFAN.pth` makes them of the published ones"


@dataclass(frozen=True)
class PublishedDeblurring:
    """A row as printed: the paper's name, the stem of its weight file here, the values."""

    name: str
    weights: str
    psnr: float
    ssim: float
    lpips: float


TABLE_4 = (
    PublishedDeblurring("IFAN", "ifan", 25.36620, 0.78885, 0.21739),
    PublishedDeblurring("F-IFAN", "f-ifan", 25.38111, 0.78887, 0.21836),
)


@dataclass(frozen=True)
class DeblurRow:
    """One network: what is printed (None: nothing), what is measured here (None: not), why not or what to know."""

    name: str
    parameters: float | None
    printed: dict[str, float | None]
    scores: dict[str, float | None]
    note: str


def table_4(
    pairs: DeblurPairs | None = None,
    weights: str | Path | None = None,
    device: str = "cpu",
    on_progress: NamedProgress | None = None,
    skip_problems: bool = False,
) -> tuple[DeblurRow, ...]:
    """The photo as it is, the paper's rows, and every other deblurring network that ships or lies in `weights`, a
    folder of .safetensors. Pairs that can't be read are errors, or with `skip_problems` left out and counted. Raises
    FileError, InputError."""
    if weights is not None and not Path(weights).is_dir():
        raise InputError(f"expected a folder of weights, got '{weights}', try another path")
    there = (
        {} if weights is None else {path.stem: path for path in sorted(Path(weights).glob("*.safetensors"))}
    )
    row = partial(_row, pairs=pairs, device=device, skip_problems=skip_problems, on_progress=on_progress)
    rows = [row("the photo as it is", None, None, None)]
    for printed in TABLE_4:
        path = there.pop(printed.weights, None)
        rows.append(row(printed.name, printed, path, "ifan"))
    shipped = {card.name: shipped_weights(card.name) for card in list_models() if card.task == "deblurring"}
    others = {name: path for name, path in shipped.items() if path is not None} | there
    return (*rows, *(row(name, None, path, None) for name, path in others.items()))


def _row(
    name: str,
    printed: PublishedDeblurring | None,
    path: Path | None,
    model: str | None,
    *,
    pairs: DeblurPairs | None,
    device: str,
    skip_problems: bool,
    on_progress: NamedProgress | None,
) -> DeblurRow:
    empty: dict[str, float | None] = dict.fromkeys(METRICS)
    values = empty if printed is None else {metric: getattr(printed, metric) for metric in METRICS}
    network = None if path is None else _deblurrer(path, device)
    parameters = _counted(network, model)
    if printed is not None and network is None:
        return DeblurRow(name, parameters, values, empty, f"no trained weights: {HOW}")
    if pairs is None:
        return DeblurRow(name, parameters, values, empty, "no DPDD data given")

    def progress(done: int, total: int) -> None:
        if on_progress is not None:
            on_progress(name, done, total)

    given: dict[str, Any] = {"what": name, "data": pairs.about, "device": device, "on_progress": progress}
    found = measure_deblurring(network, pairs, **given, skip_problems=skip_problems)
    note = f"on {pairs.about}" + (f"; {len(found.skipped)} left out" if found.skipped else "")
    note += "".join(f"; no {metric}: {why}" for metric, why in found.missing.items())
    return DeblurRow(name, parameters, values, {**empty, **found.means}, note)


def _deblurrer(path: Path, device: str) -> nn.Module:
    network = load_model(path, device)
    if card_of(str(network.name)).task != "deblurring":
        raise InputError(
            f"expected deblurring networks alone, got {network.name} in '{path}', try another folder"
        )
    return network


def _counted(network: nn.Module | None, model: str | None) -> float | None:
    """Millions of parameters, of random weights where there are no others."""
    if network is None and model is not None:
        network = create_model(model)
    return None if network is None else sum(p.numel() for p in network.parameters()) / 1e6


def deblur_table_lines(rows: tuple[DeblurRow, ...]) -> list[str]:
    """Table IV as Markdown: paper / ours."""
    head = ["Table IV: paper / ours", "parameters, M", *(title(name) for name in METRICS), ""]
    body = []
    for row in rows:
        counted = "–" if row.parameters is None else f"{row.parameters:.2f}"
        cells = [f"{cell(m, row.printed[m]) or '–'} / {cell(m, row.scores[m]) or '–'}" for m in METRICS]
        body.append([row.name, counted, *cells, row.note])
    return table(head, body)


def deblur_table_facts(rows: tuple[DeblurRow, ...]) -> list[dict[str, Any]]:
    """The rows as plain facts, for JSON."""
    return [asdict(row) for row in rows]
