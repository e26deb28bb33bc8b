"""Resampling against bilinear interpolation written out, with holes that weigh nothing."""

import numpy as np
import pytest

from cocnet.imaging.depth.resample import resample, same_aspect

RANDOM = np.random.default_rng(0)


def bilinear(plane, height, width):
    """Mean of the four pixels around the middle of each new one, by distance; edges repeat."""
    out = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            y = min(max((i + 0.5) * plane.shape[0] / height - 0.5, 0), plane.shape[0] - 1)
            x = min(max((j + 0.5) * plane.shape[1] / width - 0.5, 0), plane.shape[1] - 1)
            top, left = int(y), int(x)
            down, right = min(top + 1, plane.shape[0] - 1), min(left + 1, plane.shape[1] - 1)
            v, u = y - top, x - left
            out[i, j] = (1 - v) * ((1 - u) * plane[top, left] + u * plane[top, right])
            out[i, j] += v * ((1 - u) * plane[down, left] + u * plane[down, right])
    return out


@pytest.mark.parametrize("metric", [True, False])
def test_growing_mixes_what_is_known(metric):
    values = RANDOM.uniform(0.5, 9, (5, 4)).astype(np.float32)
    valid = RANDOM.random((5, 4)) > 0.2
    values[~valid] = 0
    found, known = resample(values, valid, 13, 11, metric)
    weight = bilinear(valid.astype(float), 13, 11)
    line = np.where(valid, 1 / np.where(valid, values, 1) if metric else values, 0)
    mean = bilinear(line, 13, 11) / np.maximum(weight, 1e-9)
    sure = np.abs(weight - 0.5) > 1e-4
    assert np.array_equal(known[sure], weight[sure] > 0.5)
    assert np.allclose(found[known], 1 / mean[known] if metric else mean[known], rtol=1e-4)
    assert not found[~known].any()


@pytest.mark.parametrize("size", [(4, 12), (12, 4), (4, 4)])
def test_shrinking_forgets_no_pixel(size):
    """A pattern finer than the new pixels becomes its mean, whichever side shrinks."""
    values = np.where(np.indices((12, 12)).sum(0) % 2, 3.0, 1.0).astype(np.float32)
    found, known = resample(values, np.ones((12, 12), bool), size[0], size[1], False)
    assert known.all() and found[1:-1, 1:-1] == pytest.approx(2, abs=0.15)


def test_where_little_is_known_the_most_known_is_kept():
    valid = np.zeros((8, 8), bool)
    valid[2, 5] = True
    found, known = resample(np.full((8, 8), 4, np.float32), valid, 2, 2, True)
    assert known.tolist() == [[False, True], [False, False]] and found[0, 1] == pytest.approx(4)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ((4000, 3000), (400, 300), True),
        ((4000, 3000), (404, 300), True),
        ((4000, 3000), (406, 300), False),
        ((4032, 3024), (7, 5), True),
        ((4032, 3024), (8, 5), False),
        ((105, 10), (11, 1), True),
        ((100, 10), (11, 1), False),
        ((3, 4), (4, 3), False),
    ],
)
def test_aspects_agree_within_a_percent_or_a_pixel(old, new, same):
    assert same_aspect(*old, *new) == same
    assert same_aspect(*new, *old) == same
    assert same_aspect(*old[::-1], *new[::-1]) == same
