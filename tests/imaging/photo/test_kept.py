"""What goes on with a picture: XMP that is still true, resolution; and the formats that come and go."""

import io
import os
import struct
import sys
import types
import zlib
from contextlib import nullcontext

import numpy as np
import pytest
from PIL import Image
from PIL.IptcImagePlugin import getiptcinfo

from cocnet.containers.kept_xmp import kept_xmp
from cocnet.errors import CocnetWarning, FileError
from cocnet.imaging import Photo, read_photo, write_photo
from cocnet.imaging.photo.jxl import jxl_header
from cocnet.imaging.photo.open_picture import open_picture

NAMES = (
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" '
    'xmlns:C="http://ns.google.com/photos/1.0/container/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
)
FACTS = 'xmp:Rating="4" tiff:Orientation="6" GDepth:Near="1" hdrgm:Version="1.0"'
BODY = (
    "<dc:subject><rdf:Bag><rdf:li>dog &amp; cat</rdf:li></rdf:Bag></dc:subject>"
    "<C:Directory><rdf:Seq><rdf:li>secret</rdf:li></rdf:Seq></C:Directory>"
    "<xmp:Thumbnails><rdf:Alt><rdf:li>secret</rdf:li></rdf:Alt></xmp:Thumbnails>"
)
SUFFIXES = (".jpg", ".png", ".tif", ".webp", ".avif")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ratings_and_keywords_are_kept_and_what_is_gone_is_not(make, tmp_path, rgb, suffix, dtype):
    packet = make.rdf(BODY, NAMES + FACTS)
    with pytest.warns(CocnetWarning, match="gain map"):
        photo = read_photo(make.with_xmp(make.encoded(rgb, "JPEG"), packet))
    write_photo(tmp_path / f"a{suffix}", rgb.astype(dtype), photo)
    text = read_photo(tmp_path / f"a{suffix}").xmp.decode()
    assert 'xmp:Rating="4"' in text and "dog &amp; cat" in text
    for gone in ("secret", "Orientation", "Near", "hdrgm:Version", "Directory>"):
        assert gone not in text
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert b"Rating" in (image.info.get("xmp") or image.tag_v2[700])  # type: ignore[attr-defined]


CAMERA = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '


@pytest.mark.parametrize("fact", ["MotionPhoto", "MicroVideo"])
@pytest.mark.parametrize("heic", [False, True])
def test_a_moving_picture_that_goes_is_told(make, rgb, fact, heic):
    packet = make.rdf("", f'{CAMERA} xmp:Rating="4" GCamera:{fact}="1" GCamera:{fact}Version="1"')
    stream = io.BytesIO(make.with_xmp(make.encoded(rgb, "JPEG"), packet))
    if heic:
        stream = io.BytesIO()
        pytest.importorskip("pillow_heif").from_pillow(Image.fromarray(rgb)).save(stream, xmp=packet)
    with pytest.warns(CocnetWarning, match="its moving picture isn't kept"):
        photo = read_photo(stream.getvalue())
    assert b"Rating" in photo.xmp and fact.encode() not in photo.xmp


def test_a_moving_picture_is_told_by_its_container_too_and_one_that_isnt_there_is_not(make, rgb, recwarn):
    jpeg = make.encoded(rgb, "JPEG")
    read_photo(make.with_xmp(jpeg, make.rdf("", f'{CAMERA} GCamera:MotionPhoto="0"')))
    assert not recwarn.list
    items = make.container_xmp([("Primary", 0, 0), ("MotionPhoto", 9, 0)])
    with pytest.warns(CocnetWarning, match="moving picture"):
        read_photo(make.with_xmp(jpeg, items) + bytes(9))


def test_xmp_about_depth_alone_leaves_nothing(make):
    assert kept_xmp(make.gdepth_xmp(b"picture")) is None


@pytest.mark.parametrize(
    "packet", [b"", b"<broken", b"\xff\xfe", b"<a>" * 10_000, "<!DOCTYPE a><a b='1'/>", None, 7]
)
def test_xmp_that_is_broken_deep_or_refused_is_left_out(packet):
    assert kept_xmp(packet) is None


IPTC = b"".join(struct.pack(">BBBH", 28, 2, n, len(v)) + v for n, v in ((120, b"A dog"), (116, b"(c) Me")))


