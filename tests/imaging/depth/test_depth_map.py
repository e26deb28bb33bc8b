"""Depth maps: kinds, masks, inverse depth, resizing; rows 10 and 11 of the bad-input table."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cocnet.errors import DepthError, InputError
from cocnet.imaging.depth.depth_map import KINDS, DepthMap, write_depth
from cocnet.imaging.depth.holes import fill_holes


def one_line(caught, *words):
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in ("expected", "got", "try", *words)), message


RAMP = np.linspace(1, 5, 12, dtype=np.float32).reshape(3, 4)


def test_absolute_kinds_are_themselves():
    assert np.allclose(DepthMap.of(RAMP, "metric").inverse_depth(), 1 / RAMP)
    assert np.allclose(DepthMap.of(RAMP, "metric").depth_m(), RAMP)
    assert np.array_equal(DepthMap.of(RAMP, "disparity").inverse_depth(), RAMP)


def test_relative_kinds_lie_between_near_and_far():
    share = (RAMP - 1) / 4
    nearer = DepthMap.of(7 * RAMP - 100, "relative_disparity").inverse_depth(0.5, 8)
    assert np.allclose(nearer, 1 / 8 + share * (1 / 0.5 - 1 / 8), atol=1e-6)
    farther = DepthMap.of(7 * RAMP - 100, "relative_depth").depth_m(0.5, 8)
    assert np.allclose(farther, 0.5 + share * 7.5, rtol=1e-5)


@given(
    arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(width=32)),
    st.sampled_from(KINDS),
)
def test_row_11_whatever_comes_is_masked_and_finite(values, kind):
    usable = np.isfinite(values) & ((values > 0) | (kind.startswith("relative")))
    if kind == "relative_depth":
        usable &= values < 1e10
    infinite = {"metric": values == np.inf, "disparity": values == 0, "relative_depth": values >= 1e10}
    if not usable.any():
        with pytest.raises(DepthError) as caught:
            DepthMap.of(values, kind)
        one_line(caught)
        return
    depth = DepthMap.of(values, kind)
    assert np.array_equal(depth.valid, usable | infinite.get(kind, False))
    assert np.isfinite(depth.values).all()
    inverse, metres = depth.inverse_depth(0.5, 20), depth.depth_m(0.5, 20)
    assert inverse.dtype == metres.dtype == np.float32
    assert np.isfinite(inverse).all() and (inverse > 0).all()
    assert metres.min() >= 1e-3 * (1 - 1e-6) and metres.max() <= 1e4 * (1 + 1e-6)
    if kind.startswith("relative"):
        assert inverse.min() >= 1 / 20 - 1e-5 and inverse.max() <= 2 + 1e-5


@pytest.mark.parametrize("kind", ["relative_depth", "relative_disparity"])
def test_row_11_constant_relative_map_lies_in_the_middle(kind):
    inverse = DepthMap.of(np.full((2, 3), 7.0), kind).inverse_depth(1, 10)
    assert np.allclose(inverse, 0.55)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, -np.inf])
def test_row_11_holes_do_not_move_the_rest(bad):
    values = RAMP.copy()
    values[1, 2] = bad
    depth = DepthMap.of(values, "metric")
    assert depth.valid.sum() == 11 and depth.values[1, 2] == 0
    inverse = depth.inverse_depth()
    others = np.ones((3, 4), bool)
    others[1, 2] = False
    assert np.allclose(inverse[others], 1 / RAMP[others])
    around = 1 / np.array([RAMP[0, 2], RAMP[2, 2], RAMP[1, 1], RAMP[1, 3]])
    assert around.min() <= inverse[1, 2] <= around.max()


@pytest.mark.parametrize(
    ("kind", "infinity", "inverse"),
    [
        ("metric", np.inf, 1e-4),
        ("metric", 1e10, 1e-4),
        ("disparity", 0.0, 1e-4),
        ("disparity", -0.0, 1e-4),
        ("relative_depth", np.inf, 0.1),
        ("relative_depth", 1e10, 0.1),
    ],
)
def test_infinity_is_the_farthest_and_no_hole(kind, infinity, inverse):
    values = np.full((30, 40), 2.0, np.float32)
    values[:, 20:] = 4.0
    alone = DepthMap.of(values, kind).inverse_depth(1, 10)
    values[:12] = infinity
    depth = DepthMap.of(values, kind)
    assert depth.valid.all() and np.isfinite(depth.values).all()
    found = depth.inverse_depth(1, 10)
    assert np.allclose(found[:12], inverse) and np.allclose(found[12:], alone[12:])
    values[:12] = 2.0
    values[5, 5] = infinity
    assert np.allclose(DepthMap.of(values, kind).inverse_depth(1, 10)[5, 5], inverse)


@pytest.mark.parametrize(
    ("kind", "infinity"), [("metric", np.inf), ("disparity", 0), ("relative_depth", 1e11)]
)
def test_nothing_but_infinity_is_no_depth(kind, infinity):
    with pytest.raises(DepthError):
        DepthMap.of(np.full((3, 4), infinity), kind)


@pytest.mark.parametrize(
    ("kind", "absurd"),
    [
        ("metric", 1e-6),
        ("disparity", 1e9),
        ("relative_depth", 1e9),
        ("relative_depth", -1e9),
        ("relative_disparity", 1e9),
        ("relative_disparity", -1e9),
        ("relative_disparity", 3e38),
    ],
)
@pytest.mark.parametrize("size", [(30, 45), (300, 200)])
def test_a_single_absurd_value_does_not_flatten_the_rest(kind, absurd, size):
    values = np.linspace(1, 5, size[0] * size[1]).reshape(size)
    before = DepthMap.of(values, kind).inverse_depth(1, 10)
    values[3, 7] = absurd
    after = DepthMap.of(values, kind).inverse_depth(1, 10)
    others = np.ones(size, bool)
    others[3, 7] = False
    assert np.allclose(after[others], before[others], atol=2e-3)
    assert before.min() - 1e-3 <= after[3, 7] <= before.max() + 1e-3


@pytest.mark.parametrize("kind", ["relative_depth", "relative_disparity", "disparity"])
def test_a_small_object_far_from_everything_else_is_kept(kind):
    values = np.linspace(1, 1.1, 100 * 100).reshape(100, 100)
    values[40:43, 50:53] = 9.0
    inverse = DepthMap.of(values, kind).inverse_depth(1, 10)
    assert inverse[41, 51] == pytest.approx({"relative_depth": 0.1, "disparity": 9}.get(kind, 1.0))


def test_zero_diopters_are_the_farthest():
    values = np.linspace(0, 2, 12).reshape(3, 4)
    assert np.allclose(DepthMap.of(values, "disparity").inverse_depth()[0], [1e-4, *values[0, 1:]])


@pytest.mark.parametrize("kind", [None, "depth", "", "Metric"])
def test_kind_is_needed(kind):
    with pytest.raises(DepthError) as caught:
        DepthMap.of(RAMP, kind)
    one_line(caught, "--depth-kind", *KINDS)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.ones(5),
        np.ones((2, 3, 3)),
        np.array([["a"]]),
        np.array([[None]]),
        np.ones((1, 1), complex),
    ],
)
def test_only_one_plane_of_numbers(array):
    with pytest.raises(DepthError) as caught:
        DepthMap.of(array, "metric")
    one_line(caught, "(h, w)")


def test_tensors_and_single_channels():
    for array in (torch.from_numpy(RAMP), RAMP[None], RAMP[..., None], torch.from_numpy(RAMP).double()[None]):
        assert np.array_equal(DepthMap.of(array, "metric").values, RAMP)


@pytest.mark.parametrize(("near", "far"), [(0, 1), (2, 1), (1, 1), (-1, 1), (1, np.inf), (np.nan, 1)])
def test_near_and_far_must_make_sense(near, far):
    with pytest.raises(InputError) as caught:
        DepthMap.of(RAMP, "relative_depth").inverse_depth(near, far)
    one_line(caught)


@pytest.mark.parametrize(
    ("size", "fits"), [((6, 8), True), ((300, 400), True), ((302, 400), True), ((4, 5), True)]
)
def test_row_10_another_size_of_the_same_aspect(size, fits):
    resized = DepthMap.of(RAMP, "metric").resized(*size)
    assert resized.values.shape == resized.valid.shape == size
    assert resized.valid.all()
    assert resized.values.min() >= 1 - 1e-5 and resized.values.max() <= 5 + 1e-5


@pytest.mark.parametrize("size", [(400, 300), (300, 430), (100, 100), (0, 4)])
def test_row_10_another_aspect(size):
    with pytest.raises(DepthError) as caught:
        DepthMap.of(np.ones((300, 400)), "metric").resized(*size)
    one_line(caught, "400 × 300")


def test_what_is_no_map_is_not_written(tmp_path):
    with pytest.raises(DepthError) as caught:
        write_depth(tmp_path / "w.png", RAMP)
    one_line(caught, "DepthMap", "ndarray")


def test_turned_depth_is_named():
    with pytest.raises(DepthError, match="turning"):
        DepthMap.of(np.ones((300, 400)), "metric").resized(400, 300)


def test_resizing_is_linear_in_inverse_depth():
    planes = np.linspace(0.2, 1.0, 64)
    depth = DepthMap.of(np.broadcast_to(1 / planes, (64, 64)), "metric")
    big = 1 / depth.resized(128, 128).values[0]
    expected = np.interp((np.arange(128) + 0.5) / 2 - 0.5, np.arange(64), planes)
    assert np.allclose(big, expected, atol=1e-5)
    small = 1 / depth.resized(16, 16).values[0]
    assert np.allclose(small[2:-2], planes.reshape(16, 4).mean(1)[2:-2], atol=1e-3)


@pytest.mark.parametrize("size", [(80, 80), (10, 10)])
def test_resizing_keeps_holes_holes_and_unmixed(size):
    values = np.full((40, 40), 2.0)
    values[:, :20] = np.nan
    resized = DepthMap.of(values, "metric").resized(*size)
    half = size[1] // 2
    assert not resized.valid[:, : half - 1].any() and resized.valid[:, half + 1 :].all()
    assert np.allclose(resized.values[resized.valid], 2.0, atol=1e-5)


def test_holes_lean_to_the_far_side():
    inverse = np.full((20, 20), 1.0, np.float32)
    inverse[:, 10:] = 0.1
    valid = np.ones((20, 20), bool)
    valid[:, 6:12] = False
    filled = fill_holes(inverse, valid)
    assert filled[:, 6:12].max() < 0.15
    assert np.array_equal(filled[valid], inverse[valid])


def slow_fill(values, valid):
    """The same, pixel by pixel, for maps in which every pixel sees a known one."""
    softness = max(0.05 * np.ptp(values[valid]), 1e-12)
    filled = values.copy()
    for row, column in np.argwhere(~valid):
        seen = []
        for down, across in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            y, x, distance = row + down, column + across, 1
            while 0 <= y < len(values) and 0 <= x < len(values[0]) and not valid[y, x]:
                y, x, distance = y + down, x + across, distance + 1
            if 0 <= y < len(values) and 0 <= x < len(values[0]):
                seen.append((float(values[y, x]), distance))
        lowest = min(value for value, _ in seen)
        weights = [np.exp((lowest - value) / softness) / distance for value, distance in seen]
        filled[row, column] = np.average([value for value, _ in seen], weights=weights)
    return filled


@pytest.mark.parametrize("size", [(150, 6), (5, 40), (64, 9), (65, 7)])
def test_holes_are_filled_as_by_the_definition(size):
    rng = np.random.default_rng(1)
    values, valid = rng.random(size).astype(np.float32), rng.random(size) < 0.4
    valid[:, 0] = True
    assert np.allclose(fill_holes(values, valid), slow_fill(values, valid), atol=1e-5)


def test_filling_half_of_a_map_needs_little_more_than_the_map():
    rng = np.random.default_rng(0)
    values, valid = rng.random((1200, 1500)).astype(np.float32), rng.random((1200, 1500)) < 0.5
    tracemalloc.start()
    try:
        fill_holes(values, valid)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * values.size


@given(arrays(bool, (7, 9)), st.integers(0, 100))
def test_any_pattern_of_holes_is_filled_within_range(valid, seed):
    if not valid.any():
        valid[3, 3] = True
    inverse = np.random.default_rng(seed).random((7, 9)).astype(np.float32)
    filled = fill_holes(inverse, valid)
    assert np.array_equal(filled[valid], inverse[valid])
    assert filled.min() >= inverse[valid].min() - 1e-6
    assert filled.max() <= inverse[valid].max() + 1e-6
