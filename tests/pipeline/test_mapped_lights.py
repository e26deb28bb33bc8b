"""The light of a gain map through the renderer: nearer to the truth than a guess; what is flat stays as it was."""

import gain_map_files as files
import numpy as np
import pytest
import torch

import cocnet
from cocnet.imaging import Photo, read_photo
from cocnet.pipeline.live_preview import View
from cocnet.pipeline.mapped_lights import MappedLights
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.scene import open_scene
from cocnet.pipeline.tone_curve import ToneCurve

LENS = {"f_number": 0.7, "focal_length_mm": 50.0, "sensor_width_mm": 36.0, "focus_m": 1.0, "grain": "off"}
RADIUS_PX = 6.0
pytestmark = pytest.mark.filterwarnings("ignore:.*gain map")


def depth(size):
    """A near half, in focus at 1 m, and a wall whose blur has RADIUS_PX."""
    lens = cocnet.ThinLens(0.05, 0.7, 1.0, 0.036)
    away = float(lens.coc_radius_px(torch.tensor(0.0), size[1]).abs())
    metres = np.full(size, 1 / (1 - RADIUS_PX / away), np.float32)
    metres[:, : size[1] // 4] = 1.0
    return metres


def halved(codes):
    """A map of half the size, as phones store it."""
    height, width = codes.shape[:2]
    return np.uint8(np.rint(codes.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))))


def psnr(one, two):
    return float(-10 * np.log10(np.mean((one / 255.0 - two / 255.0) ** 2)))


@pytest.fixture(scope="module", params=[files.clipped, files.rolled_off], ids=["clipped", "rolled off"])
def scored(request):
    """Decibels against the picture rendered with all the light there was: untouched, off, auto, with the map."""
    shows, rows = request.param, []
    for seed in range(4):
        light, metres = files.night(seed), depth(files.SIZE)
        base = files.srgb8(shows(light))
        codes = files.log_codes(files.linear(base), light)
        with_map = read_photo(files.ultra_hdr(base, halved(codes)))
        alone = Photo(with_map.pixels)
        true = (
            cocnet.PhysicalRenderer(cocnet.ThinLens(0.05, 0.7, 1.0, 0.036), sharp_lights=True)(
                torch.from_numpy(light).permute(2, 0, 1)[None], torch.from_numpy(metres)[None, None]
            )[0]
            .permute(1, 2, 0)
            .numpy()
        )
        true = files.srgb8(shows(true)).astype(float)
        made = (
            alone.pixels,
            cocnet.render(alone, metres, highlights="off", **LENS).pixels,
            cocnet.render(alone, metres, **LENS).pixels,
            cocnet.render(with_map, metres, **LENS).pixels,
        )
        rows.append([psnr(each.astype(float), true) for each in made])
    return np.mean(rows, 0)


def test_blurred_lamps_are_nearer_to_the_truth_than_a_guess(scored):
    untouched, off, auto, mapped = scored
    print(f"untouched {untouched:.2f}, off {off:.2f}, auto {auto:.2f}, with the gain map {mapped:.2f} dB")  # noqa: T201
    assert mapped > max(off, auto) + 2


@pytest.fixture
def photo():
    light = files.night()
    base = files.srgb8(files.rolled_off(light))
    return read_photo(files.ultra_hdr(base, files.log_codes(files.linear(base), light)))


def test_off_and_a_curve_that_is_given_ignore_the_map_and_auto_tells_it(photo):
    metres, alone = depth(files.SIZE), Photo(photo.pixels)
    for highlights in ("off", (0.85, 6.0)):
        with_map, without = (cocnet.render(x, metres, highlights=highlights, **LENS) for x in (photo, alone))
        assert np.array_equal(with_map.pixels, without.pixels)
        assert not any("gain map" in note for note in with_map.settings.notes)
    told = [note for note in cocnet.render(photo, metres, **LENS).settings.notes if "gain map" in note]
    assert len(told) == 1 and "Ultra HDR" in told[0] and "× white" in told[0]


def test_what_is_in_focus_stays_bit_for_bit(photo):
    flat = np.ones(files.SIZE, np.float32)
    assert np.array_equal(cocnet.render(photo, flat, **LENS).pixels, photo.pixels)


def test_flat_light_is_shown_as_it_was(photo):
    lights = MappedLights.of(photo)
    grey = torch.linspace(0, 0.84, 200).expand(3, 1, 200).clone()
    assert torch.allclose(lights.shown(lights.restore(grey)), grey, atol=1e-5)


@pytest.mark.parametrize("shows", [files.clipped, files.rolled_off])
def test_the_curve_is_the_photos_by_channel_or_by_the_largest(shows):
    random = np.random.default_rng(0)
    light = np.float32(random.uniform(0, 3, (50_000, 3)) ** 2)
    curve = ToneCurve.fit(np.float32(shows(light)), light)
    assert curve.by_channel == (shows is files.clipped)
    assert np.abs(curve.shows(light) - shows(light)).max() < 0.03
    grey = np.linspace(0, 1, 500, dtype=np.float32)[:, None].repeat(3, 1)
    assert np.allclose(curve.shows(curve.light_of(grey)), grey, atol=1e-4)
    assert (np.diff(curve.light_at) > 0).all() and (np.diff(curve.shown_at) > 0).all()


def test_a_curve_of_nothing_is_straight():
    curve = ToneCurve.fit(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32))
    grey = np.linspace(0, 1, 50, dtype=np.float32)[:, None].repeat(3, 1)
    assert np.allclose(curve.light_of(grey), grey, atol=1e-5)


def test_a_window_has_the_light_of_the_whole(photo):
    lights = MappedLights.of(photo)
    whole = lights.restore(photo.linear())
    part = lights.restore(photo.linear(slice(30, 60))[:, :, 40:90], 30, 40)
    assert torch.equal(part, whole[:, 30:60, 40:90])
    assert float(whole.max()) > 10


def test_the_view_has_the_light_of_the_map(photo):
    scene = open_scene(photo, depth(files.SIZE), RenderOptions(depth_kind="metric"))
    view = View(scene, 128)
    assert torch.allclose(view.light_with_lamps, MappedLights.of(photo).restore(photo.linear()))
    options = RenderOptions(**LENS)
    seen, whole = view.look(options).pixels, cocnet.render(photo, depth(files.SIZE), options).pixels
    assert psnr(seen.astype(float), whole.astype(float)) > 40
    assert not np.array_equal(seen, view.look(options.changed(highlights="off")).pixels)


def test_a_map_without_light_says_so(photo):
    base = np.full((32, 48, 3), 200, np.uint8)
    dark = read_photo(files.ultra_hdr(base, np.zeros((32, 48), np.uint8)))
    assert not MappedLights.of(dark).any
    notes = cocnet.render(dark, np.full((32, 48), 2.0, np.float32), **LENS).settings.notes
    assert any("nothing is brighter than white" in note for note in notes)


def test_a_photo_without_a_map_has_no_mapped_lights():
    with pytest.raises(TypeError, match="gain map"):
        MappedLights.of(Photo(np.zeros((4, 4, 3), np.uint8)))
