"""What is right at 8 bit is right at 16 bit: opacity, white as zero, transparent colours."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cocnet.errors import FileError
from cocnet.imaging import read_photo
from cocnet.imaging.color.icc import transfer
from cocnet.imaging.color.profile import of_gamma, of_tables
from cocnet.imaging.depth.depth_codec import read_tiff
from cocnet.imaging.photo import decode, decode_png, decode_tiff, modes
from cocnet.imaging.photo.limits import MAX_BYTES

tifffile = pytest.importorskip("tifffile")
imagecodecs = pytest.importorskip("imagecodecs")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_associated_alpha_is_divided_out(tmp_path, dtype, channels):
    top = np.iinfo(dtype).max
    plain = RNG.integers(0, top + 1, (20, 30, channels)).astype(dtype)
    alpha = RNG.integers(top // 2, top + 1, (20, 30, 1)).astype(dtype)
    alpha[0], alpha[1] = 0, top
    multiplied = np.rint(plain.astype(float) * alpha / top).astype(dtype)
    for kind, stored in (("assocalpha", multiplied), ("unassalpha", plain)):
        tifffile.imwrite(
            tmp_path / "a.tif",
            np.concatenate([stored, alpha], 2),
            photometric="rgb" if channels == 3 else "minisblack",
            extrasamples=[kind],
        )
        photo = read_photo(tmp_path / "a.tif")
        assert photo.pixels.dtype == dtype
        assert np.array_equal(photo.alpha, alpha[..., 0])
        away = np.abs(photo.pixels.astype(int) - plain.astype(int))[1:]
        assert away.max() <= (2 if kind == "assocalpha" else 0)
        assert np.array_equal(photo.pixels[1], np.broadcast_to(plain[1], (30, 3)))


def test_an_extra_channel_that_is_no_opacity_is_left_out(tmp_path):
    stored = RNG.integers(0, 65536, (9, 9, 5)).astype(np.uint16)
    extras = ["unspecified", "unassalpha"]
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extrasamples=extras)
    photo = read_photo(tmp_path / "a.tif")
    assert np.array_equal(photo.pixels, stored[..., :3])
    assert np.array_equal(photo.alpha, stored[..., 4])
    tifffile.imwrite(tmp_path / "a.tif", stored[..., :4], photometric="rgb", extrasamples=extras[:1])
    assert read_photo(tmp_path / "a.tif").alpha is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_white_as_zero(tmp_path, dtype, compression):
    stored = RNG.integers(0, np.iinfo(dtype).max + 1, (9, 9)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite", compression=compression)
    assert np.array_equal(read_photo(tmp_path / "a.tif").pixels[..., 0], np.iinfo(dtype).max - stored)
    depth = read_tiff(tmp_path / "a.tif", MAX_BYTES)
    assert np.array_equal(depth, np.iinfo(dtype).max - stored)


def transparent(png, key):
    """The PNG with a colour that is transparent (tRNS) before its picture data."""
    body = b"tRNS" + struct.pack(f">{len(key)}H", *key)
    at = png.index(b"IDAT") - 4
    return png[:at] + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + png[at:]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_transparent_colour(dtype, channels):
    stored = RNG.integers(0, 2, (9, 9, channels)).astype(dtype) * np.iinfo(dtype).max
    key = stored[0, 0]
    photo = read_photo(transparent(imagecodecs.png_encode(stored.squeeze()), key.tolist()))
    assert np.array_equal(photo.alpha == 0, (stored == key).all(axis=2))
    assert np.array_equal(photo.pixels, np.broadcast_to(stored, (9, 9, 3)))


def test_a_heic_whose_colour_is_multiplied_by_its_opacity(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pixels = np.full((64, 64, 4), (50, 50, 50, 128), np.uint8)
    heif = pillow_heif.from_bytes("RGBa", (64, 64), pixels.tobytes())
    heif.save(tmp_path / "a.heic", quality=100, chroma=444)
    assert pillow_heif.open_heif(tmp_path / "a.heic").mode == "RGBa"
    photo = read_photo(tmp_path / "a.heic")
    assert np.abs(photo.pixels.astype(int) - 100).max() <= 4


def test_too_little_memory_is_not_called_damage(make, monkeypatch):
    data = make.encoded(np.zeros((8, 8, 3), np.uint8), "PNG")

    def full(*_):
        raise MemoryError

    monkeypatch.setattr(modes, "to_array", full)
    with pytest.raises(FileError, match="enough memory") as caught:
        read_photo(data)
    assert "damaged" not in str(caught.value)


def test_more_parts_than_a_decoder_lets_in_are_no_want_of_memory(make, rgb):
    """libheif's limits are memory errors by its own name."""
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(rgb)).save(stream)
    heic = bytearray(stream.getvalue())
    at = heic.index(b"iinf") + 8
    heic[at : at + 2] = b"\xff\xff"
    with pytest.raises(FileError, match=r"damaged one .*65535 items"):
        read_photo(bytes(heic))


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_a_giant_picture_of_a_few_bytes_is_refused_before_it_is_decoded(form, make, monkeypatch):
    Image.MAX_IMAGE_PIXELS, before = None, Image.MAX_IMAGE_PIXELS
    settings = {"WEBP": {"lossless": True}, "TIFF": {"compression": "tiff_adobe_deflate"}}.get(form, {})
    image = Image.new("1" if form != "WEBP" else "RGB", (9000, 9000))
    stream = io.BytesIO()
    image.save(stream, form, **settings)
    Image.MAX_IMAGE_PIXELS = before
    for reader in (decode, decode_png, decode_tiff):
        monkeypatch.setattr(reader, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(FileError, match="made of only"):
        read_photo(stream.getvalue())


def test_a_small_copy_before_the_picture_is_not_taken_for_it(tmp_path, rgb):
    small, path = np.ascontiguousarray(rgb[::4, ::4]), tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(small, subfiletype=1, photometric="rgb")
        writer.write(rgb, subfiletype=0, photometric="rgb")
    assert np.array_equal(read_photo(path).pixels, rgb)
    with tifffile.TiffWriter(path) as writer:
        writer.write(small.astype(np.uint16), subfiletype=1, photometric="rgb")
        writer.write(rgb.astype(np.uint16), subfiletype=0, photometric="rgb")
    with pytest.raises(FileError, match="as page 2"):
        read_photo(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_primaries_of_a_tiff_become_its_profile(tmp_path, rgb, dtype):
    """TIFF 6.0, section 20: WhitePoint and PrimaryChromaticities."""
    points = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
    pairs = [number for each in points for number in (round(each * 10_000), 10_000)]
    tags = [(318, "2I", 2, pairs[:4], True), (319, "2I", 6, pairs[4:], True)]
    tifffile.imwrite(tmp_path / "a.tif", rgb.astype(dtype), photometric="rgb", extratags=tags)
    assert read_photo(tmp_path / "a.tif").icc == of_gamma(None, points)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_transfer_function_of_a_tiff_becomes_its_profile(tmp_path, rgb, dtype, channels):
    """TIFF 6.0, section 20: the light of each code; here code^1.8, and for the last of three tables code^2.2."""
    codes = np.linspace(0, 1, np.iinfo(dtype).max + 1)
    tables = [np.rint(65535 * codes**power).astype(int) for power in (1.8, 1.8, 2.2)[-channels:]]
    linear = [(301, 3, channels * len(codes), np.concatenate(tables).tolist(), True)]
    tifffile.imwrite(tmp_path / "a.tif", rgb.astype(dtype), photometric="rgb", extratags=linear)
    decode = transfer(read_photo(tmp_path / "a.tif").icc, 8).decode
    for table, power in zip(decode, ((1.8, 1.8, 2.2) if channels == 3 else (2.2,) * 3), strict=True):
        assert np.abs(table - np.linspace(0, 1, 256) ** power).max() < 1e-3


def test_tables_that_mean_srgb_or_nothing_are_no_profile():
    codes = np.linspace(0, 1, 256)
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    assert of_tables([np.rint(light * 65535)] * 3, None) is None
    assert of_tables([np.zeros(256)] * 3, None) is None and of_tables([codes[::-1] * 65535] * 3, None) is None
    assert (
        of_tables([np.rint(light * 65535)] * 3, (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06))
        is not None
    )


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_damaged_data_of_a_tiff_is_an_error_and_libtiff_prints_nothing(make, rgb, capfd, compression):
    """Of JPEG data libtiff only prints it, where its last rows are lost."""
    whole = make.encoded(np.tile(rgb, (2, 2, 1)), "TIFF", compression=compression)
    read_photo(whole)
    with Image.open(io.BytesIO(whole)) as image:
        at = image.tag_v2[273][0] + image.tag_v2[279][0] * 3 // 4  # type: ignore[attr-defined]
    with pytest.raises(FileError, match="damaged one"):
        read_photo(whole[:at] + b"\xff\x6a" + bytes(30) + whole[at + 32 :])
    assert capfd.readouterr().err == ""
