"""Intervals and tests against published and hand-counted values; labels that are off by one."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from cocnet.errors import InputError
from cocnet.metrics import attack_success, bootstrap_mean, check_labels, mcnemar, robustness, wilson


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(hits, count, low, high):
    found = wilson(hits, count)
    assert (found.value, found.count) == (hits / count, count)
    assert found.low == pytest.approx(low, abs=5e-5) and found.high == pytest.approx(high, abs=5e-5)


@given(some.integers(1, 500), some.data())
def test_wilson_is_scipys_and_holds_its_value(count, data):
    hits = data.draw(some.integers(0, count))
    found = wilson(hits, count)
    theirs = stats.binomtest(hits, count).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_wilson_of_none_and_of_too_many():
    none = wilson(0, 0)
    assert math.isnan(none.value) and (none.low, none.high, none.count) == (0, 1, 0)
    with pytest.raises(InputError, match=r"hits in 0\.\.3, got 4"):
        wilson(4, 3)
    assert str(wilson(15, 148)) == "0.101 [0.062, 0.160] of 148"


def test_success_by_hand():
    clean, bokeh, fooled = (
        torch.tensor(x, dtype=torch.bool) for x in ([1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1])
    )
    found = attack_success(clean, bokeh, fooled)
    assert (found.value, found.count) == (0.5, 2)
    with pytest.raises(InputError, match="same photos"):
        attack_success(clean, bokeh, fooled[:2])


@given(some.lists(some.tuples(some.booleans(), some.booleans()), min_size=1, max_size=80))
def test_mcnemar_is_a_sign_test(pairs):
    first, second = torch.tensor(pairs).T
    found = mcnemar(first, second)
    b, c = found.only_first, found.only_second
    expected = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert found.p == pytest.approx(expected, rel=1e-9)
    assert mcnemar(second, first).p == found.p


def test_mcnemar_by_hand():
    """b = 1, c = 7: p = 2·(1 + 8)/256."""
    first = torch.tensor([True] + [False] * 7 + [True] * 5)
    second = torch.tensor([False] + [True] * 7 + [True] * 5)
    assert mcnemar(first, second).p == pytest.approx(0.0703125)
    assert mcnemar(first, first).p == 1


def test_bootstrap_is_near_the_normal_interval():
    values = torch.randn(400, generator=torch.Generator().manual_seed(0)) * 2 + 30
    found, again, other = (bootstrap_mean(values, seed, 4000) for seed in (0, 0, 1))
    half = 1.96 * float(values.std()) / 20
    assert found == again != other
    assert found.value == pytest.approx(float(values.mean()))
    assert found.low == pytest.approx(found.value - half, abs=0.03)
    assert found.high == pytest.approx(found.value + half, abs=0.03)


@pytest.mark.parametrize("count", [2, 3, 8, 9, 128, 129, 1000])
def test_bootstrap_in_blocks_is_one_draw_after_the_other(count, monkeypatch):
    monkeypatch.setattr(robustness, "BLOCK", 3000)
    values = np.random.default_rng(count).normal(30, 5, count)
    random = np.random.default_rng(0)
    means = [random.choice(values, count).mean() for _ in range(400)]
    found = bootstrap_mean(torch.from_numpy(values), draws=400)
    assert [found.low, found.high] == np.quantile(means, [0.025, 0.975]).tolist()


def test_bootstrap_leaves_infinity_out():
    assert bootstrap_mean(torch.tensor([3.0, math.inf, 3.0])) == bootstrap_mean(torch.tensor([3.0, 3.0]))
    assert bootstrap_mean(torch.tensor([math.inf])).count == 0
    alone = bootstrap_mean(torch.tensor([math.inf, 3.0]))
    assert (alone.value, alone.count) == (3.0, 1) and math.isnan(alone.low) and math.isnan(alone.high)
    with pytest.raises(InputError, match=r"values \[n\]"):
        bootstrap_mean(torch.ones(2, 2))


def test_labels_that_are_off_by_one():
    predictions = torch.arange(0, 60, 3)
    check_labels(predictions, predictions)
    check_labels(predictions, torch.full_like(predictions, 999))
    with pytest.raises(
        InputError, match=r"1-based.*0% of clean photos right, 100% with.*--first-class 1, or -1"
    ):
        check_labels(predictions, predictions + 1)
    with pytest.raises(InputError, match=r"shifted down.*try --first-class 0, or \+1"):
        check_labels(predictions, predictions - 1)
    check_labels(predictions[:9], predictions[:9] + 1)