@pytest.mark.parametrize("come", ["JPEG", "TIFF"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_caption_in_iptc_is_kept_or_told(make, tmp_path, rgb, come, suffix):
    if come == "TIFF":
        data = make.encoded(rgb, "TIFF", tiffinfo={33723: IPTC})
    else:
        resource = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(IPTC)) + IPTC + b"\x00"
        data = make.encoded(rgb, "JPEG", extra=b"\xff\xed" + struct.pack(">H", len(resource) + 2) + resource)
    photo = read_photo(data)
    told = suffix not in (".jpg", ".tif")
    with pytest.warns(CocnetWarning, match="IPTC") if told else nullcontext():
        write_photo(tmp_path / f"a{suffix}", photo.pixels, photo)
    assert photo.iptc == IPTC and read_photo(tmp_path / f"a{suffix}").iptc == (None if told else IPTC)
    if not told:
        with Image.open(tmp_path / f"a{suffix}") as image:
            assert getiptcinfo(image)[2, 120] == b"A dog"


@pytest.mark.parametrize("order", ["<", ">"])
def test_iptc_that_a_tiff_holds_as_long_numbers(tmp_path, rgb, order):
    block = IPTC + bytes(-len(IPTC) % 4)
    numbers = struct.unpack(f"{order}{len(block) // 4}I", block)
    tags = [(33723, 4, len(numbers), numbers, True)]
    pytest.importorskip("tifffile").imwrite(tmp_path / "a.tif", rgb, byteorder=order, extratags=tags)
    assert read_photo(tmp_path / "a.tif").iptc == IPTC


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_texts_of_a_png_that_go_are_told(tmp_path, rgb, dtype):
    write_photo(tmp_path / "a.png", rgb.astype(dtype))
    data = (tmp_path / "a.png").read_bytes()
    for name, told in ((b"Software", False), (b"Copyright", True)):
        body = b"tEXt" + name + b"\x00Me"
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        with pytest.warns(CocnetWarning, match=r"PNG texts \(Copyright\)") if told else nullcontext():
            read_photo(data[:33] + chunk + data[33:])


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_resolution_is_kept_and_turned(make, tmp_path, rgb, suffix, dtype):
    stream = io.BytesIO()
    exif = make.exif([(0x0112, 3, [6])])
    Image.fromarray(rgb).save(stream, "PNG", dpi=(300, 150), exif=b"Exif\x00\x00" + exif)
    photo = read_photo(stream.getvalue())
    assert photo.dpi == pytest.approx((150, 300), rel=1e-3)
    write_photo(tmp_path / f"a{suffix}", photo.pixels.astype(dtype), photo)
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert image.info["dpi"] == pytest.approx((150, 300), rel=5e-3)


@pytest.mark.parametrize(
    ("form", "suffix"), [("BMP", "bmp"), ("PPM", "ppm"), ("JPEG2000", "jp2"), ("JPEG2000", "j2k")]
)
def test_lossless_formats_that_come(tmp_path, rgb, form, suffix):
    Image.fromarray(rgb).save(tmp_path / f"a.{suffix}", form)
    data = (tmp_path / f"a.{suffix}").read_bytes()
    for given in (tmp_path / f"a.{suffix}", data, io.BytesIO(data)):
        assert np.array_equal(read_photo(given).pixels, rgb)
    for share in (0.3, 0.9):
        with pytest.raises(FileError, match="damaged"):
            read_photo(data[: int(share * len(data))])


def test_16_bit_grey_ppm(tmp_path):
    grey = np.arange(0, 65536, 1024, dtype=np.uint16).reshape(8, 8)
    photo = read_photo(b"P5\n8 8\n65535\n" + grey.astype(">u2").tobytes())
    assert photo.pixels.dtype == np.uint16 and np.array_equal(photo.pixels[..., 0], grey)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("white", [65535, 1023, 256])
def test_16_bit_colour_ppm(white, plain):
    codes = np.linspace(0, white, 72).round().astype(np.uint16).reshape(4, 6, 3)
    body = (
        "\n".join(f"{code} # a comment" for code in codes.flat).encode()
        if plain
        else codes.astype(">u2").tobytes()
    )
    data = b"P%d\n# of a scanner\n6 4\n%d\n" % (3 if plain else 6, white) + body
    photo = read_photo(data)
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, np.rint(codes * (65535 / white)))
    with pytest.raises(FileError, match="damaged"):
        read_photo(data[:-40])
    with pytest.raises(FileError, match="memory"):
        read_photo(data, max_bytes=6 * 4 * 6 * 4 - 1)


