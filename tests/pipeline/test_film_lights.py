"""Restored lights follow the frames before: oracles on one lamp whose gain is told."""

import math

import numpy as np
import pytest

from cocnet.imaging import Photo
from cocnet.pipeline.film import Film
from cocnet.pipeline.film_lights import FOLLOW_S, NO_LAMPS, steady_lights
from cocnet.pipeline.film_options import FilmOptions
from cocnet.pipeline.options import RenderOptions
from cocnet.rendering.lights import Lights

SECONDS = 1 / 24
FOLLOWS = 1 - math.exp(-SECONDS / FOLLOW_S)


def lamp(gain, left=20, scale=1):
    """A white square of 4 × 4 blocks with this gain on black, and its photo."""
    labels = np.zeros((40, 60), np.int32)
    labels[10:14, left : left + 4] = 1
    gains = np.array([[1, 1, 1], [gain] * 3], np.float32)
    pixels = np.where(labels > 0, 255, 0).astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
    return Lights(labels, (labels > 0).astype(np.float32), gains, scale), Photo(np.stack([pixels] * 3, -1))


@pytest.mark.parametrize("scale", [1, 2])
def test_the_first_frame_stays_and_is_remembered(scale):
    lights, photo = lamp(5, scale=scale)
    same, lamps = steady_lights(lights, photo, None, 0)
    assert same is lights
    assert lamps == pytest.approx(np.array([[12 * scale, 22 * scale, 16 * scale**2 * 4]]), rel=1e-4)


def test_what_stays_the_same_is_left_alone():
    lights, photo = lamp(5)
    again, lamps = steady_lights(lights, photo, np.array([[12.0, 21.7, 64.0]]), SECONDS)
    assert again.gains == pytest.approx(lights.gains, rel=1e-3) and lamps[0, 2] == pytest.approx(64, rel=1e-4)


@pytest.mark.parametrize(("gain", "was"), [(9, 64.0), (2, 64.0), (5, 0.0)])
def test_a_jump_is_followed_slowly(gain, was):
    lights, photo = lamp(gain)
    made, lamps = steady_lights(lights, photo, np.array([[12.0, 22.0, was]]), SECONDS)
    wanted = was + FOLLOWS * (16 * (gain - 1) - was)
    assert lamps[0, 2] == pytest.approx(wanted, rel=1e-4)
    added = float((made.restore(photo.linear()) - photo.linear()).mean(0).sum())
    assert added == pytest.approx(wanted, rel=0.01)


def test_a_new_lamp_fades_in_and_a_lost_one_from_the_memory():
    lights, photo = lamp(5)
    elsewhere = np.array([[30.0, 50.0, 10.0], [30.0, 5.0, 1e-3]])
    _, lamps = steady_lights(lights, photo, elsewhere, SECONDS)
    assert lamps == pytest.approx(np.array([[12, 22, FOLLOWS * 64], [30, 50, 10 * (1 - FOLLOWS)]]), rel=1e-3)
    dark = Photo(np.zeros((40, 60, 3), np.uint8))
    nothing = Lights(
        np.zeros((40, 60), np.int32), np.zeros((40, 60), np.float32), np.ones((1, 3), np.float32), 1
    )
    _, left = steady_lights(nothing, dark, NO_LAMPS, SECONDS)
    assert left.shape == (0, 3)


def drifting(number):
    """A lamp of 2 px that drifts by 0.3 px a frame, clipped; what is left of it."""
    grid = (np.arange(64 * 8) + 0.5) / 8
    disc = np.hypot(grid[:, None] - 32.2, grid[None] - 30 - 0.3 * number) < 2
    light = np.minimum(0.02 + 3 * disc.reshape(64, 8, 64, 8).mean((1, 3)), 1)
    return Photo(np.rint(255 * light ** (1 / 2.2)).astype(np.uint8)[..., None].repeat(3, -1))


def test_a_drifting_lamp_of_a_film_blinks_less_than_frame_by_frame():
    render = RenderOptions(depth_kind="metric", focus_m=1.5, f_number=2, focal_length_mm=50)
    depth = np.full((64, 64), 8, np.float32)

    def blinking(steady):
        film, energies = Film(FilmOptions(render, steady=steady)), []
        for number in range(8):
            photo = drifting(number)
            lights = film.plan(photo, number / 24, depth).lights
            energies.append(float((lights.restore(photo.linear()) - photo.linear()).sum()))
            if steady and number == 3:  # a film that was stopped goes on alike
                film = Film(FilmOptions(render), film.state)
        return np.abs(np.diff(energies)).mean() / np.mean(energies)

    assert 0 < blinking(True) < 0.4 * blinking(False)
