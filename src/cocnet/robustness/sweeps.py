"""Sweeps: accuracy against the budget, against similarity, against effort, of methods on the same photos.

Enters: a run's `MethodScore`s. Leaves: curves, and methods compared at matched similarity instead of matched ε.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cocnet.robustness.method_table import METHODS
from cocnet.robustness.scores import MethodScore


@dataclass(frozen=True)
class EpsilonSweep:
    """One method on one victim at several ε, rising."""

    victim: str
    name: str
    unit: str
    points: tuple[MethodScore, ...]


@dataclass(frozen=True)
class EffortSweep:
    """One method at one ε with more and more steps; settled_steps: the fewest after which no photo's file changes its
    verdict, None where one still did at the last."""

    victim: str
    name: str
    points: tuple[MethodScore, ...]
    settled_steps: int | None


@dataclass(frozen=True)
class MatchedSimilarity:
    """A method where its files are as similar to natural bokeh as `level_db` says: ε and accuracy, interpolated."""

    name: str
    level_db: float
    epsilon: float
    accuracy: float


def epsilon_sweeps(scores: Sequence[MethodScore]) -> tuple[EpsilonSweep, ...]:
    """Methods that were run at two ε or more."""
    groups: dict[tuple[object, ...], list[MethodScore]] = {}
    for one in scores:
        if one.epsilon is not None:
            groups.setdefault(one.series, []).append(one)
    efforts = {series[1:] for series, points in groups.items() if len({p.epsilon for p in points}) > 1}
    several = {base: sum(each[0] == base for each in efforts) > 1 for base in {each[0] for each in efforts}}
    return tuple(
        EpsilonSweep(
            points[0].victim,
            _named(points[0]) if several[points[0].base] else points[0].base,
            METHODS[points[0].base].unit,
            tuple(sorted(points, key=lambda one: one.epsilon or 0.0)),
        )
        for points in groups.values()
        if len({one.epsilon for one in points}) > 1
    )


def effort_sweeps(
    scores: Sequence[MethodScore], fooled: Mapping[tuple[str, str], Sequence[bool]]
) -> tuple[EffortSweep, ...]:
    """Methods that were run with two numbers of steps or more; fooled: verdicts by victim and method."""
    groups: dict[tuple[object, ...], list[MethodScore]] = {}
    for one in scores:
        if one.epsilon is not None:
            key = (one.victim, one.base, one.epsilon, one.restarts, one.full, one.reckons)
            groups.setdefault(key, []).append(one)
    found = []
    for points in groups.values():
        points.sort(key=lambda one: one.steps)
        if len({one.steps for one in points}) > 1:
            first = points[0]
            starts = f"{first.restarts} start{'s' * (first.restarts > 1)}"
            name = f"{first.base}, ε {first.epsilon:g}, {starts}{_rest(first)}"
            verdicts = [list(fooled[one.victim, one.method]) for one in points]
            found.append(EffortSweep(first.victim, name, tuple(points), _settled(points, verdicts)))
    return tuple(found)


def at_similarity(sweep: EpsilonSweep, level_db: float) -> MatchedSimilarity | None:
    """Where a curve's median PSNR falls through a level: log ε and accuracy are linear in dB between two points.

    None where no two neighbouring points have the level between them.
    """
    for near, far in pairwise(sweep.points):
        high, low = near.median_psnr_db, far.median_psnr_db
        small, large = near.epsilon or 0.0, far.epsilon or 0.0
        if math.isfinite(high) and high >= level_db >= low and small > 0:
            part = 0.0 if high == low else (high - level_db) / (high - low)
            values = near.right_saved.value, far.right_saved.value
            accuracy = values[0] + part * (values[1] - values[0])
            return MatchedSimilarity(sweep.name, level_db, small * (large / small) ** part, accuracy)
    return None


def shared_levels(sweeps: Sequence[EpsilonSweep], step_db: float = 5.0) -> tuple[float, ...]:
    """Multiples of step_db that at least two curves reach, from similar to unlike."""
    values = [point.median_psnr_db for sweep in sweeps for point in sweep.points]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ()
    low, high = math.ceil(min(finite) / step_db), math.floor(max(finite) / step_db)
    levels = (step_db * k for k in range(high, low - 1, -1))
    return tuple(
        level for level in levels if sum(at_similarity(one, level) is not None for one in sweeps) > 1
    )


def _settled(points: Sequence[MethodScore], verdicts: Sequence[Sequence[bool]]) -> int | None:
    same = [one == verdicts[-1] for one in verdicts[:-1]]
    if not same or not same[-1]:
        return None
    return points[next(k for k in range(len(same)) if all(same[k:]))].steps


def _named(one: MethodScore) -> str:
    """The method with its effort."""
    starts = f", {one.restarts} starts" if one.restarts > 1 else ""
    return f"{one.base}, {one.steps} steps{starts}{_rest(one)}"


def _rest(one: MethodScore) -> str:
    return ", full" * one.full + (f", {one.reckons}" if one.reckons else "")
