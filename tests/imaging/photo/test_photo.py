"""Reading photos: every mode and format, and rows 1–4 and 16 of the bad-input table."""

import struct
import sys
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from cocnet.errors import CocnetWarning, FileError, InputError, MissingExtraError
from cocnet.imaging import srgb_to_linear
from cocnet.imaging.photo.photo import Photo, read_photo
from cocnet.imaging.photo.source import opened

imagecodecs = pytest.importorskip("imagecodecs")
tifffile = pytest.importorskip("tifffile")


def refused(path, *words):
    with pytest.raises(FileError) as caught:
        read_photo(path)
    message = str(caught.value)
    assert "\n" not in message
    assert "expected" in message and "got" in message and "try" in message
    assert all(word in message for word in words), message


@pytest.fixture
def file(tmp_path):
    def write(data, name="photo.png"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def test_plain_formats(make, file, rgb):
    for form, settings in (
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
    ):
        photo = read_photo(file(make.encoded(rgb, form, **settings)))
        assert np.array_equal(photo.pixels, rgb)
        assert (photo.width, photo.height, photo.grey, photo.alpha) == (24, 16, False, None)
    jpeg = read_photo(file(make.encoded(rgb, "JPEG", quality=100, subsampling=0)))
    assert np.abs(jpeg.pixels.astype(int) - rgb).max() <= 4
    assert (jpeg.embedded_depth, jpeg.depth_note) == (None, None)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_to_the_last_bit(file, channels):
    stored = np.random.default_rng(channels).integers(0, 65536, (37, 53, channels), dtype=np.uint16)
    photo = read_photo(file(imagecodecs.png_encode(stored.squeeze())))
    assert photo.pixels.dtype == np.uint16
    assert photo.grey == (channels < 3)
    assert np.array_equal(photo.pixels, np.repeat(stored[..., :1], 3, 2) if channels < 3 else stored[..., :3])
    if channels in (2, 4):
        assert np.array_equal(photo.alpha, stored[..., -1])


@pytest.mark.parametrize(
    "settings", [{}, {"compression": "lzw"}, {"planarconfig": "separate"}, {"byteorder": ">"}]
)
def test_16_bit_tiff_to_the_last_bit(tmp_path, settings):
    stored = np.random.default_rng(0).integers(0, 65536, (19, 23, 3), dtype=np.uint16)
    separate = "planarconfig" in settings
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.moveaxis(stored, 2, 0) if separate else stored, photometric="rgb", **settings)
    photo = read_photo(path)
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, stored)


def test_turned_tiff(tmp_path):
    wide = np.random.default_rng(0).integers(0, 65536, (4, 7, 3), dtype=np.uint16)
    for stored in (wide, (wide >> 8).astype(np.uint8)):
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
        assert np.array_equal(read_photo(tmp_path / "a.tif").pixels, np.rot90(stored, -1))


def test_grey_alpha_palette_and_one_bit(make, file, rgb):
    grey, alpha = rgb[..., 0], rgb[..., 1]
    photo = read_photo(file(make.encoded(grey, "PNG")))
    assert photo.grey and np.array_equal(photo.pixels, np.repeat(grey[..., None], 3, 2))
    photo = read_photo(file(make.encoded(np.dstack([grey, alpha]), "PNG")))
    assert photo.grey and np.array_equal(photo.alpha, alpha)
    photo = read_photo(file(make.encoded(np.dstack([rgb, alpha]), "PNG")))
    assert np.array_equal(photo.pixels, rgb) and np.array_equal(photo.alpha, alpha)
    indexed = Image.fromarray(rgb).quantize(16)
    indexed.save(file(b"", "p.png"))
    photo = read_photo(file(b"", "q.png").with_name("p.png"))
    assert np.array_equal(photo.pixels, np.asarray(indexed.convert("RGB"))) and photo.alpha is None
    indexed.save(file(b"", "t.png"), transparency=3)
    photo = read_photo(file(b"", "q.png").with_name("t.png"))
    assert np.array_equal(photo.alpha == 0, np.asarray(indexed) == 3)
    Image.fromarray(grey > 90).save(file(b"", "b.png"))
    assert set(np.unique(read_photo(file(b"", "q.png").with_name("b.png")).pixels)) == {0, 255}


def test_cmyk(make, file):
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    for form in ("JPEG", "TIFF"):
        cmyk.save(file(b"", "c.x"), format=form)
        photo = read_photo(file(b"", "d.x").with_name("c.x"))
        assert np.abs(photo.pixels.astype(int) - [255, 0, 0]).max() <= 2
    wrong = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    cmyk.save(file(b"", "c.x"), format="TIFF", icc_profile=wrong)
    with pytest.warns(CocnetWarning, match="profile"):
        photo = read_photo(file(b"", "d.x").with_name("c.x"))
    assert photo.icc is None


