"""Lights told from white surfaces, and how bright they were."""

import numpy as np
import pytest
import torch
from scenes import SCENES, load

from cocnet import PhysicalRenderer
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.rendering.lights import detect, find_lights, restore_lights
from cocnet.rendering.lights.candidates import FEATURES, LUMINANCE, Candidates, find_candidates


def psnr(one, two):
    error = (linear_to_srgb(one.clamp(0, 1)) - linear_to_srgb(two.clamp(0, 1))).square().mean()
    return float(-10 * error.log10())


def stored(light):
    """What an 8-bit file holds of it."""
    return srgb_to_linear((linear_to_srgb(light.clamp(0, 1)) * 255).round() / 255)


def lamps(generator, colour=(1.0, 1.0, 1.0), height=240, width=320):
    """A dim street with eight lamps forty times as bright as white."""
    coarse = torch.rand(1, 3, height // 20, width // 20, generator=generator)
    image = 0.08 * torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0].clamp(min=0)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    for i in range(8):
        distance = torch.hypot(rows - 40.3 - 120 * (i % 2), columns - 30.7 - 36.1 * i)
        image = image + 40 * torch.special.ndtr((2.5 - distance) / 0.6) * torch.tensor(colour)[:, None, None]
    return image


def surfaces():
    """Paper on a table, a sunlit orange floor, snow, a sky behind branches."""
    grey = torch.full((3, 240, 320), 0.25)
    paper, floor, snow, sky = (grey.clone() for _ in range(4))
    paper[:, 60:180, 80:220] = 1.0
    floor[:, 120:] = torch.tensor([1.0, 0.55, 0.08])[:, None, None]
    made = torch.Generator().manual_seed(3)
    snow[:, 80:] = (0.85 + 0.3 * torch.rand(160, 320, generator=made)).clamp(max=1)
    sky[:] = 1.0
    sky[:, torch.rand(240, 320, generator=made) < 0.4] = 0.1
    return {"paper": paper, "floor": floor, "snow": snow, "sky": sky}


def test_lamps_are_raised_to_about_what_they_were(random):
    truth = lamps(random)
    photo = stored(truth)
    restored = restore_lights(photo[None])[0]
    clipped = photo.amin(0) > 0.95
    assert 0.4 < (restored * clipped).sum() / (truth * clipped).sum() < 2.5
    assert torch.equal(restored[:, photo.amin(0) < 0.8], photo[:, photo.amin(0) < 0.8])


@pytest.mark.parametrize("name", surfaces())
def test_white_surfaces_stay_as_they_are(name):
    photo = stored(surfaces()[name])
    assert torch.equal(restore_lights(photo[None])[0], photo)


def test_the_colour_is_that_of_the_rim(random):
    warm = restore_lights(stored(lamps(random, (1.0, 0.8, 0.5)))[None])[0]
    red, _, blue = warm.flatten(1).amax(1).tolist()
    assert red > 1.2 * blue


def test_a_window_has_the_lights_of_the_whole_also_where_a_copy_is_reduced(random):
    photo = stored(torch.nn.functional.interpolate(lamps(random)[None], scale_factor=6, mode="bilinear")[0])
    lights = find_lights(lambda rows: photo[:, rows], *photo.shape[1:])
    whole = lights.restore(photo)
    assert lights.scale == 2 and whole.max() > 5
    part = lights.restore(photo[:, 201:777, 303:999], 201, 303)
    assert torch.equal(part, whole[:, 201:777, 303:999])


@pytest.mark.parametrize("path", [SCENES[3], SCENES[5]], ids=lambda path: path.stem)
def test_most_of_what_clipping_costs_is_won_back(path):
    sharp, depth, bokeh, lens = load(path)
    photo = stored(sharp)
    off, auto = (PhysicalRenderer(lens)(x, depth) for x in (photo, restore_lights(photo)))
    assert psnr(auto, bokeh) > psnr(off, bokeh) + 8
    assert abs(auto.clamp(max=1).mean() / bokeh.clamp(max=1).mean() - 1) < 0.02


def test_a_gain_is_shared_among_the_channels_as_the_rim_is_coloured(monkeypatch):
    """In luminance it is the light's; a bright rim keeps its ratios within a fifth, a black one is grey."""
    rims = np.array([[1, 0.5, 0.2], [0.3, 0.6, 0.9], [0, 0, 0], [2, 2, 2]], np.float32)
    features = np.full((4, 99), -99, np.float32)
    plane = np.zeros((1, 1))
    found = Candidates(
        plane.astype(np.int32), features, np.ones(4, np.float32), rims, plane.astype(np.float32)
    )
    monkeypatch.setattr(detect, "judge", lambda _: (np.ones(4), np.full(4, 20.0)))
    gains = detect.gains_of(found)
    assert np.allclose(gains @ LUMINANCE, 20, rtol=1e-4)
    assert np.allclose(gains[2:], 20, rtol=1e-4)
    assert np.allclose(gains[:2] / gains[:2, 1:2], rims[:2] / rims[:2, 1:2], rtol=0.21)


def test_a_picture_of_nothing_but_white_lies_before_white():
    found = find_candidates(np.ones((3, 8, 9), np.float32), np.ones((8, 9), np.float32))
    surrounds = [found.features[0, FEATURES.index(f"surround {i}")] for i in range(5)]
    assert np.allclose(surrounds, 0, atol=0.01)
    assert not find_lights(lambda rows: torch.ones(3, 8, 9)[:, rows], 8, 9).any
