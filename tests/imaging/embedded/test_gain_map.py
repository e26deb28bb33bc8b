"""Gain maps against the light that they were made of: within what 8 bits hold, or a line with why not."""

import warnings

import gain_map_files as files
import numpy as np
import pytest

from cocnet.errors import CocnetError, CocnetWarning
from cocnet.imaging import read_photo
from cocnet.imaging.photo.orientation import upright

LIGHT = files.night()
BASE = files.srgb8(files.clipped(LIGHT))
SHOWN = files.linear(BASE).astype(np.float32)
WHOLE = files.log_codes(SHOWN, LIGHT)
ONE = WHOLE.max(-1)
STEP = 2 ** (files.STOPS / 255)  # between two codes of a logarithmic map


def read(data):
    """The photo, and what was said about its gain map."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        photo = read_photo(data)
    return photo, [str(each.message) for each in said if "gain map" in str(each.message)]


def light_of(photo):
    """The whole photo's light by its gain map."""
    rows, columns = np.indices(photo.pixels.shape[:2])
    base = photo.linear().numpy().reshape(3, -1).T
    told = photo.gain_map.light(base, rows.ravel(), columns.ravel(), photo.pixels.shape[:2])
    return told.reshape(photo.pixels.shape)


def within(found, true, factor=STEP**2):
    """Whether light is right within a factor, and within the steps of 8 bits where it is dark."""
    return bool((np.abs(found - true) <= true * (factor - 1) + 0.01).mean() > 0.995)


@pytest.mark.parametrize("index", [True, False], ids=["index", "container alone"])
def test_ultra_hdr_tells_the_light_that_it_was_made_of(index):
    photo, said = read(files.ultra_hdr(BASE, WHOLE, index))
    assert within(light_of(photo), LIGHT)
    assert photo.gain_map.source == "Ultra HDR"
    assert len(said) == 1 and "isn't kept" in said[0]
    assert photo.gain_map.most == pytest.approx(LIGHT.max(), rel=0.05)


def test_one_channel_is_of_all_colours():
    photo, _ = read(files.ultra_hdr(BASE, ONE))
    assert within(light_of(photo).max(-1), LIGHT.max(-1))


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_range_gamma_and_offsets_of_hdrgm(gamma):
    low, high, offset = -1.0, 7.0, 1 / 32
    codes = files.log_codes(SHOWN, LIGHT, low, high, gamma, offset)
    fields = {"GainMapMin": low, "GainMapMax": high, "Gamma": gamma, "OffsetSDR": offset, "OffsetHDR": offset}
    photo, _ = read(files.ultra_hdr(BASE, codes, **fields))
    assert within(light_of(photo), LIGHT, 1.1)
    lists = {name: [value] * 3 for name, value in fields.items()}
    again, _ = read(files.ultra_hdr(BASE, codes, **lists))
    assert again.gain_map.gain == photo.gain_map.gain


@pytest.mark.parametrize("flags", [0, 8], ids=["fractions", "one denominator"])
@pytest.mark.parametrize("channels", [1, 3])
def test_iso_jpeg(flags, channels):
    many = {
        name: (value,) * channels for name, value in (("low", 0.0), ("high", files.STOPS), ("gamma", 1.0))
    }
    many |= dict.fromkeys(("offset", "other"), (1 / 64,) * channels)
    codes = WHOLE if channels == 3 else ONE
    photo, _ = read(files.iso_jpeg(BASE, codes, files.iso_block(**many, flags=flags)))
    assert photo.gain_map.source == "ISO 21496-1"
    assert within(light_of(photo).max(-1), LIGHT.max(-1))


def test_apple_jpeg_with_the_headroom_of_its_xmp():
    photo, _ = read(files.apple_jpeg(BASE, files.apple_codes(SHOWN, LIGHT), 2**files.STOPS))
    assert photo.gain_map.source == "Apple"
    assert within(light_of(photo).max(-1), LIGHT.max(-1), 1.1)


