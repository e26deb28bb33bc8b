"""Depth inside phone photos: rows 5–9 of the bad-input table, and the formulas of each maker."""

import io
import struct
import types

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cocnet.errors import CocnetWarning, FileError
from cocnet.imaging.embedded import apple
from cocnet.imaging.embedded import extract as embedded
from cocnet.imaging.embedded.apple import decode_representation
from cocnet.imaging.embedded.describe import describe_depth
from cocnet.imaging.embedded.gdepth import RangeCoding, decode_range
from cocnet.imaging.photo.orientation import upright
from cocnet.imaging.photo.photo import read_photo

CODES = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
SHARE = CODES / 255.0


def ignored(photo, *words):
    assert photo.embedded_depth is None
    assert photo.pixels.size > 0
    assert photo.depth_note and "\n" not in photo.depth_note
    assert all(word in photo.depth_note for word in words), photo.depth_note


def test_gdepth_range_inverse_in_metres(make, jpeg, png, open_bytes):
    photo = open_bytes(make.with_xmp(jpeg, make.gdepth_xmp(png, "0.5", "4")))
    assert photo.depth_note is None and photo.embedded_depth.kind == "metric"
    assert np.allclose(photo.embedded_depth.values, 2.0 / (4 - SHARE * 3.5), rtol=1e-5)


def test_gdepth_range_linear_in_millimetres(make, jpeg, png, open_bytes):
    photo = open_bytes(make.with_xmp(jpeg, make.gdepth_xmp(png, "500", "4000", "RangeLinear", "mm")))
    assert np.allclose(photo.embedded_depth.values, 0.5 + SHARE * 3.5, rtol=1e-5)


@pytest.mark.parametrize(("near", "far"), [("0.2", "2.5"), ("2.5", "0.2")])
def test_gdepth_in_diopters_goes_by_its_units(make, jpeg, png, open_bytes, near, far):
    photo = open_bytes(make.with_xmp(jpeg, make.gdepth_xmp(png, near, far, "RangeLinear", "Diopters")))
    assert photo.embedded_depth.kind == "disparity"
    expected = float(near) + SHARE * (float(far) - float(near))
    assert np.allclose(photo.embedded_depth.inverse_depth(), expected, rtol=1e-5)


def test_gdepth_of_16_bit(make, jpeg, open_bytes):
    codes = np.linspace(0, 65535, 12).astype(np.uint16).reshape(3, 4)
    photo = open_bytes(
        make.with_xmp(jpeg, make.gdepth_xmp(make.encoded(codes, "PNG"), "1", "3", "RangeLinear"))
    )
    assert np.allclose(photo.embedded_depth.values, 1 + codes / 65535 * 2, rtol=1e-5)


def test_gdepth_as_child_elements_and_jpeg(make, jpeg, open_bytes):
    import base64

    text = base64.b64encode(make.encoded(np.full((3, 4), 128, np.uint8), "JPEG", quality=100)).decode()
    fields = {"Near": "1", "Far": "2", "Format": "RangeLinear", "Data": text}
    body = "".join(f"<D:{name}>\n{value}\n</D:{name}>" for name, value in fields.items())
    xmp = make.rdf(body, 'xmlns:D="http://ns.google.com/photos/1.0/depthmap/"')
    photo = open_bytes(make.with_xmp(jpeg, xmp))
    assert np.allclose(photo.embedded_depth.values, 1 + 128 / 255, atol=0.01)


def test_gdepth_in_extended_xmp(make, jpeg, open_bytes):
    codes = np.random.default_rng(0).integers(0, 256, (300, 400), dtype=np.uint8)
    extended = make.gdepth_xmp(make.encoded(codes, "PNG"), "1", "5", "RangeLinear")
    assert len(extended) > 2 * 60_000
    photo = open_bytes(make.with_xmp(jpeg, make.rdf(""), extended))
    assert np.allclose(photo.embedded_depth.values, 1 + codes / 255 * 4, rtol=1e-5)
    short = make.with_xmp(jpeg, make.rdf(""), extended).replace(
        struct.pack(">II", len(extended), 60_000), struct.pack(">II", len(extended), 60_001)
    )
    ignored(open_bytes(short), "incomplete")
    giant = make.with_xmp(jpeg, make.rdf(""), extended).replace(
        struct.pack(">I", len(extended)), struct.pack(">I", 0xFFFFFFF0)
    )
    ignored(open_bytes(giant), "incomplete")


