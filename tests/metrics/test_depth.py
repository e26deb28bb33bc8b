"""Scores of relative disparity against cases worked out by hand."""

import numpy as np
import pytest

from cocnet.metrics.depth import aligned, delta_share, ordered_share


def slope():
    return np.linspace(1, 3, 200).reshape(10, 20)


def test_scale_and_shift_do_not_count():
    truth = slope()
    assert np.allclose(aligned(0.01 * truth - 7, truth), truth)
    assert delta_share(40 * truth + 3, truth) == 1


def test_a_map_upside_down_is_no_better_than_none():
    truth = slope()
    assert np.allclose(aligned(-truth, truth), truth.mean())
    within = ((truth > 2 / 1.25) & (truth < 2 * 1.25)).mean()
    assert delta_share(-truth, truth) == delta_share(np.zeros_like(truth), truth) == pytest.approx(within)


def test_only_what_counts_counts():
    truth = slope()
    broken = truth.copy()
    broken[:5] = 100
    where = np.arange(10)[:, None].repeat(20, 1) >= 5
    assert delta_share(broken, truth, where) == 1 > delta_share(broken, truth)


def test_what_lands_behind_infinity_is_off():
    truth = np.array([[1e-3, 1.0, 2.0, 3.0]])
    disparity = np.array([[-1.0, 1.0, 2.0, 3.0]])
    assert delta_share(disparity, truth) <= 0.75


def test_order_of_pairs():
    disparity = np.array([[0.9, 0.9, 0.1, 0.1], [0.9, 0.9, 0.95, 0.1]])
    subject = np.zeros((2, 4), bool)
    subject[:, :2] = True
    assert ordered_share(disparity, subject, ~subject, 4000) == pytest.approx(0.75, abs=0.03)
