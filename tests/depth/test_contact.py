"""What touches a subject that is held at one distance still touches it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocnet.depth.contact import meeting

SIDE = 100
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)
STANDING = ((ROWS > 20) & (ROWS < 70) & (COLUMNS > 35) & (COLUMNS < 65)).astype(np.float32)


def on_the_ground(scale=1):
    """Ground that comes nearer row by row, and a subject as near as the ground that it stands on."""
    ground = 0.2 + 0.008 * ROWS
    return scale * np.where(STANDING > 0.5, np.float32(ground[70, 0]), ground).astype(np.float32)


@pytest.mark.parametrize("scale", [0.05, 1, 20])
def test_ground_meets_feet_that_are_held_elsewhere_and_is_itself_again_farther_off(scale):
    depth, held = on_the_ground(scale), 0.5 * scale
    made = meeting(depth, STANDING, held)
    foot = np.s_[71, 40:60]
    assert (depth[foot] > 1.5 * held).all() and made[foot] == pytest.approx(held, rel=0.1)
    assert (np.diff(made[71:, 50]) > 0).all()
    assert np.array_equal(made[92:], depth[92:]) and np.array_equal(made[:, :10], depth[:, :10])


def test_a_background_behind_the_subject_stays():
    depth = on_the_ground()
    assert meeting(depth, STANDING, 0.5)[20:30, :30] == pytest.approx(depth[20:30, :30], abs=1e-6)
    flat = np.where(STANDING > 0.5, np.float32(0.9), np.float32(0.2))
    assert np.array_equal(meeting(flat, STANDING, 0.6), flat)


def test_feet_that_the_map_has_farther_off_than_the_hold_are_met_as_well():
    made = meeting(on_the_ground(), STANDING, 0.95)
    assert on_the_ground()[71, 50] < 0.8
    assert made[71, 40:60] == pytest.approx(0.95, rel=0.1)


def test_a_background_stays_around_the_top_of_a_subject_that_the_map_missed():
    wall = np.full_like(STANDING, 0.2)
    seen = np.where((STANDING > 0.5) & (ROWS > 45), np.float32(0.5), wall)
    assert meeting(seen, STANDING, 0.5)[:20, 39:61] == pytest.approx(wall[:20, 39:61], abs=0.02)


def test_nothing_moves_where_the_subject_is_held_where_it_is_or_is_none():
    depth = on_the_ground()
    own = float(depth[50, 50])
    assert meeting(depth, STANDING, own) == pytest.approx(depth, abs=1e-6)
    for mask in (np.zeros_like(STANDING), np.ones_like(STANDING)):
        assert meeting(depth, mask, 0.5) is depth


@given(st.integers(0, 1 << 30), st.floats(0.05, 2))
def test_nothing_crosses_the_plane_in_focus(seed, held):
    made = np.random.default_rng(seed)
    depth = made.uniform(0.05, 2, (6, 8)).astype(np.float32).repeat(9, 0).repeat(9, 1)
    mask = (made.uniform(size=(6, 8)) > 0.6).astype(np.float32).repeat(9, 0).repeat(9, 1)
    found = meeting(depth, mask, held)
    assert found.shape == depth.shape and found.dtype == np.float32
    assert (found[depth >= held] >= np.float32(held)).all() and (
        found[depth < held] <= np.float32(held)
    ).all()


@pytest.mark.parametrize("shape", [(1, 100), (100, 1)])
def test_a_line_of_pixels_is_a_photo_too(shape):
    depth = np.linspace(0.2, 1, 100, dtype=np.float32).reshape(shape)
    mask = (depth > 0.5).astype(np.float32)
    assert np.isfinite(meeting(depth, mask, 0.9)).all()


def test_a_large_photo_is_as_a_small_one():
    large = np.kron(on_the_ground(), np.ones((8, 8), np.float32))
    made = meeting(large, np.kron(STANDING, np.ones((8, 8), np.float32)), 0.5)
    small = meeting(on_the_ground(), STANDING, 0.5)
    assert made[4::8, 4::8][72:] == pytest.approx(small[72:], abs=0.03)
