"""Each doubtful fact gives its sentence, a sound run none."""

import pytest

from cocnet.metrics import AttackFacts, sanity_flags

SOUND = AttackFacts(
    zero_gradients=0.0,
    accuracy_by_epsilon=((0.1, 0.2), (0.0, 0.9), (0.2, 0.21)),
    success=0.8,
    random_success=0.1,
    clean_accuracy=0.9,
    repeat_differs=0.0,
)
DOUBTFUL = {
    "hides them": AttackFacts(zero_gradients=0.5),
    "Accuracy rises from 20.0% at ε = 0.1 to 40.0% at ε = 0.2": AttackFacts(
        accuracy_by_epsilon=((0.2, 0.4), (0.1, 0.2))
    ),
    "Random steps": AttackFacts(success=0.2, random_success=0.2),
    "training mode": AttackFacts(victim_training=True),
    "look at the labels": AttackFacts(clean_accuracy=0.001),
    "it is random": AttackFacts(repeat_differs=0.02),
}


@pytest.mark.parametrize("facts", [SOUND, AttackFacts(), AttackFacts(success=0.0, random_success=0.0)])
def test_a_sound_run_has_no_flags(facts):
    assert sanity_flags(facts) == ()


@pytest.mark.parametrize(("text", "facts"), DOUBTFUL.items())
def test_each_doubt_has_its_sentence(text, facts):
    (flag,) = sanity_flags(facts)
    assert text in flag and flag.endswith(".")
