"""Colours under alpha 0: they give way to the nearest solid ones, and nothing else changes."""

import numpy as np
import pytest

from cocnet.imaging import Photo
from cocnet.imaging.photo import hidden
from cocnet.imaging.photo.hidden import fill_hidden


def cut(dtype=np.uint8, alpha_dtype=np.uint8):
    """Random colours; solid are columns 0–19, 20–23 fade, the rest is hidden."""
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (30, 45, 3)).astype(dtype)
    alpha = np.zeros((30, 45), alpha_dtype)
    most = np.iinfo(alpha_dtype).max
    alpha[:, :20], alpha[:, 20:24] = most, (most // 5 * 4, most // 2, most // 20, 1)
    return Photo(pixels, alpha=alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha_dtype", [np.uint8, np.uint16])
def test_what_is_hidden_gets_the_nearest_solid_colour(dtype, alpha_dtype):
    photo = cut(dtype, alpha_dtype)
    filled = fill_hidden(photo)
    assert filled.pixels.dtype == dtype and np.array_equal(filled.pixels[:, :24], photo.pixels[:, :24])
    assert np.array_equal(filled.pixels[:, 24:], np.repeat(photo.pixels[:, 19:20], 21, 1))
    assert filled.alpha is photo.alpha


def test_of_a_large_photo_it_is_the_colour_of_the_nearest_block(monkeypatch):
    monkeypatch.setattr(hidden, "MOST_CELLS", 200)
    photo = cut()
    filled = fill_hidden(photo)
    assert np.array_equal(filled.pixels[:, :24], photo.pixels[:, :24])
    for top in range(0, 30, 3):
        mean = photo.pixels[top : top + 3, 18:20].mean((0, 1))
        assert np.abs(filled.pixels[top : top + 3, 24:] - mean).max() <= 0.5


def test_without_hidden_or_without_visible_pixels_a_photo_is_left():
    photo = cut()
    for alpha in (None, np.ones_like(photo.alpha), np.zeros_like(photo.alpha)):
        given = Photo(photo.pixels, alpha=alpha)
        assert fill_hidden(given) is given
