"""Colour that a file tells without a profile becomes one: checked by LittleCMS and by the standards' numbers."""

import io
import struct
import zlib
from contextlib import nullcontext

import numpy as np
import pytest
from PIL import Image, ImageCms

from cocnet.errors import CocnetWarning
from cocnet.imaging import Photo, read_photo, write_photo
from cocnet.imaging.color.icc import hdr_codes, transfer
from cocnet.imaging.color.profile import adobe_rgb, of_code_points, of_gamma

SRGB_PRIMARIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


def shown(profile, color):
    """A colour of the profile in sRGB, as LittleCMS converts it."""
    image = Image.new("RGB", (1, 1), color)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), intent).getpixel((0, 0))


@pytest.mark.parametrize(
    "profile", [of_code_points(12, 13), of_code_points(9, 13), adobe_rgb(), of_gamma(0.5, None)]
)
def test_white_is_white_and_grey_grey(profile):
    assert shown(profile, (255, 255, 255)) == (255, 255, 255)
    grey = shown(profile, (128, 128, 128))
    assert max(grey) - min(grey) <= 1


def test_display_p3():
    """sRGB's green is (117, 251, 76) in Display P3, its red (234, 51, 35)."""
    p3 = of_code_points(12, 13)
    assert np.abs(np.subtract(shown(p3, (117, 251, 76)), (0, 255, 0))).max() <= 3
    assert np.abs(np.subtract(shown(p3, (234, 51, 35)), (255, 0, 0))).max() <= 3


@pytest.mark.parametrize(
    ("codes", "at", "light"),
    [
        ((9, 16), 0.508078, 0.01),
        ((9, 18), 0.5, 1 / 12),
        ((9, 8), 0.5, 0.5),
        ((9, 13), 0.5, 0.214041),
        ((9, 14), 0.081, 0.018),
    ],
)
def test_curves(codes, at, light):
    """PQ: code 0.508 is 100 cd/m²; HLG: half is one twelfth; linear; sRGB; 2020: the knee."""
    table = transfer(of_code_points(*codes), 16).decode[0]
    assert table[round(at * 65535)] == pytest.approx(light, rel=5e-3)


@pytest.mark.parametrize("codes", [(1, 13), (1, 1), (1, 6), (2, 2), (200, 13), (9, 200), (9, 2)])
def test_srgb_and_the_unknown_need_no_profile(codes):
    assert of_code_points(*codes) is None


def test_gamma_and_chromaticity():
    assert of_gamma(0.45455, None) is None and of_gamma(0.45455, SRGB_PRIMARIES) is None
    assert transfer(of_gamma(1.0, None), 8).decode[0][128] == pytest.approx(128 / 255, rel=1e-3)
    assert transfer(of_gamma(0.5, SRGB_PRIMARIES), 8).decode[0][51] == pytest.approx(0.04, rel=1e-3)
    wide = (0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
    assert np.abs(np.subtract(shown(of_gamma(None, wide), (117, 251, 76)), (0, 255, 0))).max() <= 3
    for nonsense in ((0.0,) * 8, (0.3,) * 8, (2.0,) * 8):
        assert of_gamma(0.45455, nonsense) is None
    assert of_gamma(0.0, None) is None


def with_chunk(png, name, body):
    data = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return png[:33] + data + png[33:]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("name", "body", "profile"),
    [
        (b"gAMA", struct.pack(">I", 100_000), of_gamma(1.0, None)),
        (b"cICP", bytes([12, 13, 0, 1]), of_code_points(12, 13)),
        (b"cICP", bytes([9, 16, 0, 1]), of_code_points(9, 16)),
        (b"sRGB", b"\x00", None),
        (b"gAMA", struct.pack(">I", 45_455), None),
    ],
)
def test_png_tags_become_a_profile_that_is_written(tmp_path, rgb, bits, name, body, profile):
    pixels = rgb if bits == 8 else rgb.astype(np.uint16) * 257
    write_photo(tmp_path / "plain.png", pixels)
    photo = read_photo(with_chunk((tmp_path / "plain.png").read_bytes(), name, body))
    assert photo.icc == profile
    for suffix in (".png", ".jpg", ".tif", ".webp", ".avif"):
        dark = hdr_codes(profile) and suffix != ".png"
        with pytest.warns(CocnetWarning, match="HDR \\(PQ\\)") if dark else nullcontext():
            write_photo(tmp_path / f"out{suffix}", photo.pixels, photo)
        assert read_photo(tmp_path / f"out{suffix}").icc == profile
    assert np.array_equal(photo.encode(photo.linear()), photo.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("codes", "told"), [((9, 16), True), ((12, 18), True), ((12, 13), False)])
def test_png_tells_hdr_before_its_picture(tmp_path, rgb, dtype, codes, told):
    write_photo(tmp_path / "a.png", rgb.astype(dtype), Photo(rgb, icc=of_code_points(*codes)))
    data = (tmp_path / "a.png").read_bytes()
    assert (data.find(b"cICP" + bytes([*codes, 0, 1])) in range(data.find(b"IDAT"))) == told


@pytest.mark.parametrize("transfer_code", [1, 13])
def test_cicp_of_srgb_goes_before_a_profile(make, rgb, transfer_code):
    png = make.encoded(rgb, "PNG", icc_profile=adobe_rgb())
    assert read_photo(with_chunk(png, b"cICP", bytes([1, transfer_code, 0, 1]))).icc is None
    assert read_photo(with_chunk(png, b"cICP", bytes([2, 2, 0, 1]))).icc == adobe_rgb()


def test_heic_nclx(tmp_path, rgb):
    pillow_heif = pytest.importorskip("pillow_heif")
    for codes in ((9, 13), (12, 13), (9, 16), (1, 13)):
        about = {"color_primaries": codes[0], "transfer_characteristics": codes[1], "matrix_coefficients": 9}
        heif = pillow_heif.from_pillow(Image.fromarray(np.kron(rgb, np.ones((4, 4, 1), np.uint8))))
        heif.save(tmp_path / "a.heic", full_range_flag=1, **about)
        assert read_photo(tmp_path / "a.heic").icc == of_code_points(*codes)


def test_adobe_rgb_of_cameras(make, rgb):
    for block in (make.exif([], [(0xA001, 3, [2])]), make.exif([(0x010F, 2, b"A")], [(0xA001, 3, [1])])):
        photo = read_photo(make.encoded(rgb, "JPEG", exif=b"Exif\x00\x00" + block))
        assert photo.icc == (adobe_rgb() if b"A\x00" not in block[:40] else None)
    assert Photo(rgb).icc is None


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
@pytest.mark.parametrize("mode", ["CMYK", "RGB"])
def test_what_was_made_srgb_is_no_adobe_rgb(make, tmp_path, rgb, mode, suffix):
    """Of CMYK, and where a profile that doesn't fit was dropped, whatever EXIF says; nor after saving."""
    block = make.exif([(0x010F, 2, b"Acme")], [(0xA001, 3, [2])])
    wrong = {"icc_profile": make.icc([make.curv(512)], b"GRAY")} if mode == "RGB" else {}
    data = io.BytesIO()
    Image.fromarray(rgb).convert(mode).save(data, "JPEG", exif=b"Exif\x00\x00" + block, **wrong)
    with pytest.warns(CocnetWarning, match="sRGB is assumed") if wrong else nullcontext():
        photo = read_photo(data.getvalue())
    assert photo.icc is None and photo.camera.make == "Acme"
    write_photo(tmp_path / f"a{suffix}", photo.pixels, photo)
    assert read_photo(tmp_path / f"a{suffix}").icc is None
