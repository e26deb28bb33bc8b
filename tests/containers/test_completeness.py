"""Files that hold less than their header says are damaged, whatever a decoder makes of them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cocnet.containers.completeness import check_png
from cocnet.containers.isobmff import read_items
from cocnet.errors import FileError
from cocnet.imaging import read_depth, read_photo

NOISE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


def damaged(data, *words):
    with pytest.raises(FileError) as caught:
        read_photo(data)
    message = str(caught.value)
    assert "\n" not in message and "damaged" in message, message
    assert all(word in message for word in words), message


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(rows, bits, color, size, interlaced=0):
    """A PNG of filtered rows, whatever size its header claims."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, bits, color, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("bits", "color", "row"), [(8, 2, 288), (16, 2, 576), (8, 0, 96), (16, 0, 192), (1, 0, 12)]
)
def test_png_with_fewer_rows(tmp_path, bits, color, row):
    rows = b"".join(b"\x00" + bytes([i]) * row for i in range(64))
    for keep in (0, 32, 63):
        data = png(rows[: keep * (row + 1)], bits, color, (96, 64))
        damaged(data, "PNG")
        (tmp_path / "depth.png").write_bytes(data)
        with pytest.raises(FileError, match="damaged"):
            read_depth(tmp_path / "depth.png", "relative_depth")
    assert read_photo(png(rows, bits, color, (96, 64))).height == 64


def test_interlaced_png_with_fewer_rows():
    sizes = [(12, 8), (12, 8), (24, 8), (24, 16), (48, 16), (48, 32), (96, 32)]
    rows = b"".join((b"\x00" + b"\x50" * 3 * columns) * count for columns, count in sizes)
    assert (read_photo(png(rows, 8, 2, (96, 64), 1)).pixels == 0x50).all()
    damaged(png(rows[:-289], 8, 2, (96, 64), 1), "PNG")


def test_png_with_a_wrong_checksum():
    whole = bytearray(png(bytes(97 * 64), 8, 0, (96, 64)))
    whole[-16] ^= 1
    damaged(bytes(whole), "checksum")


def tiff(strips, bits, rows, size=(96, 64), channels=3, photometric=2, tags=()):
    """A little-endian uncompressed TIFF of the given strips, whatever size its tags claim; `tags` are shorts."""
    body, offsets = b"", []
    for strip in strips:
        offsets.append(8 + len(body))
        body += strip
    at = 8 + len(body)
    arrays = struct.pack(f"<{len(strips)}I", *offsets) + struct.pack(f"<{len(strips)}I", *map(len, strips))
    arrays += struct.pack(f"<{channels}H", *[bits] * channels)
    many, few = len(strips) > 1, channels < 3
    entries = [(256, 4, 1, size[0]), (257, 4, 1, size[1]), (259, 3, 1, 1), (262, 3, 1, photometric)]
    entries += [
        (258, 3, channels, (bits if channels == 1 else bits * 0x10001) if few else at + 8 * len(strips))
    ]
    entries += [(273, 4, len(strips), at if many else offsets[0]), (277, 3, 1, channels), (278, 4, 1, rows)]
    entries += [(279, 4, len(strips), at + 4 * len(strips) if many else len(strips[0]))]
    entries += [(tag, 3, 1, value) for tag, value in tags]
    table = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = b"II*\x00" + struct.pack("<I", at + len(arrays))
    return head + body + arrays + struct.pack("<H", len(entries)) + table + bytes(4)


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_with_fewer_strips(bits):
    pytest.importorskip("tifffile")
    strips = [NOISE[top : top + 16].astype(f"<u{bits // 8}").tobytes() for top in range(0, 64, 16)]
    assert np.array_equal(read_photo(tiff(strips, bits, 16)).pixels, NOISE)
    damaged(tiff(strips[:2], bits, 16), "2 of 4")
    damaged(tiff([*strips[:3], strips[3][:-1]], bits, 16), "incomplete")
    damaged(tiff(strips[:1], bits, 16), "1 of 4")


