"""The trusted range against its definition: a few values beyond twice the others' span are not believed."""

import numpy as np
import pytest

from cocnet.imaging.depth.trusted_range import trusted_range

BASE = np.linspace(1, 2, 4000, dtype=np.float32)  # 0.1 % to 99.9 %: a span of 0.998


def trusted(values, valid=None, **options):
    array = np.asarray(values, np.float32)
    return trusted_range(array, np.ones(array.shape, bool) if valid is None else valid, **options)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("far", "believed"), [(2.9, True), (3.95, True), (4.05, False), (1e9, False)])
def test_twice_the_span_beyond_the_others_is_absurd(sign, far, believed):
    values = sign * np.append(BASE, np.float32(far))
    low, high = sorted(sign * end for end in trusted(values))
    assert low == 1 and high == pytest.approx(far if believed else 2)


@pytest.mark.parametrize(("count", "believed"), [(1, False), (2, False), (3, True)])
def test_at_most_a_2000th_is_absurd(count, believed):
    values = np.append(BASE, np.full(count, 50, np.float32))
    assert trusted(values)[1] == pytest.approx(50 if believed else 2)


@pytest.mark.parametrize(("size", "believed"), [(98, True), (99, False)])
def test_of_fewer_than_a_hundred_none_is_absurd(size, believed):
    values = np.append(np.linspace(1, 2, size), 1e6)
    assert trusted(values)[1] == pytest.approx(1e6 if believed else 2)


def test_a_least_span_keeps_what_is_near_a_flat_map():
    values = np.append(np.full(4000, 3.0), 8.5)
    assert trusted(values) == (3, 3)
    assert trusted(values, least_span=1.0) == (3, 8.5)
    assert trusted(np.append(np.full(4000, 3.0), 9.5), least_span=1.0) == (3, 3)
    assert trusted(-values, least_span=1.0) == (-8.5, -3)


def test_what_is_not_known_counts_for_nothing():
    values = np.append(BASE, np.full(500, 7e7, np.float32))
    assert trusted(values, values < 100) == (1, 2)
    assert trusted(BASE[:10], BASE[:10] < 0) == (np.inf, -np.inf)
