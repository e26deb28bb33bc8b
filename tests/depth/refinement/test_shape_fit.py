"""Shapes that overlap are told apart; none is taken away where it is missing."""

import numpy as np
import pytest
from scipy.optimize import nnls

from cocnet.depth.refinement.shape_fit import fitted_together, regressed


def test_factors_of_overlapping_shapes_are_those_of_non_negative_least_squares():
    random = np.random.default_rng(0)
    values = random.normal(0.3, 1, (20, 30)).astype(np.float32)
    boxes = [(slice(2, 12), slice(3, 15)), (slice(5, 18), slice(10, 28)), (slice(0, 9), slice(0, 30))]
    shapes = [random.random(values[where].shape, np.float32) for where in boxes]
    free = random.random(values.shape) < 0.8
    columns = np.zeros((3, *values.shape))
    for column, where, shape in zip(columns, boxes, shapes, strict=True):
        column[where] = shape
    factors, whole = fitted_together(values, boxes, shapes, free)
    assert factors == pytest.approx(nnls(columns[:, free].T, values[free])[0], abs=1e-4)
    assert np.allclose(whole, np.tensordot(factors, columns, 1), atol=1e-5)


def test_two_equal_shapes_share_what_there_is():
    values, where = np.zeros((6, 6), np.float32), (slice(1, 4), slice(1, 4))
    values[where] = 2
    factors, whole = fitted_together(values, [where, where], [np.ones((3, 3), np.float32)] * 2, values < 3)
    assert factors.sum() == pytest.approx(2) and np.allclose(whole, values)
    assert fitted_together(values, [], [], values < 3)[0].size == 0
    assert (fitted_together(-values, [where], [np.ones((3, 3), np.float32)], values < 3)[0] == 0).all()


def test_a_line_is_its_own_shape_up_to_a_constant():
    shape = np.linspace(0, 1, 9, dtype=np.float32)
    assert regressed(3 * shape + 5, shape) == pytest.approx((3, 1), abs=1e-5)
    assert regressed(shape, np.ones_like(shape)) == (0, 0) and regressed(shape[:0], shape[:0]) == (0, 0)
