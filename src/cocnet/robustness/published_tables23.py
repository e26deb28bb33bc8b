"""Tables II and III as the paper prints them, and ours beside them.

Enters: a run's robustness.json, or nothing. Leaves: rows of text, "–" for what isn't printed or measured. The paper
doesn't say which VGG and DenseNet it attacked: any stands beside them. Its caption compares Table II's pictures with
the all-in-focus photo, its text with natural bokeh, so ours are compared with both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cocnet.metrics import Interval

METHODS = ("aif", "bokeh", "gda", "sm-gda", "bg-gda")
METRICS = ("psnr", "ssim", "lpips")
FAMILIES = {"ResNet50": "resnet50", "VGG": "vgg", "DenseNet": "densenet", "MobileNetV2": "mobilenet_v2"}
HOW = "cocnet evaluate robustness --data NIPS2017 --victims resnet50 vgg16 densenet121 mobilenet_v2 -o runs/x"
ACCURACY: Mapping[str, tuple[float, ...]] = {
    "ResNet50": (0.923, 0.864, 0.046, 0.054, 0.038),
    "VGG": (0.890, 0.807, 0.045, 0.048, 0.041),
    "DenseNet": (0.946, 0.885, 0.048, 0.060, 0.038),
    "MobileNetV2": (0.885, 0.797, 0.024, 0.038, 0.020),
}
LIKENESS: Mapping[str, Mapping[str, tuple[float, ...]]] = {  # of gda, sm-gda, bg-gda
    "psnr": {
        "ResNet50": (26.560, 26.597, 26.505),
        "VGG": (26.482, 26.556, 26.378),
        "DenseNet": (26.547, 26.582, 26.472),
        "MobileNetV2": (26.550, 26.573, 26.484),
    },
    "ssim": {
        "ResNet50": (0.8846, 0.8842, 0.8832),
        "VGG": (0.8830, 0.8850, 0.8813),
        "DenseNet": (0.8842, 0.8848, 0.8828),
        "MobileNetV2": (0.8847, 0.8846, 0.8832),
    },
    "lpips": {
        "ResNet50": (0.0307, 0.0302, 0.0313),
        "VGG": (0.0318, 0.0302, 0.0327),
        "DenseNet": (0.0314, 0.0303, 0.0322),
        "MobileNetV2": (0.0305, 0.0300, 0.0311),
    },
}
TRANSFER: Mapping[tuple[str, str], tuple[float, ...]] = {  # (made against, seen by): gda, sm-gda, bg-gda
    ("ResNet50", "VGG"): (0.695, 0.714, 0.684),
    ("ResNet50", "DenseNet"): (0.771, 0.798, 0.744),
    ("ResNet50", "MobileNetV2"): (0.675, 0.717, 0.669),
    ("VGG", "ResNet50"): (0.754, 0.789, 0.731),
    ("VGG", "DenseNet"): (0.796, 0.832, 0.789),
    ("VGG", "MobileNetV2"): (0.664, 0.711, 0.648),
    ("DenseNet", "ResNet50"): (0.712, 0.759, 0.684),
    ("DenseNet", "VGG"): (0.691, 0.714, 0.684),
    ("DenseNet", "MobileNetV2"): (0.675, 0.720, 0.668),
    ("MobileNetV2", "ResNet50"): (0.766, 0.786, 0.758),
    ("MobileNetV2", "VGG"): (0.676, 0.704, 0.665),
    ("MobileNetV2", "DenseNet"): (0.803, 0.831, 0.800),
}


@dataclass(frozen=True)
class Cell:
    """One value of the paper and what stands beside it, by what it is; None: none."""

    row: tuple[str, ...]
    column: str
    paper: float | None
    ours: dict[str, Interval | None]


def table_2(run: Mapping[str, Any] | None = None) -> list[Cell]:
    """Accuracy, and likeness of attacked pictures; ours: of files of 8 bit."""
    cells = []
    for paper, ours in _victims(run):
        for place, method in enumerate(METHODS):
            row = (_name(paper, ours), method)
            printed = ACCURACY[paper][place] if paper else None
            cells.append(Cell(row, "right", printed, {"ours": _right(run, ours, method)}))
            for metric in METRICS:
                printed = LIKENESS[metric][paper][place - 2] if paper and place >= 2 else None
                found = {to: _score(run, ours, method, f"to_{to}", metric) for to in ("photo", "natural")}
                cells.append(Cell(row, metric, printed, found))
    return cells


def table_3(run: Mapping[str, Any] | None = None) -> list[Cell]:
    """Accuracy of others on pictures made against one; ours: of files of 8 bit. The last row is the paper's mean."""
    cells = []
    pairs = [(a, b) for a in _victims(run) for b in _victims(run) if a != b and (a[0] != b[0] or not a[0])]
    for (source, ours), (target, others) in pairs:
        row = (_name(source, ours), _name(target, others))
        known = (source, target) in TRANSFER
        for place, method in enumerate(METHODS):
            printed = _printed(source or "", target or "", place) if known else None
            cells.append(Cell(row, method, printed, {"ours": _seen(run, ours, others, method)}))
    told = {cell.row for cell in cells if cell.paper is not None or cell.ours["ours"] is not None}
    cells = [cell for cell in cells if cell.row in told]
    for place, method in enumerate(METHODS):
        mean = sum(_printed(*pair, place) for pair in TRANSFER) / len(TRANSFER)
        cells.append(Cell(("mean", "of the paper's 12"), method, mean, {"ours": None}))
    return cells