@pytest.mark.parametrize(
    ("headroom", "gain", "stops"),
    [
        (0.7, 0.005, 1.7),
        (0.7, 0.5, 1.5505),
        (1.01, 0.00608, 2.5744),
        (1.01, 0.63262, 2.11132),
        (1.0, None, 3.0),
        (1.5, 20.0, 0.0),
        (None, 0.3, 1.8),
        (None, None, 1.8),
    ],
)
def test_apple_headroom_of_the_maker_note(headroom, gain, stops):
    """Apple's four lines; without tag 33 the formula's value for tags of 0."""
    note = files.maker_note(headroom, gain)
    photo, _ = read(files.apple_jpeg(BASE, ONE, note=note))
    assert photo.gain_map.gain.stops == pytest.approx(stops, abs=1e-4)
    bare, _ = read(files.apple_jpeg(BASE, ONE))
    assert bare.gain_map.gain.stops == 1.8


def test_apple_heic():
    codes = files.apple_codes(SHOWN, LIGHT)
    photo, said = read(files.heic(BASE, codes, headroom=2**files.STOPS))
    assert photo.gain_map.source == "Apple" and len(said) == 1
    assert within(light_of(photo).max(-1), LIGHT.max(-1), 1.1)
    noted, _ = read(files.heic(BASE, codes, note=files.maker_note(1.01, 0.00608)))
    assert noted.gain_map.gain.stops == pytest.approx(2.5744, abs=1e-4)


def test_iso_heic():
    photo, said = read(files.heic(BASE, ONE, files.iso_block()))
    assert photo.gain_map.source == "ISO 21496-1" and len(said) == 1
    assert within(light_of(photo).max(-1), LIGHT.max(-1), 1.1)


@pytest.mark.parametrize("channels", [1, 3])
def test_avif(channels):
    photo, said = read(files.avif(BASE, ONE if channels == 1 else WHOLE, files.iso_block()))
    assert photo.gain_map.source == "ISO 21496-1"
    assert len(said) == 1 and "isn't kept" in said[0]
    assert within(light_of(photo).max(-1), LIGHT.max(-1), 1.1)


@pytest.mark.parametrize("turned", [1, 2, 3])
def test_avif_and_its_map_turn_together(turned):
    base, codes = np.full((48, 64, 3), 255, np.uint8), np.zeros((48, 64), np.uint8)
    base[30:, 40:], codes[4:12, 8:24] = 0, 255
    photo, _ = read(files.avif(base, codes, files.iso_block(), turned))
    assert np.abs(photo.pixels.astype(int) - np.rot90(base, turned)).max() < 8
    assert ((light_of(photo)[..., 0] > 32) == (np.rot90(codes, turned) > 127)).mean() > 0.99


@pytest.mark.parametrize("more", [{}, {"colour": b"abc", "profile": bytes(40)}], ids=["plain", "profile"])
def test_jpeg_xl(more):
    photo, said = read(files.jxl(BASE, WHOLE, files.iso_block(), **more))
    assert photo.gain_map.source == "ISO 21496-1"
    assert len(said) == 1 and "isn't kept" in said[0]
    assert within(light_of(photo), LIGHT)


@pytest.mark.parametrize(
    ("at", "byte", "reason"),
    [(4, 7, "bundle is of version 7"), (5, 255, "bundle ends early")],
)
def test_a_damaged_bundle_of_jpeg_xl_is_told(at, byte, reason):
    data = bytearray(files.jxl(BASE, WHOLE, files.iso_block()))
    data[data.index(b"jhgm") + at] = byte
    photo, said = read(bytes(data))
    assert photo.gain_map is None
    assert len(said) == 1 and reason in said[0]


