"""Pixels of the rendered light: what was left alone, dithering, grain."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from cocnet.imaging import Photo, read_photo
from cocnet.imaging.color.profile import of_code_points
from cocnet.pipeline.finish import Grain, encoded, finish, rounded
from cocnet.pipeline.noise import eight_bit
from cocnet.pipeline.render_photo import render
from cocnet.pipeline.result_files import save_with_settings

ALL = slice(0, 96), slice(0, 128)


def noisy(deviation, level=120):
    made = np.random.default_rng(5)
    return np.clip(np.rint(level + deviation * made.normal(size=(96, 128, 3))), 0, 255).astype(np.uint8)


def test_what_is_not_blurred_stays_bit_for_bit_and_lamps_in_focus_too():
    pixels = noisy(3)
    pixels[40:44, 60:64] = 251
    depth = np.full((96, 128), 2.0, np.float32)
    depth[:, 90:] = 9.0
    out = render(pixels, depth, focus_m=2, f_number=1.4).pixels
    assert np.array_equal(out[:, :60], pixels[:, :60]) and not np.array_equal(out[:, 100:], pixels[:, 100:])


def test_a_gradient_is_dithered_and_keeps_its_mean():
    photo = Photo(noisy(0))
    light = torch.linspace(0.2, 0.21, 128).expand(3, 96, 128).contiguous()
    out = finish(photo, *ALL, photo.linear(), light, None, None)
    steps = np.abs(np.diff(photo.encode(light).astype(int), axis=1)).sum(1)
    assert np.abs(np.diff(out.astype(int), axis=1)).sum(1).mean() > 5 * steps.mean()
    columns = Photo(out).linear().mean(1)
    assert (columns[:, 8:120] - light[:, 0, 8:120]).abs().max() < 8e-4


def test_a_colour_that_a_code_holds_is_not_dithered():
    photo = Photo(noisy(0, 77))
    light = Photo(noisy(0, 131)).linear()
    assert (finish(photo, *ALL, photo.linear(), light, None, None) == 131).all()


@pytest.mark.parametrize("icc", [None, of_code_points(9, 16)], ids=["sRGB", "a curve of finer steps"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_light_is_encoded_as_the_photo_does(icc, kind):
    photo = Photo(noisy(3).astype(kind), icc=icc)
    light = torch.rand(3, 70, 50) * 1.4 - 0.2
    light[0, :3, 0] = torch.tensor([torch.nan, torch.inf, -torch.inf])
    light[1, :, :] = Photo(np.arange(70 * 50 * 3).reshape(70, 50, 3).astype(kind), icc=icc).linear()[1]
    assert np.array_equal(encoded(photo, light), photo.encode(light))


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("planes", [0, 1, 3], ids=["no grain", "grain", "grain of each channel"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_the_compiled_loop_does_the_same(monkeypatch, kind, planes, grey):
    whole = Photo(noisy(3).astype(kind) * kind(np.iinfo(kind).max // 255), grey=grey)
    window = slice(9, 90), slice(5, 120)
    light = whole.linear()[:, window[0], window[1]]
    rendered = torch.rand(light.shape, generator=torch.Generator().manual_seed(1)) * 1.2 - 0.1
    rendered[:, 20:40] = light[:, 20:40]
    radius = np.linspace(0, 9, light[0].numel(), dtype=np.float32).reshape(1, *light.shape[1:])
    radius = np.concatenate([radius, radius[:, ::-1], radius / 2])[:planes]
    given = (light, rendered, radius, Grain.of(whole)) if planes else (light, rendered, None, None)
    made = []
    for compiled in ("0", "1"):
        monkeypatch.setenv("COCNET_COMPILED", compiled)
        made.append(finish(whole, *window, *given, seed=7).astype(int))
    assert (made[0][20:40] == whole.pixels[29:49, 5:120]).all()
    other = np.abs(made[0] - made[1])
    assert other.max() <= 1 and (other > 0).mean() < 1e-3


@pytest.mark.filterwarnings("error")
def test_the_darkest_codes_of_a_curve_that_starts_flat():
    """PQ's first 8-bit codes lie closer in light than a float's reciprocal reaches."""
    photo = Photo(noisy(0), icc=of_code_points(9, 16))
    for code in range(6):
        light = Photo(noisy(0, code), icc=photo.icc).linear()
        assert (finish(photo, *ALL, photo.linear(), light, None, None) == code).all()


@pytest.mark.parametrize("deviation", [1.0, 3.0, 10.0])
def test_grain_is_measured_and_given_back(deviation):
    pixels = noisy(deviation)
    assert Grain.of(Photo(pixels)).deviation.mean() == pytest.approx(deviation, rel=0.25)
    depth = np.full((96, 128), 9.0, np.float32)
    depth[:, :20] = 2.0
    ask = {"focus_m": 2, "f_number": 0.7, "focal_length_mm": 200}
    noise = [render(pixels, depth, grain=how, **ask).pixels[20:80, 60:].std() for how in ("auto", "off")]
    assert noise[0] == pytest.approx(deviation, rel=0.3) and noise[1] < 0.6 * deviation


def test_grain_comes_back_where_only_red_and_blue_are_blurred():
    """In focus under axial chromatic aberration: green stays as it is."""
    ask = {"focus_m": 2, "f_number": 0.7, "focal_length_mm": 200, "axial_ca": 0.3}
    pixels, depth = noisy(2), np.full((96, 128), 2.0, np.float32)
    noise = {
        how: render(pixels, depth, grain=how, **ask).pixels[20:80, 20:100].std((0, 1))
        for how in ("auto", "off")
    }
    assert noise["auto"] == pytest.approx([2, 2, 2], rel=0.3)
    assert noise["off"][1] == noise["auto"][1] and max(noise["off"][0], noise["off"][2]) < 1.2


def test_windows_fit_together():
    photo, light = Photo(noisy(2)), torch.full((3, 96, 128), 0.3)
    grain, radius = Grain.of(photo), np.full((1, 96, 128), 5.0, np.float32)
    whole = finish(photo, *ALL, photo.linear(), light, radius, grain)
    part = slice(31, 80), slice(17, 99)
    window = finish(
        photo, *part, photo.linear()[:, 31:80, 17:99], light[:, 31:80, 17:99], radius[:, 31:80, 17:99], grain
    )
    assert np.array_equal(window, whole[31:80, 17:99])


def test_gravel_of_one_brightness_is_no_grain():
    """Half of the photo is a smooth ramp of dark greys, half is rough and bright."""
    made = np.random.default_rng(2)
    pixels = np.repeat(np.linspace(40, 110, 128)[None, :, None], 96, 0) + made.normal(0, 0.4, (96, 128, 3))
    pixels[48:] = 190 + made.normal(0, 4, (48, 128, 3))
    measured = Grain.of(Photo(np.rint(pixels).clip(0, 255).astype(np.uint8)))
    assert (measured.at(np.full((1, 1), 70, np.uint8), 0) < 1).all()
    assert (measured.at(np.full((1, 1), 190, np.uint8), 0) < 2.5).all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_photo_without_colour_gets_none(kind):
    grey = noisy(4)[..., :1].astype(kind) * kind(np.iinfo(kind).max // 255)
    photo = Photo(np.ascontiguousarray(grey.repeat(3, 2)))
    assert photo.colourless and not Photo(noisy(4)).colourless and Photo(noisy(4), grey=True).colourless
    out = render(photo, np.full((96, 128), 9.0, np.float32), focus_m=1, f_number=1.4).pixels
    assert np.ptp(out, axis=2).max() == 0 and np.ptp(out) > 0


def test_texture_is_no_grain():
    pixels = np.random.default_rng(1).integers(0, 256, (96, 128, 3)).astype(np.uint8)
    assert Grain.of(Photo(pixels)).deviation.max() == 0


@pytest.mark.parametrize("sigma_px", [0.8, 1.0, 1.5])
def test_fine_texture_is_no_grain_and_hides_none(sigma_px):
    """What is there at half the scale, too, is none of a sensor's: white noise upon it is still measured."""
    texture = gaussian_filter(np.random.default_rng(2).normal(size=(96, 128, 3)), (sigma_px, sigma_px, 0))
    texture *= 3 / texture.std()
    assert Grain.of(Photo(np.uint8(np.rint(120 + texture)))).deviation.max() < 0.5
    both = Grain.of(Photo(np.uint8(np.rint(noisy(5) + texture / 2)))).deviation.mean()
    assert both == pytest.approx(5, rel=0.25)


def test_previews_round_to_the_code_that_was_rendered():
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, -1)
    photo = Photo(codes)
    assert np.array_equal(rounded(photo, photo.linear()), codes)
    assert rounded(photo, 5 * torch.ones(3, 1, 1)).tolist() == [[[255] * 3]]


@pytest.mark.parametrize("grey", [False, True])
def test_sixteen_bits_are_dithered_where_a_file_has_eight(grey, tmp_path):
    ramp = np.linspace(20_000, 22_000, 400).astype(np.uint16)
    deep = np.repeat(np.repeat(ramp[None, :, None], 64, 0), 3, 2)
    save_with_settings(tmp_path / "a.webp", deep, {}, Photo(deep, grey=grey), 100)
    codes = eight_bit(deep, grey)
    assert np.abs(codes.mean((0, 2)) - ramp / 257).max() < 0.2
    assert len(np.unique(codes, axis=0)) > 10 and (np.ptp(codes, axis=2).max() == 0) == grey
    exact = np.arange(256, dtype=np.uint16).repeat(3).reshape(1, 256, 3)
    assert np.array_equal(eight_bit(exact * 257), exact)
    read = read_photo(tmp_path / "a.webp").pixels
    assert len(np.unique(read[:, :, 1], axis=0)) > 10