def test_depth_tiff_with_fewer_strips(tmp_path):
    strips = [np.full((32, 96), 2, "<f4").tobytes()] * 2
    for held, fine in ((strips, True), (strips[:1], False)):
        data = tiff(held, 32, 32, channels=1, photometric=1, tags=[(339, 3)])
        (tmp_path / "depth.tif").write_bytes(data)
        if fine:
            assert (read_depth(tmp_path / "depth.tif", "metric").values == 2).all()
        else:
            with pytest.raises(FileError, match="damaged"):
                read_depth(tmp_path / "depth.tif", "metric")


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff_that_ends_early_says_one_thing_only(make, capfd, compression):
    data = make.encoded(NOISE, "TIFF", compression=compression)
    short = make.encoded(NOISE[:40], "TIFF", compression=compression)
    (directory,) = struct.unpack_from("<I", short, 4)
    for tag in (257, 278):
        at = short.index(struct.pack("<HH", tag, short[directory + 4]), directory) + 8
        short = short[:at] + struct.pack("<H", 64) + short[at + 2 :]
    damaged(short, "TIFF")
    assert read_photo(data).height == 64
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_jpeg_cut_and_closed_again(mode, share):
    stream = io.BytesIO()
    Image.fromarray(NOISE).convert(mode).save(stream, "JPEG")
    data = stream.getvalue()
    assert read_photo(data).height == 64
    start = data.rindex(b"\xff\xda")
    damaged(data[: start + int(share * (len(data) - start))] + b"\xff\xd9", "JPEG")


def test_progressive_jpeg_without_its_later_scans(make):
    data = make.encoded(NOISE, "JPEG", progressive=True)
    assert read_photo(data).height == 64
    scans = [i for i in range(len(data)) if data[i : i + 2] == b"\xff\xda"]
    for scan in scans[1:]:
        damaged(data[:scan] + b"\xff\xd9", "JPEG")


def test_jpeg_with_another_picture_behind_it(make):
    """A thumbnail in a segment and a second picture behind it have scans and ends of their own."""
    whole, cut = make.encoded(NOISE, "JPEG"), make.encoded(NOISE, "JPEG")[:-400] + b"\xff\xd9"
    thumbnail = b"\xff\xe5" + struct.pack(">H", len(whole) + 2) + whole
    for first in (whole, make.encoded(NOISE, "JPEG", progressive=True)):
        assert read_photo(first[:2] + thumbnail + first[2:] + cut).height == 64
    damaged(cut[:2] + thumbnail + cut[2:] + whole, "JPEG")


@pytest.mark.parametrize("grey", [0, 127, 128, 255])
def test_flat_pictures_are_whole(make, grey):
    for form in ("JPEG", "PNG", "TIFF", "WEBP"):
        assert (read_photo(make.encoded(np.full((50, 70, 3), grey, np.uint8), form)).pixels == grey).all()


@pytest.fixture
def heic():
    """A HEIC of 4 × 3 tiles, the last of them blank."""
    pillow_heif = pytest.importorskip("pillow_heif")
    pixels = np.kron(NOISE[:48, :64], np.ones((8, 8, 1), np.uint8))
    pixels[256:, 384:] = 200
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(stream, tile_size=128, quality=80)
    return stream.getvalue()


def test_heic_without_its_last_tiles(heic):
    assert read_photo(heic).width == 512
    for share in (0.2, 0.5, 0.99):
        damaged(heic[: int(share * len(heic))], "HEIC")


@pytest.mark.parametrize("turn", [1, 6, 8, 3, 5])
def test_heic_with_an_empty_tile(heic, turn):
    """However the picture is turned."""
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    image = Image.fromarray(read_photo(heic).pixels)
    image.getexif()[0x0112] = turn
    pillow_heif.from_pillow(image).save(stream, tile_size=128, exif=image.getexif().tobytes())
    data = bytearray(stream.getvalue())
    assert read_photo(bytes(data)).pixels.size == 512 * 384 * 3
    ((start, length),) = read_items(bytes(data)).extents[read_items(bytes(data)).tiles[5]]
    data[start : start + length] = bytes(length)
    damaged(bytes(data), "HEIC")


def test_a_chunk_is_no_longer_than_its_file():
    """A length of 2 GB in a small file asks for no memory."""
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 1 << 31, b"tEXt") + b"x" * 20
    asked = []

    class Counted(io.BytesIO):
        def read(self, size=-1):
            asked.append(size)
            return super().read(size)

    with pytest.raises(ValueError, match="ends inside"):
        check_png(Counted(data))
    assert max(asked) <= 8
