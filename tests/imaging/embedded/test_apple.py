"""An iPhone's JPEG: its depth is a further picture, whose XMP says what it is."""

import numpy as np
import pytest
from PIL import Image

from cocnet.containers.mpf import further_pictures
from cocnet.errors import CocnetWarning
from cocnet.imaging.photo.orientation import upright


@pytest.fixture
def further(make, codes):
    """A further picture of the codes, with the XMP of `make.apple_xmp`."""
    return lambda *args, **ranges: make.with_xmp(
        make.encoded(np.full((3, 4), 128, np.uint8), "JPEG", quality=100), make.apple_xmp(*args, **ranges)
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "accuracy", "depth_kind"),
    [
        ("disparity", "relative", "relative_disparity"),
        ("disparity", "absolute", "disparity"),
        ("depth", "relative", "relative_depth"),
        ("depth", "absolute", "metric"),
    ],
)
def test_each_kind_with_its_range(make, jpeg, further, open_bytes, order, kind, accuracy, depth_kind):
    depth = open_bytes(make.mpf(jpeg, further(kind, accuracy), order=order)).embedded_depth
    assert (depth.kind, depth.accuracy) == (depth_kind, accuracy)
    assert np.allclose(depth.values, 0.5 + 128 / 255 * 1.5, atol=0.01)
    assert ("metres" in depth.source) == (accuracy == "absolute")


def test_the_range_of_codes(make, jpeg, further, open_bytes):
    depth = open_bytes(make.mpf(jpeg, further(IntMinValue=100, IntMaxValue=200))).embedded_depth
    assert np.allclose(depth.values, 0.5 + 28 / 100 * 1.5, atol=0.02)


@pytest.mark.parametrize(
    "ranges",
    [
        {"FloatMinValue": 3},
        {"FloatMinValue": "nan"},
        {"FloatMaxValue": "far"},
        {"FloatMaxValue": "inf"},
        {"IntMinValue": 255},
    ],
)
def test_impossible_ranges_are_named(make, jpeg, further, open_bytes, ranges):
    photo = open_bytes(make.mpf(jpeg, further(**ranges)))
    assert photo.embedded_depth is None and "range" in photo.depth_note


def test_gain_maps_and_mattes_are_no_depth(make, jpeg, further, open_bytes):
    gain = further("urn:com:apple:photo:2020:aux:hdrgainmap")
    with pytest.warns(CocnetWarning, match="gain map"):
        photo = open_bytes(make.mpf(jpeg, gain))
    assert photo.embedded_depth is None
    with pytest.warns(CocnetWarning, match="gain map"):
        photo = open_bytes(make.mpf(jpeg, gain, further()))
    assert photo.embedded_depth.kind == "relative_disparity"
    matte = further("urn:com:apple:photo:2018:aux:portraiteffectsmatte")
    with pytest.warns(CocnetWarning, match="mattes .* aren't used"):
        assert open_bytes(make.mpf(jpeg, matte)).embedded_depth is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_and_depth_turn_together(make, open_bytes, orientation):
    codes = np.zeros((30, 40), np.uint8)
    codes[3:9, 5:20] = 255
    stored = np.kron(np.repeat(codes[..., None], 3, 2), np.ones((4, 4, 1), np.uint8))
    exif = b"Exif\x00\x00" + make.exif([(0x0112, 3, [orientation])])
    depth = make.with_xmp(make.encoded(codes, "JPEG", quality=100), make.apple_xmp())
    photo = open_bytes(make.mpf(make.encoded(stored, "JPEG", quality=95, exif=exif), depth))
    near = photo.embedded_depth.resized(photo.height, photo.width).values > 1.25
    assert photo.pixels.shape[:2] == upright(stored, orientation).shape[:2]
    assert (near == (photo.pixels[..., 1] > 127)).mean() > 0.98


def test_the_index_that_pillow_writes(make, open_bytes, tmp_path):
    depth = Image.linear_gradient("L").resize((64, 48))
    depth.encoderinfo = {"xmp": make.apple_xmp()}
    photo = Image.new("RGB", (640, 480), "teal")
    photo.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[depth])
    found = open_bytes((tmp_path / "a.jpg").read_bytes()).embedded_depth
    assert (found.width, found.height, found.kind) == (64, 48, "relative_disparity")


def test_a_damaged_index_lists_nothing_outside_the_file(make, jpeg, further):
    whole = make.mpf(jpeg, further())
    assert len(list(further_pictures(whole))) == 1
    assert list(further_pictures(whole[:-1])) == [] == list(further_pictures(jpeg))
    start = whole.index(b"MPF\x00") + 4
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[start + int(rng.integers(60))] = int(rng.integers(256))
        for picture in further_pictures(bytes(damaged)):
            assert 0 < len(picture) <= len(whole)


def test_pictures_of_an_index_do_not_overlap(make, jpeg, further):
    whole = bytearray(make.mpf(jpeg, *[further()] * 50))
    start = whole.index(b"MPF\x00") + 4 + 50
    first = whole[start + 16 : start + 32]
    for entry in range(1, 51):
        whole[start + 16 * entry : start + 16 * entry + 16] = first
    assert sum(map(len, further_pictures(bytes(whole)))) <= len(whole)
