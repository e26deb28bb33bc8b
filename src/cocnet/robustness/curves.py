"""Accuracy against the budget, against similarity, against effort; for several attacks on the same photos.

Enters: a `Ground`, attacks, budgets (nearness), steps and restarts. Leaves: `Curve`s of `Point`s, and attacks
compared at matched similarity instead of matched ε.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from cocnet.attacks import Random
from cocnet.attacks.base import RenderAttack
from cocnet.robustness.measurement import Ground, Point, Progress, at_epsilon, measure


@dataclass(frozen=True)
class Curve:
    """Points of one method, in the order of what is varied."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Matched:
    """A method where its pictures are as alike to natural bokeh as `level_db` says: ε and accuracy, interpolated."""

    name: str
    level_db: float
    epsilon: float
    accuracy: float


def epsilon_curves(
    ground: Ground,
    attacks: Sequence[RenderAttack],
    epsilons: Sequence[float],
    folder: Path | None = None,
    on_progress: Progress | None = None,
    yardsticks: Collection[str] | None = None,
) -> tuple[Curve, ...]:
    """Each attack at each ε of nearness; those named in `yardsticks` [all] beside random draws of the same budget."""
    curves = []
    for attack in attacks:
        settings = [at_epsilon(attack, epsilon) for epsilon in sorted(epsilons)]
        found = tuple(measure(ground, one, folder, True, on_progress) for one in settings)
        curves.append(Curve(attack.name, found))
        if yardsticks is None or attack.name in yardsticks:
            drawn = tuple(measure(ground, Random(one), folder, False, on_progress) for one in settings)
            curves.append(Curve(Random(attack).name, drawn))
    return tuple(curves)


def effort_curves(
    ground: Ground,
    attack: RenderAttack,
    steps: Sequence[int],
    restarts: Sequence[int],
    folder: Path | None = None,
    on_progress: Progress | None = None,
) -> tuple[Curve, ...]:
    """One ε with more and more steps, a curve each number of restarts."""

    def one(count: int, turns: int) -> Point:
        changed = replace(attack, steps=count, restarts=turns, step_size=None)
        return measure(ground, changed, folder, False, on_progress)

    return tuple(
        Curve(f"{attack.name}, {turns} start{'s' * (turns > 1)}", tuple(one(n, turns) for n in sorted(steps)))
        for turns in sorted(restarts)
    )


def settled(curve: Curve) -> int | None:
    """The fewest steps after which no photo's verdict changes; None where it still did at the last."""
    last = curve.points[-1]
    same = [point.right == last.right for point in curve.points[:-1]]
    if not same or not same[-1]:
        return None
    first = next(k for k in range(len(same)) if all(same[k:]))
    return curve.points[first].steps


def at_similarity(curve: Curve, level_db: float) -> Matched | None:
    """Where a curve's similarity falls through a level: log ε and accuracy are linear in dB between two points.

    None where no two neighbouring points have the level between them.
    """
    for near, far in pairwise(curve.points):
        high, low = near.similarity_db, far.similarity_db
        if math.isfinite(high) and high >= level_db >= low and near.epsilon > 0:
            part = 0.0 if high == low else (high - level_db) / (high - low)
            epsilon = near.epsilon * (far.epsilon / near.epsilon) ** part
            values = near.accuracy.value, far.accuracy.value
            return Matched(curve.name, level_db, epsilon, values[0] + part * (values[1] - values[0]))
    return None


def shared_levels(curves: Sequence[Curve], step_db: float = 5.0) -> tuple[float, ...]:
    """Multiples of step_db that at least two curves reach, from alike to unlike."""
    finite = [
        point.similarity_db
        for curve in curves
        for point in curve.points
        if math.isfinite(point.similarity_db)
    ]
    if not finite:
        return ()
    low, high = math.ceil(min(finite) / step_db), math.floor(max(finite) / step_db)
    levels = (step_db * k for k in range(high, low - 1, -1))
    return tuple(
        level for level in levels if sum(at_similarity(one, level) is not None for one in curves) > 1
    )
