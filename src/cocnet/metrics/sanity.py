"""Is an attack's result believable? The signs by which Croce & Hein (2020) and Carlini et al. (2019) doubt it.

Enters: facts of a run. Leaves: a sentence for each that is doubtful, none where nothing is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST_ZERO = 0.1  # share of gradients
SLACK = 0.02  # share of photos that may go the wrong way by chance


@dataclass(frozen=True)
class AttackFacts:
    """What is known of a run; None where it wasn't measured.

    zero_gradients: share of gradients that were zero everywhere; accuracy_by_epsilon: (ε, accuracy under attack);
    success, random_success: the attack's, and that of random steps of the same size; victim_training: the victim was
    in training mode; clean_accuracy: with nothing done; repeat_differs: share of photos on which the victim
    contradicts itself when it is asked twice.
    """

    zero_gradients: float | None = None
    accuracy_by_epsilon: Sequence[tuple[float, float]] = ()
    success: float | None = None
    random_success: float | None = None
    victim_training: bool = False
    clean_accuracy: float | None = None
    repeat_differs: float | None = None


def sanity_flags(facts: AttackFacts) -> tuple[str, ...]:
    """What makes a result doubtful, in plain sentences."""
    return tuple(
        flag
        for flag in (
            _mode(facts),
            _random_victim(facts),
            _zero_gradients(facts),
            _curve_rises(facts),
            _weaker_than_chance(facts),
            _nothing_to_attack(facts),
        )
        if flag
    )


def _mode(facts: AttackFacts) -> str:
    if not facts.victim_training:
        return ""
    return "The victim was in training mode: its answers depend on the batch; call victim.eval()."


def _random_victim(facts: AttackFacts) -> str:
    if not facts.repeat_differs:
        return ""
    return (
        f"The victim contradicts itself on {facts.repeat_differs:.1%} of photos asked twice: it is random; average "
        "its gradient over several answers."
    )


def _zero_gradients(facts: AttackFacts) -> str:
    if facts.zero_gradients is None or facts.zero_gradients <= MOST_ZERO:
        return ""
    return (
        f"{facts.zero_gradients:.1%} of gradients were zero: the victim or the renderer hides them, so that the "
        "attack is too weak; try a margin loss, or an attack without gradients."
    )


def _curve_rises(facts: AttackFacts) -> str:
    curve = sorted(facts.accuracy_by_epsilon)
    for (small, before), (large, after) in pairwise(curve):
        if after > before + SLACK:
            return (
                f"Accuracy rises from {before:.1%} at ε = {small:g} to {after:.1%} at ε = {large:g}: a larger budget "
                "holds the smaller one, so the attack didn't converge; try more steps or a step that goes with ε."
            )
    return ""


def _weaker_than_chance(facts: AttackFacts) -> str:
    if facts.success is None or facts.random_success is None:
        return ""
    if facts.random_success < facts.success or facts.random_success == 0:
        return ""
    return (
        f"Random steps of the same size fool {facts.random_success:.1%}, the attack {facts.success:.1%}: its "
        "gradients say nothing."
    )


def _nothing_to_attack(facts: AttackFacts) -> str:
    if facts.clean_accuracy is None or facts.clean_accuracy > MOST_ZERO:
        return ""
    return (
        f"The victim is right on {facts.clean_accuracy:.1%} of clean photos: look at the labels, their order, and "
        "the scale of pixels, before any attack."
    )