def test_a_smaller_map_is_enlarged():
    small = np.array([[0, 255]], np.uint8)
    photo, _ = read(files.ultra_hdr(np.full((64, 128, 3), 255, np.uint8), small.repeat(1, 0), GainMapMax=2))
    stops = np.log2(light_of(photo)[30, :, 0] + 1 / 64) - np.log2(1 + 1 / 64)
    ramp = 2 * np.clip((np.arange(128) + 0.5) / 64 - 0.5, 0, 1)
    assert np.allclose(stops, ramp, atol=0.02)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_and_map_turn_together(make, orientation):
    base, codes = np.full((48, 64, 3), 255, np.uint8), np.zeros((48, 64), np.uint8)
    base[30:, 40:], codes[4:12, 8:24] = 0, 255
    data = files.ultra_hdr(base, codes)
    exif = make.exif([(0x0112, 3, [orientation])])
    app1 = b"\xff\xe1" + (len(exif) + 8).to_bytes(2) + b"Exif\x00\x00" + exif
    data = data[:2] + app1 + data[2:]
    photo, _ = read(data)
    bright = light_of(photo)[..., 0] > 32
    assert (bright == (upright(codes, orientation) > 127)).mean() > 0.99


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"GainMapMax": "bright"}, "GainMapMax is 'bright'"),
        ({"GainMapMax": "nan"}, "impossible"),
        ({"GainMapMax": 60}, "impossible"),
        ({"GainMapMin": 7}, "impossible"),
        ({"Gamma": 0}, "impossible"),
        ({"OffsetSDR": -1}, "impossible"),
        ({"GainMapMin": [0, 0]}, "2 numbers"),
        ({"BaseRenditionIsHDR": "True"}, "itself is the HDR picture"),
    ],
)
def test_impossible_fields_are_named(change, reason):
    photo, said = read(files.ultra_hdr(BASE, WHOLE, **change))
    assert photo.gain_map is None and np.abs(photo.pixels.astype(int) - BASE).mean() < 2
    assert any("can't be used" in each and reason in each for each in said)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (files.iso_block()[:30], "ends early"),
        (b"\x00\x01" + files.iso_block()[2:], "version 1"),
        (files.iso_block(headroom=(2.0, 0.0)), "itself is the HDR picture"),
        (files.iso_block(flags=4), "itself is the HDR picture"),
        (files.iso_block()[:9] + bytes(4) + files.iso_block()[13:], "divides by 0"),
        (files.iso_block(high=(60.0,)), "impossible"),
    ],
)
def test_impossible_blocks_are_named(block, reason):
    for data in (files.iso_jpeg(BASE, ONE, block), files.heic(BASE, ONE, block)):
        photo, said = read(data)
        assert photo.gain_map is None
        assert any(reason in each for each in said)


def test_a_map_of_another_aspect_or_that_is_gone_is_named():
    photo, said = read(files.ultra_hdr(BASE, WHOLE[:50]))
    assert photo.gain_map is None and any("aspect 128 × 50" in each for each in said)
    whole = files.ultra_hdr(BASE, WHOLE, index=False)
    cut = whole[: whole.index(b"\xff\xd9") + 2]
    photo, said = read(cut)
    assert photo.gain_map is None and any("can't be used" in each for each in said)
    photo, said = read(files.apple_jpeg(BASE, ONE, headroom=0.2))
    assert photo.gain_map is None and any("headroom is impossible: 0.2" in each for each in said)


@pytest.mark.parametrize(
    "make_file",
    [
        lambda: files.ultra_hdr(BASE, WHOLE),
        lambda: files.iso_jpeg(BASE, ONE, files.iso_block()),
        lambda: files.apple_jpeg(BASE, ONE, note=files.maker_note(1.01, 0.3)),
        lambda: files.heic(BASE, ONE, files.iso_block()),
        lambda: files.heic(BASE, ONE, note=files.maker_note(1.01, 0.3)),
    ],
    ids=["ultra", "iso", "apple", "iso heic", "apple heic"],
)
def test_damaged_files_end_in_a_photo_or_a_typed_error(make_file):
    whole, random = make_file(), np.random.default_rng(0)
    for trial in range(120):
        damaged = bytearray(whole)
        if trial % 3:
            for at in random.integers(len(damaged), size=3):
                damaged[at] = random.integers(256)
        else:
            del damaged[int(random.integers(len(damaged))) :]
        try:
            photo, _ = read(bytes(damaged))
        except CocnetError:
            continue
        if photo.gain_map is not None:
            assert np.isfinite(light_of(photo)).all()


def test_the_shared_phone_photo(pug):
    with pytest.warns(CocnetWarning, match="gain map"):
        photo = read_photo(pug)
    assert photo.gain_map.codes.shape == (1512, 2016, 1)
    assert photo.gain_map.source == "Apple" and 1 < photo.gain_map.most < 8