def test_unknown_units_give_order_only(make, jpeg, png, open_bytes):
    photo = open_bytes(make.with_xmp(jpeg, make.gdepth_xmp(png, units="None")))
    assert photo.embedded_depth.kind == "relative_depth"
    assert photo.embedded_depth.accuracy == "relative"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"data": "@@not base64@@"}, "base64"),
        ({"data": "AAAA"}, "decoded"),
        ({"near": "5", "far": "1"}, "range"),
        ({"near": "2", "far": "2"}, "range"),
        ({"near": "0"}, "range"),
        ({"near": "-1"}, "range"),
        ({"near": "nan"}, "range"),
        ({"far": "inf"}, "range"),
        ({"far": "far"}, "Near and Far"),
        ({"near": "1", "far": "1", "units": "Diopters"}, "range"),
        ({"near": "0", "far": "3", "units": "Diopters"}, "range"),
        ({"form": "RangeCubic"}, "format"),
    ],
)
def test_row_7_unusable_gdepth(make, jpeg, png, open_bytes, change, word):
    ignored(open_bytes(make.with_xmp(jpeg, make.gdepth_xmp(png, **change))), word)


def test_gdepth_of_another_aspect(make, jpeg, open_bytes):
    picture = make.encoded(np.ones((4, 4), np.uint8), "PNG")
    ignored(open_bytes(make.with_xmp(jpeg, make.gdepth_xmp(picture))), "aspect")


def test_gdepth_that_is_a_bomb(make, jpeg, open_bytes):
    import zlib

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 12_000, 9_000, 8, 0, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    ignored(open_bytes(make.with_xmp(jpeg, make.gdepth_xmp(bomb))), "600 MB")


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY e "&a;&a;&a;&a;">',
        '<!ENTITY e SYSTEM "/etc/passwd">',
        "<!ELEMENT e ANY>",
    ],
)
def test_row_8_entity_bomb(make, jpeg, open_bytes, declaration):
    use = "&e;" if "ENTITY" in declaration else ""
    bomb = f"<?xml version='1.0'?><!DOCTYPE r [{declaration}]>".encode() + make.rdf(use)
    ignored(open_bytes(make.with_xmp(jpeg, bomb)), "refused")


@pytest.mark.parametrize("xmp", [b"<broken", b"\xff\xfe\x00", b"", b"<a>" * 5000])
def test_broken_xmp(make, jpeg, open_bytes, xmp):
    ignored(open_bytes(make.with_xmp(jpeg, xmp)), "XMP")


@pytest.mark.parametrize("units", ["Meters", "m"])
def test_dynamic_depth_container(make, jpeg, png, open_bytes, units):
    photo = open_bytes(make.with_xmp(jpeg, make.dynamic_depth_xmp(len(png), "0.5", "4", units)) + png)
    assert photo.depth_note is None
    assert np.allclose(photo.embedded_depth.values, 2.0 / (4 - SHARE * 3.5), rtol=1e-5)
    assert "Dynamic Depth" in photo.embedded_depth.source


def test_dynamic_depth_before_other_files_and_a_trailer(make, jpeg, png, open_bytes):
    item = (
        '<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Length="500" '
        'Item:DataURI="video"/></rdf:li>'
    )
    whole = make.with_xmp(jpeg, make.dynamic_depth_xmp(len(png), extra=item)) + png + bytes(500)
    for data in (whole, whole + b"trailer of some maker"):
        assert open_bytes(data).embedded_depth is not None


@pytest.mark.parametrize("length", ["99999999", "100000000000000000000", "-5", "1e3", "", "0"])
def test_row_9_container_length_past_the_end(make, jpeg, png, open_bytes, length):
    photo = open_bytes(make.with_xmp(jpeg, make.dynamic_depth_xmp(length)) + png)
    ignored(photo, "container")


