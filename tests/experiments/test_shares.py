"""Wilson's interval against published values."""

import math

import pytest

from cocnet.experiments.shares import share


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_published_intervals(hits, count, low, high):
    found = share(k < hits for k in range(count))
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-4)
    assert found.value == hits / count and found.count == count


def test_all_and_none():
    assert share([True] * 5).high == 1 and str(share([])) == "–" and math.isnan(share([]).value)
    assert str(share([True, False])) == "50 [9, 91]"