def test_lab_goes_through_its_profile(file):
    Image.new("LAB", (4, 4), (255, 128, 128)).save(file(b"", "c.x"), format="TIFF")
    assert read_photo(file(b"", "d.x").with_name("c.x")).pixels.min() >= 250


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_tiny(make, file, shape, form):
    photo = read_photo(file(make.encoded(np.full((*shape, 3), 128, np.uint8), form)))
    assert photo.pixels.shape == (*shape, 3)
    assert photo.linear().shape == (3, *shape)
    assert np.array_equal(photo.encode(photo.linear()), photo.pixels)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_animated_gives_its_first_frame_and_a_warning(file, form, rgb):
    frames = [Image.fromarray(255 - rgb), Image.new("RGB", (24, 16))]
    lossless = {"lossless": True} if form == "WEBP" else {}
    Image.fromarray(rgb).save(file(b"", "a.x"), format=form, save_all=True, append_images=frames, **lossless)
    with pytest.warns(CocnetWarning, match="first"):
        photo = read_photo(file(b"", "b.x").with_name("a.x"))
    assert np.array_equal(photo.pixels, rgb)


def test_colour_profile_of_another_space_is_dropped(make, file, rgb):
    profile = make.icc([make.curv(512)], b"GRAY")
    with pytest.warns(CocnetWarning, match="profile"):
        assert read_photo(file(make.encoded(rgb, "PNG", icc_profile=profile))).icc is None


def test_linear_light_by_the_profile_or_srgb(make, file, rgb):
    light = read_photo(file(make.encoded(rgb, "PNG"))).linear()
    exact = srgb_to_linear(torch.from_numpy(rgb / 255.0)).permute(2, 0, 1)
    assert light.dtype == torch.float32
    assert torch.allclose(light.double(), exact, atol=1e-6)
    square = read_photo(file(make.encoded(rgb, "PNG", icc_profile=make.icc([make.para(0, 2.0)] * 3))))
    assert np.allclose(square.linear().permute(1, 2, 0).numpy(), (rgb / 255.0) ** 2, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_code_survives_linear_and_back_in_bands(dtype):
    top = np.iinfo(dtype).max
    codes = np.arange(65536).astype(np.uint32) % (top + 1)
    photo = Photo(
        np.stack([codes, codes[::-1], (codes * 7) % (top + 1)], -1).astype(dtype).reshape(256, 256, 3)
    )
    for rows in (slice(None), slice(10, 30), slice(255, 256)):
        assert np.array_equal(photo.encode(photo.linear(rows)), photo.pixels[rows])


def test_encode_clips_rounds_and_survives_nan():
    photo = Photo(np.zeros((1, 1, 3), np.uint8))
    light = torch.tensor([[[-1.0, 7.0, float("nan"), float("inf"), 0.2158605]]]).expand(3, 1, 5)
    assert photo.encode(light)[0, :, 0].tolist() == [0, 255, 0, 255, 128]
    with pytest.raises(InputError, match="expected"):
        photo.encode(torch.zeros(1, 4, 4))


def test_row_1_giant_picture_is_refused_from_its_header(file):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(3_000_000), 9)) + chunk(b"IEND", b"")
    path = file(b"\x89PNG\r\n\x1a\n" + head + body)
    assert path.stat().st_size < 8_000
    refused(path, "4,000 MB", "50000")


def test_own_limit_applies_and_pillows_is_left_alone(make, file, rgb, monkeypatch):
    path = file(make.encoded(rgb, "PNG"))
    with pytest.raises(FileError, match="memory"):
        read_photo(path, max_bytes=384 * 3 * 4 - 1)
    assert read_photo(path, max_bytes=384 * 3 * 4).width == 24
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read_photo(path).width == 24
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.05, 0.4, 0.9])
def test_row_2_truncated(make, file, form, share):
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    data = make.encoded(noise, form)
    refused(file(data[: int(share * len(data))]), form)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_row_2_truncated_16_bit(file, tmp_path, share):
    noise = np.random.default_rng(0).integers(0, 65536, (100, 100, 3), dtype=np.uint16)
    data = imagecodecs.png_encode(noise)
    refused(file(data[: int(share * len(data))]), "PNG")
    for settings in ({}, {"compression": "lzw"}):
        tifffile.imwrite(tmp_path / "whole.tif", noise, photometric="rgb", **settings)
        data = (tmp_path / "whole.tif").read_bytes()
        refused(file(data[: int(share * len(data))]), "TIFF")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "EPS"),
        (b"%PDF-1.7\n", "PDF"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<svg/>", "SVG"),
        (b"GIF89a" + bytes(40), "GIF"),
        (b"hello, this is no picture", "unknown"),
        (b"", "empty"),
    ],
)
def test_row_3_other_formats_named_png(file, data, name):
    refused(file(data), name)