def test_row_9_container_into_the_primary_picture(make, jpeg, png, open_bytes):
    ignored(open_bytes(make.with_xmp(jpeg, make.dynamic_depth_xmp(len(png) + 50)) + png), "container")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_row_5_photo_and_depth_turn_together(make, open_bytes, orientation):
    codes = np.zeros((30, 40), np.uint8)
    codes[3:9, 5:20] = 255
    stored = np.kron(np.repeat(codes[..., None], 3, 2), np.ones((4, 4, 1), np.uint8))
    exif = make.exif([(0x0112, 3, [orientation])])
    data = make.encoded(stored, "JPEG", quality=95, exif=b"Exif\x00\x00" + exif)
    picture = make.encoded(codes, "PNG")
    container = make.with_xmp(data, make.dynamic_depth_xmp(len(picture))) + picture
    for whole in (make.with_xmp(data, make.gdepth_xmp(picture)), container):
        photo = open_bytes(whole)
        depth = photo.embedded_depth.resized(photo.height, photo.width).values
        light = photo.pixels[..., 1] > 127
        assert np.array_equal(photo.pixels.shape[:2], upright(stored, orientation).shape[:2])
        assert ((depth > 3) == light).mean() > 0.98


def test_depth_that_is_upright_already_is_left(make, open_bytes):
    exif = make.exif([(0x0112, 3, [6])])
    data = make.encoded(np.zeros((30, 40, 3), np.uint8), "JPEG", exif=b"Exif\x00\x00" + exif)
    codes = np.arange(12, dtype=np.uint8).reshape(4, 3)
    photo = open_bytes(make.with_xmp(data, make.gdepth_xmp(make.encoded(codes, "PNG"), form="RangeLinear")))
    assert np.allclose(photo.embedded_depth.values, 1 + codes / 255 * 4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_anywhere_is_an_error_or_a_note(make, jpeg, png, tmp_path, data):
    whole = data.draw(st.sampled_from([make.gdepth_xmp(png), make.dynamic_depth_xmp(len(png))]))
    damaged = bytearray(make.with_xmp(jpeg, whole) + png)
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.jpg").write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        photo = read_photo(tmp_path / "a.jpg")
    except FileError as error:
        assert "\n" not in str(error)
    else:
        assert photo.embedded_depth is None or np.isfinite(photo.embedded_depth.inverse_depth()).all()


def test_decode_range_ends():
    near_far = RangeCoding(True, 0.5, 8.0, "m")
    depth = decode_range(np.array([[0.0, 1.0]], np.float32), near_far, "x").values
    assert depth.tolist() == [[0.5, 8.0]]


@pytest.mark.parametrize("accuracy", ["absolute", "relative", None])
def test_apple_representations(accuracy):
    share = CODES / 255
    z = {"z_near": 0.5, "z_far": 4.0}
    absolute = accuracy == "absolute"
    zero = decode_representation(CODES, {"representation_type": 0, **z}, accuracy)
    assert np.allclose(zero.values, 0.25 + share * 1.75)
    one = decode_representation(CODES, {"representation_type": 1, "d_min": 1.5, "d_max": 4.4}, accuracy)
    assert np.allclose(one.values, 1.5 + share * 2.9)
    two = decode_representation(CODES, {"representation_type": 2, **z}, accuracy)
    assert np.allclose(two.values, 4 - share * 3.5)
    assert zero.kind == one.kind == ("disparity" if absolute else "relative_disparity")
    assert two.kind == ("metric" if absolute else "relative_depth")
    assert ("metres" in one.source) == absolute


@pytest.mark.parametrize(
    "metadata",
    [
        {"representation_type": 3, "d_min": 1, "d_max": 2},
        {"representation_type": 9},
        {"representation_type": 1},
        {"representation_type": 1, "d_min": 2, "d_max": 2},
        {"representation_type": 1, "d_min": float("nan"), "d_max": 2},
        {"representation_type": 2, "z_near": 3, "z_far": 1},
        {"representation_type": 2},
        {},
    ],
)
def test_row_6_apple_depth_that_cannot_be_read(metadata):
    with pytest.raises(ValueError, match=r"depth|disparity"):
        decode_representation(CODES, metadata, "relative")


def test_row_6_heic_opens_without_its_unreadable_depth(tmp_path, rgb, monkeypatch):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.fromarray(np.kron(rgb, np.ones((8, 8, 1), np.uint8)))).save(
        tmp_path / "a.heic"
    )
    strange = types.SimpleNamespace(
        info={"metadata": {"representation_type": 3}},
        __array__=None,
        __array_interface__=CODES.__array_interface__,
    )
    original = embedded.heif_depth  # type: ignore[attr-defined]

    def with_strange_depth(heif, data):
        return original(types.SimpleNamespace(info={"depth_images": [strange]}), data)

    monkeypatch.setattr(embedded, "heif_depth", with_strange_depth)
    ignored(read_photo(tmp_path / "a.heic"), "non-uniform")