def _printed(source: str, target: str, place: int) -> float:
    return ACCURACY[target][place] if place < 2 else TRANSFER[source, target][place - 2]


def _victims(run: Mapping[str, Any] | None) -> Iterator[tuple[str | None, str | None]]:
    """The paper's names with the run's that stand beside them, then what else the run has."""
    left = [] if run is None else list(run["run"]["victims"])
    for paper, family in FAMILIES.items():
        mine = [name for name in left if name.startswith(family)]
        left = [name for name in left if name not in mine]
        yield from ((paper, name) for name in mine or [None])
    yield from ((None, name) for name in left)


def _name(paper: str | None, ours: str | None) -> str:
    return " / ".join((paper or "–", ours or "–"))


def _right(run: Mapping[str, Any] | None, victim: str | None, method: str) -> Interval | None:
    if run is None or victim is None:
        return None
    if method in ("aif", "bokeh"):
        return _interval(run["clean" if method == "aif" else "natural"][victim])
    row = _row(run, victim, method)
    return None if row is None else _interval(row["right_saved"])


def _seen(
    run: Mapping[str, Any] | None, source: str | None, target: str | None, method: str
) -> Interval | None:
    if run is None or source is None or target is None:
        return None
    if method in ("aif", "bokeh"):
        return _right(run, target, method)
    found = [one["right"][source][target] for one in run["matrices"] if one["method"] == method]
    return _interval(found[0]) if found else None


def _score(
    run: Mapping[str, Any] | None, victim: str | None, method: str, to: str, metric: str
) -> Interval | None:
    row = None if run is None or victim is None else _row(run, victim, method)
    return None if row is None or metric not in row[to] else _interval(row[to][metric])


def _row(run: Mapping[str, Any], victim: str, method: str) -> Mapping[str, Any] | None:
    found = [one for one in run["scores"] if (one["victim"], one["method"]) == (victim, method)]
    return found[0] if found else None


def _interval(found: Mapping[str, Any]) -> Interval | None:
    """A value with its interval; None where there is none."""
    return Interval(**found) if found["count"] else None


def cell_lines(cells: list[Cell], head: tuple[str, ...]) -> list[str]:
    """Cells as a Markdown table: paper / ours."""
    from cocnet.files.markdown import table

    columns = list(dict.fromkeys(cell.column for cell in cells))
    by_place = {(cell.row, cell.column): cell for cell in cells}
    rows = [
        [*row, *(_text(by_place[row, column]) for column in columns)]
        for row in dict.fromkeys(cell.row for cell in cells)
    ]
    about = {"psnr": " paper / to photo / to bokeh", "ssim": " the same", "lpips": " the same"}
    return table([*head, *(f"{name}{about.get(name, '')}" for name in columns)], rows)


def _text(cell: Cell) -> str:
    digits = 4 if cell.column in ("ssim", "lpips") else 3
    paper = "–" if cell.paper is None else f"{cell.paper:.{digits}f}"
    ours = [
        "–" if one is None else f"{one.value:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}]"
        for one in cell.ours.values()
    ]
    return " / ".join([paper, *ours])