def test_missing_and_folder(tmp_path):
    refused(tmp_path / "none.png", "none.png")
    refused(tmp_path, "folder")


def test_row_4_impossible_exif_opens_with_a_warning(make, file, rgb):
    block = make.exif([(0x0112, 3, [6])], [(0x920A, 10, [(-2, 0)])])
    for form in ("JPEG", "PNG", "WEBP"):
        path = file(make.encoded(rgb, form, exif=b"Exif\x00\x00" + block))
        with pytest.warns(CocnetWarning, match="FocalLength"):
            photo = read_photo(path)
        assert photo.pixels.shape == (24, 16, 3)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_orientation_is_applied_once(make, file, rgb, form):
    block = make.exif([(0x010F, 2, b"Acme"), (0x0112, 3, [8])])
    settings = {"quality": 100, "subsampling": 0} if form == "JPEG" else {}
    photo = read_photo(file(make.encoded(rgb, form, exif=b"Exif\x00\x00" + block, **settings)))
    assert np.abs(photo.pixels.astype(int) - np.rot90(rgb, 1)).max() <= 4
    again = Image.Exif()
    again.load(photo.exif)
    assert dict(again) == {0x010F: "Acme", 0x0112: 1}


def test_float_tiff_is_no_photo(tmp_path):
    tifffile.imwrite(tmp_path / "f.tif", np.ones((4, 4), np.float32))
    refused(tmp_path / "f.tif", "16 bit")
    tifffile.imwrite(tmp_path / "f.tif", np.ones((4, 4, 3), np.float32), photometric="rgb")
    refused(tmp_path / "f.tif")


def test_missing_extras_are_named(file, tmp_path, monkeypatch):
    wide = tmp_path / "wide.tif"
    tifffile.imwrite(wide, np.zeros((4, 4, 3), np.uint16), photometric="rgb")
    for name in ("tifffile", "pillow_heif"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"cocnet\[tiff\]"):
        read_photo(wide)
    with pytest.raises(MissingExtraError, match=r"cocnet\[heif\]"):
        read_photo(file(b"\x00\x00\x00\x18ftypheic" + bytes(40), "a.heic"))


def test_heic(file, rgb, tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    big = np.kron(rgb, np.ones((8, 8, 1), np.uint8))
    pillow_heif.from_pillow(Image.fromarray(big)).save(tmp_path / "a.heic", quality=100, chroma=444)
    photo = read_photo(tmp_path / "a.heic")
    assert np.abs(photo.pixels.astype(int) - big).mean() < 4
    assert (photo.embedded_depth, photo.depth_note) == (None, None)
    data = (tmp_path / "a.heic").read_bytes()
    for share in (0.02, 0.3, 0.9):
        refused(file(data[: int(share * len(data))]), "HEIC")


def test_ten_bit_heic_keeps_its_depth(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    ramp = np.broadcast_to(np.linspace(0, 65535, 256).astype(np.uint16)[None, :, None], (64, 256, 3))
    heif = pillow_heif.from_bytes("RGB;16", (256, 64), np.ascontiguousarray(ramp).tobytes())
    heif.save(tmp_path / "a.heic", quality=100, chroma=444)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CocnetWarning)
        photo = read_photo(tmp_path / "a.heic")
    assert photo.pixels.dtype == np.uint16
    assert np.abs(photo.pixels.astype(int) - ramp).mean() < 400


def test_pug(pug):
    with pytest.warns(CocnetWarning, match="gain map"):
        photo = read_photo(pug)
    assert (photo.width, photo.height) == (4032, 3024)
    assert photo.camera.f_number == pytest.approx(1.5)
    assert photo.camera.sensor_width_m(photo.width, photo.height) == pytest.approx(7.59e-3, rel=1e-3)
    assert np.array_equal(photo.encode(photo.linear(slice(0, 500))), photo.pixels[:500])


def test_a_length_past_the_end_asks_for_no_memory(tmp_path, rgb, make):
    """A terabyte that a box announces is never set aside."""
    (tmp_path / "a.jp2").write_bytes(make.encoded(rgb, "JPEG2000"))
    with opened(tmp_path / "a.jp2") as source:
        source.stream.seek(10)
        assert len(source.stream.read(1 << 40)) == source.size - 10
        assert source.stream.read(1 << 40) == b""
