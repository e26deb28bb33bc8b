"""What is infinity, what is nothing, for each kind of depth."""

import numpy as np
import pytest
import torch

from cocnet.imaging.depth.depth_array import as_array, as_plane, known_values

GIVEN = np.array([[-1, 0, 0.5, 1.5, 9999, 10001, 1e10, np.inf, np.nan, -np.inf]], np.float32)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("metric", [None, None, 0.5, 1.5, 9999, 1e4, 1e4, 1e4, None, None]),
        ("disparity", [None, 0, 0.5, 1.5, 9999, 10001, 1e10, None, None, None]),
        ("relative_depth", [-1, 0, 0.5, 1.5, 9999, 10001, 10001, 10001, None, None]),
        ("relative_disparity", [-1, 0, 0.5, 1.5, 9999, 10001, 1e10, None, None, None]),
    ],
)
def test_each_value_as_each_kind(kind, expected):
    values, valid = known_values(GIVEN.copy(), kind)
    assert valid[0].tolist() == [each is not None for each in expected]
    assert np.allclose(values[0], [each or 0 for each in expected])


@pytest.mark.parametrize("kind", ["metric", "disparity", "relative_depth"])
def test_infinity_alone_is_nothing(kind):
    infinite = np.full((2, 2), 0 if kind == "disparity" else np.inf, np.float32)
    assert not known_values(infinite, kind)[1].any()


def test_one_plane_whatever_its_axes():
    plane = np.arange(6, dtype=np.float64).reshape(2, 3)
    for given in (plane, plane[None], plane[..., None], torch.from_numpy(plane), plane.tolist()):
        assert np.array_equal(as_plane(given, "x"), plane)
    two = np.stack([plane[:1], plane[:1] + 9], axis=-1)[:, :1]
    assert as_plane(two, "x").shape == (1, 2)
    masked = np.ma.masked_equal(plane, 4)
    assert np.array_equal(np.isnan(as_array(masked)), plane == 4)
    assert as_array(torch.ones(2, 2, dtype=torch.bfloat16)).dtype == np.float32
