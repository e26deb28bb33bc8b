"""What makes a run's figures doubtful.

Enters: scores, photos, the run. Leaves: sentences by "VICTIM" or "VICTIM, METHOD"; none where nothing is doubtful.
"""

from collections.abc import Collection, Sequence

from cocnet.metrics import AttackFacts, sanity_flags
from cocnet.robustness.method_table import METHODS
from cocnet.robustness.methods import open_method
from cocnet.robustness.records import PhotoRecord
from cocnet.robustness.run_settings import RobustnessRun
from cocnet.robustness.scores import MethodScore


def sanity_checks(
    scores: Sequence[MethodScore],
    photos: Sequence[PhotoRecord],
    run: RobustnessRun,
    training: Collection[str] = (),
) -> dict[str, tuple[str, ...]]:
    """All of them; `training`: victims that were in training mode."""
    found = {victim: sanity_flags(_victim(victim, photos, victim in training)) for victim in run.victims}
    found |= {
        f"{one.victim}, {one.method}": sanity_flags(_method(one, scores)) for one in scores if one.right.count
    }
    return {where: flags for where, flags in found.items() if flags}


def _victim(name: str, photos: Sequence[PhotoRecord], training: bool) -> AttackFacts:
    count = max(len(photos), 1)
    right = sum(photo.clean[name] == photo.label for photo in photos) / count
    differs = sum(photo.clean[name] != photo.again[name] for photo in photos) / count
    return AttackFacts(clean_accuracy=right, repeat_differs=differs, victim_training=training)


def _method(score: MethodScore, scores: Sequence[MethodScore]) -> AttackFacts:
    """Against its baseline, and against its other ε."""
    method = open_method(score.method)
    if METHODS[method.base].epsilon is None:
        return AttackFacts()
    of_victim = {one.method: one for one in scores if one.victim == score.victim}
    baseline = of_victim.get(method.baseline)
    alike = [one for one in of_victim.values() if one.series == score.series]
    return AttackFacts(
        zero_gradients=score.zero_gradients,
        accuracy_by_epsilon=[(one.epsilon or 0.0, one.right.value) for one in alike]
        if len(alike) > 1
        else (),
        success=score.success.value if score.success.count else None,
        random_success=baseline.success.value if baseline is not None and baseline.success.count else None,
    )
