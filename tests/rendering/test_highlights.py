"""Restored highlights."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scenes import render

from cocnet import Highlights, InputError


@given(st.floats(0.1, 0.99), st.floats(1, 50), st.lists(st.floats(0, 3), min_size=3, max_size=3))
def test_undo_is_the_inverse(threshold, gain, colour):
    image = torch.tensor(colour, dtype=torch.float64).view(1, 3, 1, 1)
    lights = Highlights(threshold, gain)
    assert torch.allclose(lights.undo(lights.restore(image)), image, atol=1e-9)


def test_white_is_raised_to_the_gain_and_the_dark_stays():
    lights = Highlights(0.8, 6.0)
    assert lights.restore(torch.ones(1, 3, 1, 1)).unique().item() == pytest.approx(6)
    dark = torch.full((1, 3, 1, 1), 0.7)
    assert torch.equal(lights.restore(dark), dark)


def test_a_clipped_light_becomes_a_brighter_ball_and_focus_stays():
    image = torch.full((1, 3, 64, 64), 0.1)
    image[..., 30:34, 30:34] = 1.0
    x = torch.full((1, 1, 64, 64), 9.0)
    plain, restored = render(image, x), render(image, x, highlights=Highlights())
    assert restored[0, 0, 32, 32] > 1.5 * plain[0, 0, 32, 32]
    sharp = render(image, 0 * x, highlights=Highlights())
    assert torch.allclose(sharp, image, atol=1e-5)


@pytest.mark.parametrize("threshold, gain", [(0, 5), (1, 5), (0.9, 0.5), (0.9, float("inf"))])
def test_impossible_settings(threshold, gain):
    with pytest.raises(InputError, match="threshold"):
        Highlights(threshold, gain)
