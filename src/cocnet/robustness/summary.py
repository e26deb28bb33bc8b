"""What a run's records say, with intervals of 95 %.

Enters: records of all victims and methods, views of all photos. Leaves: a `Summary`. Success counts only photos that
a victim names rightly before and after natural bokeh; `saved` is what is left of it in files of 8 bit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch

from cocnet.datasets.pairs.matching import Problem
from cocnet.metrics import Interval, PairedTest, attack_success, bootstrap_mean, mcnemar, wilson
from cocnet.robustness.class_names import IMAGENET
from cocnet.robustness.methods import ROWS
from cocnet.robustness.records import Record, View
from cocnet.robustness.settings import RobustnessRun

DRAWS = 2000
NO_ATTACK = ("aif", "bokeh")
Groups = Mapping[tuple[str, str], Sequence[Record]]


@dataclass(frozen=True)
class Score:
    """One victim and method; `right` of all photos, as Table II has it; `stalled`: share of first gradients that
    were zero. The other intervals are of means, by name."""

    victim: str
    method: str
    epsilon: float | None
    right: Interval
    right_saved: Interval
    success: Interval
    success_saved: Interval
    to_photo: dict[str, Interval]
    to_natural: dict[str, Interval]
    delta: dict[str, Interval]
    queries: float
    seconds: float
    stalled: float


@dataclass(frozen=True)
class Pair:
    """Two methods on one victim: McNemar's test of what their files fool."""

    victim: str
    first: str
    second: str
    test: PairedTest


@dataclass(frozen=True)
class Matrix:
    """A method's pictures, made against `source`, seen by `target`: [source][target]. right: of all photos, as Table
    III has it; fooled: of those that both name rightly before and after natural bokeh. Files of 8 bit."""

    method: str
    right: dict[str, dict[str, Interval]]
    fooled: dict[str, dict[str, Interval]]


@dataclass(frozen=True)
class Summary:
    """A whole run; `about` says of each victim where its weights are from, `flags` what is doubtful."""

    run: RobustnessRun
    renderer: str
    about: dict[str, str]
    classes: int
    photos: int
    clean: dict[str, Interval]
    natural: dict[str, Interval]
    scores: tuple[Score, ...]
    pairs: tuple[Pair, ...]
    matrices: tuple[Matrix, ...]
    flags: dict[str, tuple[str, ...]]
    left_out: tuple[Problem, ...]
    notes: tuple[str, ...]

    def score(self, victim: str, method: str) -> Score | None:
        """One of them; None where there is none."""
        found = [one for one in self.scores if (one.victim, one.method) == (victim, method)]
        return found[0] if found else None


def summarise(
    records: Sequence[Record],
    views: Sequence[View],
    run: RobustnessRun,
    about: Mapping[str, str],
    classes: int = IMAGENET,
    left_out: Sequence[Problem] = (),
    notes: Sequence[str] = (),
) -> Summary:
    """All of it. Raises InputError."""
    from cocnet.robustness.sanity_checks import doubts

    grouped = _grouped(records, run)
    scores = tuple(_score(victim, method, rows) for (victim, method), rows in grouped.items())
    return Summary(
        run=run,
        renderer=records[0].renderer if records else run.renderer,
        about=dict(about),
        classes=classes,
        photos=len(views),
        clean={name: _share([view.clean[name] == view.label for view in views]) for name in run.victims},
        natural={name: _share([view.natural[name] == view.label for view in views]) for name in run.victims},
        scores=scores,
        pairs=tuple(_pairs(grouped, run)),
        matrices=_matrices(grouped, views, run) if len(run.victims) > 1 else (),
        flags=doubts(scores, views, run),
        left_out=tuple(left_out),
        notes=tuple(notes),
    )


def _grouped(records: Sequence[Record], run: RobustnessRun) -> Groups:
    """Records by victim and method, in the run's order."""
    found: dict[tuple[str, str], list[Record]] = {(v, m): [] for v in run.victims for m in run.methods}
    for record in records:
        found[record.victim, record.method].append(record)
    return found


def _score(victim: str, method: str, rows: Sequence[Record]) -> Score:
    first = rows[0] if rows else None
    return Score(
        victim,
        method,
        None if first is None else first.epsilon,
        _share([not row.success for row in rows]),
        _share([not row.success_saved for row in rows]),
        _success(rows, lambda row: row.success),
        _success(rows, lambda row: row.success_saved),
        _means([row.to_photo for row in rows]),
        _means([row.to_natural for row in rows]),
        _means([row.delta for row in rows if row.delta is not None]),
        _mean([row.queries for row in rows]),
        _mean([row.seconds for row in rows]),
        _mean([row.stalled for row in rows]),
    )


def _share(true: Sequence[bool]) -> Interval:
    return wilson(sum(true), len(true))


def _success(rows: Sequence[Record], fooled: Callable[[Record], bool]) -> Interval:
    columns = (
        [row.clean_right for row in rows],
        [row.natural_right for row in rows],
        [fooled(row) for row in rows],
    )
    return attack_success(*(torch.tensor(column, dtype=torch.bool) for column in columns))


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, Interval]:
    """The mean of each name that any row has."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: bootstrap_mean(torch.tensor([row[name] for row in rows if name in row]).double(), draws=DRAWS)
        for name in names
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _pairs(grouped: Groups, run: RobustnessRun) -> list[Pair]:
    """Every two methods that change pictures, on the photos that count."""
    methods = [name for name in run.methods if name not in NO_ATTACK]
    found = []
    for victim in run.victims:
        fooled = {
            name: torch.tensor(
                [row.success_saved for row in grouped[victim, name] if row.counts], dtype=torch.bool
            )
            for name in methods
        }
        found += [Pair(victim, a, b, mcnemar(fooled[a], fooled[b])) for a, b in combinations(methods, 2)]
    return found


def _matrices(grouped: Groups, views: Sequence[View], run: RobustnessRun) -> tuple[Matrix, ...]:
    seen = {view.stem: view for view in views}
    found = []
    for method in [name for name in run.methods if name not in NO_ATTACK]:
        right: dict[str, dict[str, Interval]] = {}
        fooled: dict[str, dict[str, Interval]] = {}
        for source in run.victims:
            rows = grouped[source, method]
            right[source] = {t: _share([row.others[t] == row.label for row in rows]) for t in run.victims}
            fooled[source] = {t: _fooled(rows, seen, source, t) for t in run.victims}
        found.append(Matrix(method, right, fooled))
    return tuple(found)


def _fooled(rows: Sequence[Record], seen: Mapping[str, View], source: str, target: str) -> Interval:
    """Of the photos that both name rightly before."""
    return _share([row.others[target] != row.label for row in rows if _both(seen[row.stem], source, target)])


def _both(view: View, *victims: str) -> bool:
    return all(view.clean[name] == view.natural[name] == view.label for name in victims)


def unit_of(method: str) -> str:
    """What a method's ε is of."""
    return ROWS[method.partition("@")[0]].unit