@pytest.mark.parametrize("code", [0b000, 0b001])
def test_row_6_heic_with_depth_of_an_unknown_kind_opens(pug, tmp_path, code):
    data = bytearray(pug.read_bytes())
    at = data.index(b"\x4e\x01\xb1") + 4  # the depth representation's SEI: four flags, then its type
    data[at] = data[at] & 0b11110001 | code << 1
    (tmp_path / "a.heic").write_bytes(data)
    with pytest.warns(CocnetWarning, match="gain map"):
        photo = read_photo(tmp_path / "a.heic")
    ignored(photo, "of a kind that can't be read", "representation")
    assert (photo.width, photo.height) == (4032, 3024) and np.ptp(photo.pixels[::50, ::50]) > 100


def test_pug_depth(pug):
    with pytest.warns(CocnetWarning, match="gain map"):
        photo = read_photo(pug)
    depth = photo.embedded_depth
    assert depth.kind == "relative_disparity" and depth.accuracy == "relative"
    assert depth.values.shape == (576, 768)
    assert depth.values.min() == pytest.approx(1.498, abs=1e-3)
    assert depth.values.max() == pytest.approx(4.383, abs=1e-3)
    near = depth.resized(photo.height, photo.width).values > 2.3
    dog = near[1650:2300, 2050:2450].mean(), near[:1000, 1500:].mean()
    assert dog[0] > 0.95 and dog[1] < 0.01
    with pytest.warns(CocnetWarning, match="gain map"):
        assert describe_depth(pug)["holds"] == "photo with depth"


def test_pug_turned_by_its_container(pug, tmp_path):
    data = pug.read_bytes()
    at = data.index(b"irot") + 4
    (tmp_path / "turned.heic").write_bytes(data[:at] + b"\x01" + data[at + 1 :])
    with pytest.warns(CocnetWarning, match="gain map"):
        photo = read_photo(tmp_path / "turned.heic")
    assert (photo.width, photo.height) == (3024, 4032)
    depth = photo.embedded_depth
    assert depth is not None, photo.depth_note
    near = depth.resized(photo.height, photo.width).values > 2.3
    assert near[4032 - 2450 : 4032 - 2050, 1650:2300].mean() > 0.95


def test_accuracy_is_found_in_either_spelling():
    assert apple.find_accuracy(b"..<depthData:Accuracy>relative</") == "relative"
    assert apple.find_accuracy(b'.. depthData:Accuracy="absolute"') == "absolute"
    assert apple.find_accuracy(b"depthData:Accuracy>fine") is None


def test_describe_photo_with_ignored_depth(make, jpeg, png, tmp_path):
    (tmp_path / "a.jpg").write_bytes(make.with_xmp(jpeg, make.gdepth_xmp(png, near="9")))
    told = describe_depth(tmp_path / "a.jpg")
    assert told["holds"] == "photo without depth" and "range" in told["note"]
    assert io.StringIO(told["note"]).readline() == told["note"]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_photo_of_another_format_than_its_name_says_is_described(jpeg, tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(jpeg)
    assert describe_depth(tmp_path / f"a{suffix}")["holds"] == "photo without depth"
    (tmp_path / f"b{suffix}").write_bytes(b"no picture")
    with pytest.raises(FileError, match="expected"):
        describe_depth(tmp_path / f"b{suffix}")