def test_avif_comes_and_goes(tmp_path, rgb):
    big = np.kron(rgb, np.ones((4, 4, 1), np.uint8))
    write_photo(tmp_path / "a.avif", big, Photo(big, alpha=big[..., 0]), quality=100)
    photo = read_photo(tmp_path / "a.avif")
    assert np.abs(photo.pixels.astype(int) - big).mean() < 3
    assert np.abs(photo.alpha.astype(int) - big[..., 0]).mean() < 3
    data = (tmp_path / "a.avif").read_bytes()
    for share in (0.1, 0.5, 0.95):
        with pytest.raises(FileError, match="damaged"):
            read_photo(data[: int(share * len(data))])


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (256, 256), (300, 200), (1920, 1080), (5000, 3)])
def test_jpeg_xl(size):
    pytest.importorskip("pillow_jxl")
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8) // 64 * 64
    Image.fromarray(pixels).save(stream, "JXL", lossless=True, effort=1)
    header = jxl_header(stream.getvalue())
    assert (header.width, header.height, header.bits, header.animated) == (*size, 8, False)
    assert np.array_equal(read_photo(stream.getvalue()).pixels, pixels)
    with pytest.raises(FileError):
        read_photo(stream.getvalue()[: len(stream.getvalue()) // 2])
    assert open_picture(io.BytesIO(stream.getvalue()), "JXL").size == size


@pytest.mark.parametrize("contained", [False, True])
@pytest.mark.parametrize(
    ("channels", "dtype", "bits", "top"),
    [
        *(
            (3, np.uint16, 16, 65535),
            (3, np.uint16, 10, 1023),
            (4, np.uint16, 12, 4095),
            (2, np.uint16, 16, 65535),
        ),
        *((1, np.uint16, 10, 1023), (3, np.float32, 32, 1), (3, np.float16, 16, 1), (1, np.float32, 32, 1)),
    ],
)
def test_jpeg_xl_of_more_than_8_bits_is_read_as_16(channels, dtype, bits, top, contained):
    pytest.importorskip("pillow_jxl")
    imagecodecs = pytest.importorskip("imagecodecs")
    stored = (np.random.default_rng(0).random((6, 9, channels)) * top).astype(dtype).squeeze()
    more = {"bitspersample": bits} if dtype is np.uint16 else {}
    data = imagecodecs.jpegxl_encode(stored, lossless=True, usecontainer=contained, **more)
    assert jxl_header(data).bits == bits and jxl_header(data).floats == (dtype is not np.uint16)
    photo = read_photo(data)
    wanted = np.rint(stored.reshape(6, 9, channels).astype(np.float64) / top * 65535)
    assert photo.pixels.dtype == np.uint16 and photo.grey == (channels <= 2)
    assert np.abs(photo.pixels - wanted[..., : 3 if channels > 2 else 1]).max() <= 1
    if channels in (2, 4):
        assert np.abs(photo.alpha - wanted[..., -1]).max() <= 1


def test_a_jpeg_xl_that_moves_gives_its_first_frame_and_a_note():
    pytest.importorskip("pillow_jxl")
    imagecodecs = pytest.importorskip("imagecodecs")
    for dtype in (np.uint8, np.uint16):
        frames = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (3, 6, 9, 3)).astype(dtype)
        with pytest.warns(CocnetWarning, match="several frames"):
            photo = read_photo(imagecodecs.jpegxl_encode(frames, lossless=True))
        assert np.array_equal(photo.pixels, frames[0])


def test_standard_input_and_output(make, rgb, monkeypatch):
    data, out = make.encoded(rgb, "PNG"), io.BytesIO()
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(data)))
    monkeypatch.setattr(sys, "stdout", types.SimpleNamespace(buffer=out))
    photo = read_photo("-")
    assert photo.path is None and np.array_equal(photo.pixels, rgb)
    write_photo("-", photo.pixels, photo)
    assert np.array_equal(read_photo(out.getvalue()).pixels, rgb)
    write_photo(again := io.BytesIO(), photo.pixels, photo, form=".tif")
    assert again.getvalue()[:2] == b"II"


def test_a_pipe_is_named_and_nothing_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(FileError, match="pipe"):
        read_photo(tmp_path / "a.jpg")


@pytest.mark.parametrize("form", ["HEIF", "AVIF", "WEBP", "WEBP lossless"])
def test_a_copy_that_was_broken_off_and_is_filled_with_zeros(form):
    """Decoders make up a picture of it; a plain one, whose data is nearly nothing, is still read."""
    pytest.importorskip("pillow_heif").register_heif_opener()
    settings = {"lossless": True} if "lossless" in form else {}
    noise = Image.effect_noise((160, 120), 60).convert("RGB")
    for image in (noise, Image.new("RGB", (800, 600)), Image.new("RGB", (800, 600), "white")):
        image.save(stream := io.BytesIO(), form.split()[0], **settings)
        read_photo(stream.getvalue())
    noise.save(stream := io.BytesIO(), form.split()[0], **settings)
    for share in (0.5, 0.85):
        kept = stream.getvalue()[: int(share * len(stream.getvalue()))]
        with pytest.raises(FileError, match="ends in zeros"):
            read_photo(kept + bytes(len(stream.getvalue()) - len(kept)))
