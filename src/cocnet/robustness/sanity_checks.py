"""What makes a run's figures doubtful.

Enters: scores, views, the run. Leaves: sentences by "VICTIM" or "VICTIM, METHOD"; none where nothing is doubtful.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cocnet.metrics import AttackFacts, sanity_flags
from cocnet.robustness.methods import ROWS, open_method
from cocnet.robustness.records import View
from cocnet.robustness.settings import RobustnessRun

if TYPE_CHECKING:
    from cocnet.robustness.summary import Score


def doubts(
    scores: "Sequence[Score]", views: Sequence[View], run: RobustnessRun
) -> dict[str, tuple[str, ...]]:
    """All of them."""
    found = {victim: sanity_flags(_victim(victim, views)) for victim in run.victims}
    found |= {f"{one.victim}, {one.method}": sanity_flags(_method(one, scores)) for one in scores}
    return {where: flags for where, flags in found.items() if flags}


def _victim(name: str, views: Sequence[View]) -> AttackFacts:
    count = max(len(views), 1)
    right = sum(view.clean[name] == view.label for view in views) / count
    differs = sum(view.clean[name] != view.again[name] for view in views) / count
    return AttackFacts(clean_accuracy=right, repeat_differs=differs)


def _method(score: "Score", scores: "Sequence[Score]") -> AttackFacts:
    """Against its yardstick, and against its other ε."""
    base = score.method.partition("@")[0]
    if ROWS[base].epsilon is None:
        return AttackFacts()
    of_victim = {one.method: one for one in scores if one.victim == score.victim}
    yardstick = of_victim.get(open_method(score.method).yardstick)
    alike = [one for name, one in of_victim.items() if name.partition("@")[0] == base]
    return AttackFacts(
        zero_gradients=score.stalled,
        accuracy_by_epsilon=[(one.epsilon or 0.0, one.right.value) for one in alike]
        if len(alike) > 1
        else (),
        success=score.success.value if score.success.count else None,
        random_success=None if yardstick is None else yardstick.success.value,
    )
