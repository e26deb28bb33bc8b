"""Sweeps in a linear world: more budget is never worse, what is kept is not made again, levels are met."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from linear import Shade, Victim, batch

from cocnet.attacks import GDA, DepthOffset, Random
from cocnet.errors import InputError
from cocnet.robustness.curves import (
    Curve,
    at_similarity,
    effort_curves,
    epsilon_curves,
    settled,
    shared_levels,
)
from cocnet.robustness.measurement import Ground, Point, at_epsilon, measure

EPSILONS = (0.003, 0.01, 0.03, 0.1, 0.3)


def ground(count=8, **changes):
    image, depth, _ = batch(count)
    victim = Victim()
    label = victim(Shade()(image, depth)).argmax(1)
    return replace(Ground(image, depth, label, Shade(), victim, {"world": "linear"}, batch=3), **changes)


def point(epsilon, accuracy, psnr_db, steps=10, count=10):
    right = tuple(k < accuracy * count for k in range(count))
    yes = (True,) * count
    return Point("made", epsilon, steps, 1, yes, yes, right, (psnr_db,) * count, (1,) * count)


def test_more_budget_is_never_worse_for_a_linear_victim():
    curves = epsilon_curves(ground(), [GDA(steps=10, loss="margin")], EPSILONS)
    assert [one.name for one in curves] == ["gda", "random"]
    for curve in curves:
        assert [one.epsilon for one in curve.points] == list(EPSILONS)
        values = [one.accuracy.value for one in curve.points]
        assert all(a >= b for a, b in pairwise(values)) and values[0] <= 1
    found, drawn = (curve.points[-1] for curve in curves)
    assert found.accuracy.value < drawn.accuracy.value and not found.accuracy.value
    assert found.ways["float"][1] == found.right and not drawn.ways
    assert max(found.delta["largest"]) <= 0.3 + 1e-6


def test_batches_do_not_matter():
    attack = GDA(0.05, 5)
    one, other = (measure(ground(batch=size), attack, ways=True) for size in (3, 8))
    assert one.right == other.right and one.queries == other.queries and one.ways == other.ways
    assert one.psnr_db == pytest.approx(other.psnr_db, abs=1e-2) and len(one.delta["mean"]) == 8


def test_an_interrupted_sweep_goes_on(tmp_path):
    victim, calls = Victim(), []

    def counting(picture):
        calls.append(len(picture))
        if len(calls) == 30:
            raise KeyboardInterrupt
        return victim(picture)

    attacks, once = [GDA(steps=4)], ground(victim=victim)
    with pytest.raises(KeyboardInterrupt):
        epsilon_curves(replace(once, victim=counting), attacks, EPSILONS[:2], tmp_path)
    made = len(list(tmp_path.glob("*.json")))
    assert 0 < made < 12 and not list(tmp_path.glob(".*"))
    seen = []
    curves = epsilon_curves(once, attacks, EPSILONS[:2], tmp_path, lambda *told: seen.append(told))
    assert curves == epsilon_curves(once, attacks, EPSILONS[:2])
    assert len(list(tmp_path.glob("*.json"))) == 12 == len(seen) and seen[1][1:] == (3, 8)

    def deaf(picture):
        raise AssertionError

    assert curves == epsilon_curves(replace(once, victim=deaf), attacks, EPSILONS[:2], tmp_path)


def test_what_is_kept_belongs_to_its_facts(tmp_path):
    once, attack = ground(), GDA(0.1, 3)
    measure(once, attack, tmp_path)
    measure(replace(once, facts={"world": "another"}), attack, tmp_path)
    measure(once, replace(attack, seed=1), tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 9


def test_budgets_are_nearness_for_all():
    assert at_epsilon(DepthOffset(span=0.5), 0.1).epsilon == pytest.approx(0.05)
    assert at_epsilon(GDA(step_size=1.0), 0.1).stride == pytest.approx(2.5 * 0.1 / 50)
    found = measure(ground(), Random(DepthOffset(0.05, 2, span=0.5)))
    assert found.epsilon == pytest.approx(0.1) and found.attack == "random offset"


def test_only_photos_that_bokeh_leaves_right_count():
    whole = ground()
    label = whole.label.clone()
    label[0] = (label[0] + 1) % 3
    found = measure(replace(whole, label=label), GDA(0.3, 10), ways=True)
    assert not found.counted[0] and found.success.count == sum(found.counted)
    for way in found.ways:
        natural, fooled, still = found.survival(way)
        assert natural.count == 8 and fooled.count <= natural.count and still.count <= found.success.count


def test_similarity_is_interpolated():
    curve = Curve("made", (point(1e-4, 1.0, 60.0), point(1e-2, 0.6, 40.0)))
    middle = at_similarity(curve, 50.0)
    assert middle.epsilon == pytest.approx(1e-3) and middle.accuracy == pytest.approx(0.8)
    assert at_similarity(curve, 60.0).epsilon == pytest.approx(1e-4)
    assert at_similarity(curve, 30.0) is None and at_similarity(curve, 70.0) is None
    unchanged = Curve("made", (point(1e-5, 1.0, math.inf), point(1e-2, 0.6, 40.0)))
    assert at_similarity(unchanged, 50.0) is None
    assert shared_levels([curve, curve]) == (60.0, 55.0, 50.0, 45.0, 40.0) and shared_levels([curve]) == ()


def test_effort_until_nothing_changes():
    curves = effort_curves(ground(), GDA(0.05, loss="margin"), (1, 5, 20), (1, 2))
    assert [one.name for one in curves] == ["gda, 1 start", "gda, 2 starts"]
    assert [one.steps for one in curves[0].points] == [1, 5, 20] and curves[1].points[0].restarts == 2
    points = [replace(point(0.1, share, 40.0), steps=n) for n, share in ((1, 0.9), (5, 0.5), (20, 0.5))]
    assert settled(Curve("made", tuple(points))) == 5 and settled(Curve("made", tuple(points[:2]))) is None
    assert settled(Curve("made", tuple(points[:1]))) is None


def test_no_photos():
    empty = torch.zeros(0, 3, 8, 8)
    with pytest.raises(InputError, match="expected photos"):
        Ground(empty, empty[:, :1], torch.zeros(0).long(), Shade(), Victim(), {})
