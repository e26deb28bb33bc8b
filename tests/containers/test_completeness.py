"""Files that hold less than their header says are damaged, whatever a decoder makes of them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cocnet.containers.completeness import TiffLayout, check_png, check_progressive, filled_up, png_chunk
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


def fits(check, data):
    try:
        check(data)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("bits", "color"), [(1, 0), (2, 3), (4, 0), (8, 4), (16, 6), (16, 2)])
@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("size", [(1, 1), (2, 9), (3, 4), (5, 1), (33, 37), (37, 33)])
def test_a_png_needs_the_rows_of_all_its_passes(bits, color, interlaced, size):
    """Each pixel is counted in the pass that the pattern of Adam7 gives it."""
    pattern = ["16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777"]
    rows: dict[tuple[str, int], int] = {}
    for y in range(size[1]):
        for x in range(size[0]):
            key = (pattern[y % 8][x % 8] if interlaced else "1", y)
            rows[key] = rows.get(key, 0) + 1
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    needed = sum(1 + (count * bits * channels + 7) // 8 for count in rows.values())
    for held, whole in ((needed, True), (needed - 1, False), (needed + 5, True)):
        assert fits(check_png, io.BytesIO(png(bytes(held), bits, color, size, interlaced))) == whole


def test_png_data_in_many_chunks():
    packed = zlib.compress(bytes(97 * 64))
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 96, 64, 8, 0, 0, 0, 0))
    body = b"".join(chunk(b"IDAT", packed[i : i + 7]) for i in range(0, len(packed), 7))
    assert fits(check_png, io.BytesIO(head + body))
    assert not fits(check_png, io.BytesIO(head + chunk(b"IEND", b"") + body))
    for lost in (1, 5):
        assert not fits(check_png, io.BytesIO((head + body)[:-lost]))
    assert not fits(check_png, io.BytesIO(b"\x89PNG\r\n\x1a\n" + body))


def test_a_chunk_before_the_picture_data():
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(name, body) for name, body in ((b"iCCP", b"a profile"), (b"IDAT", b"xx"), (b"eXIf", b"late"))
    )
    assert png_chunk(io.BytesIO(data), b"iCCP") == b"a profile"
    assert png_chunk(io.BytesIO(data), b"IDAT") == b"xx"
    assert png_chunk(io.BytesIO(data), b"eXIf") is None and png_chunk(io.BytesIO(data[:8]), b"iCCP") is None


def layout(offsets, counts, **other):
    """Ten rows of 30 px and 3 bits in strips of 4 rows: 12 bytes a row."""
    fields = {"width": 30, "height": 10, "pixel_bits": 3, "planes": 1, "rows": 4, "columns": None}
    return TiffLayout(**fields | {"compressed": False} | other, offsets=offsets, counts=counts)


def test_strips_are_all_there_and_long_enough():
    whole = layout([8, 56, 104], [48, 48, 24])
    whole.check(128)
    for broken, size in (
        (whole, 127),
        (layout([8, 56], [48, 48, 24]), 128),
        (layout([8, 56, 104], [48, 48]), 128),
        (layout([8, 56, 104], [47, 48, 24]), 128),
        (layout([8, 56, 104], [48, 48, 23]), 128),
        (layout([0, 56, 104], [48, 48, 24]), 128),
        (layout([8, 56, 104], [48, 48, 24], rows=0), 128),
        (layout([8, 56, 104], [48, 48, 24], planes=2), 128),
    ):
        assert not fits(broken.check, size)
    layout([1, 1, 1], [48, 48, 24]).check(49)
    layout([8], [120], rows=4000).check(128)
    assert not fits(layout([8], [119], rows=4000).check, 128)


def test_each_plane_has_strips_of_its_own():
    """The last strip of a plane is short, whichever plane it is."""
    counts = [48, 48, 24, 48, 48, 24]
    layout([8] * 6, counts, planes=2).check(56)
    for short in range(6):
        fewer = [count - (i == short) for i, count in enumerate(counts)]
        assert not fits(layout([8] * 6, fewer, planes=2).check, 56)
    assert not fits(layout([8] * 5, counts, planes=2).check, 56)


def test_tiles_are_whole_ones():
    """Tiles of 16 × 4 px and 3 bits: six bytes a row, and full ones at the edges, too."""
    whole = layout([8] * 6, [24] * 6, columns=16)
    whole.check(32)
    assert not fits(whole.check, 31)
    assert not fits(layout([8] * 5, [24] * 5, columns=16).check, 32)
    assert not fits(layout([8] * 6, [24] * 5 + [23], columns=16).check, 32)
    layout([8], [96], rows=16, columns=32, pixel_bits=1, width=9).check(72 + 32)
    assert not fits(layout([8], [63], rows=16, columns=32, pixel_bits=1, width=9).check, 999)


def test_compressed_strips_end_within_the_file():
    packed = layout([8, 9, 20], [1, 11, 3], compressed=True)
    packed.check(23)
    assert not fits(packed.check, 22)
    assert not fits(layout([8, 9, 20], [0, 11, 3], compressed=True).check, 23)


def segment(marker, body):
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def scan(components, low, high, precision):
    tables = b"".join(bytes((component, 0)) for component in components)
    return segment(0xDA, bytes((len(components),)) + tables + bytes((low, high, precision))) + b"\x12\xff\x00"


@pytest.mark.parametrize("marker", [0xC2, 0xCA])
def test_progressive_scans_bring_every_coefficient_of_every_component(marker):
    """T.81, G.1: of each component the coefficients 0 to 63, down to the lowest bit."""
    frame = segment(marker, b"\x08\x00\x10\x00\x10\x02" + bytes((1, 0x11, 0, 8, 0x11, 0)))
    scans = [scan((1, 8), 0, 0, 0), scan((1,), 1, 63, 0x10), scan((8,), 1, 5, 0), scan((8,), 6, 63, 0)]

    def whole(*parts):
        return fits(check_progressive, b"\xff\xd8" + frame + b"".join(parts) + b"\xff\xd9")

    assert whole(*scans)
    for left_out in range(4):
        assert not whole(*(part for i, part in enumerate(scans) if i != left_out))
    first, second, third, fourth = scans
    assert not whole(first, second, third, scan((8,), 6, 62, 0))
    assert not whole(first, second, third, scan((8,), 7, 63, 0))
    assert not whole(first, scan((1,), 1, 63, 1), third, fourth)
    assert whole(first, scan((1,), 1, 63, 1), third, fourth, scan((1,), 1, 63, 0x10))
    assert not whole(scan((1,), 0, 0, 0), second, third, fourth)


def test_other_jpegs_have_no_scans_to_miss():
    for marker in (0xC0, 0xC1):
        check_progressive(b"\xff\xd8" + segment(marker, bytes(6) + b"\x01\x11\x00") + b"\xff\xd9")


def test_a_jpeg_is_filled_up_behind_its_last_scan():
    head, one = b"\xff\xd8" + segment(0xE0, b"\xff\xda\x00\x03."), scan((1,), 0, 63, 0)
    for data, kept in ((head + one + one + b"\xff\xd0\x01\xff\xd9 behind", -9), (head + one, None)):
        filled = filled_up(data)
        assert filled.startswith(data[:kept]) and filled.endswith(b"\xff\xd9")
        assert len(filled) - len(data[:kept]) > 1000
        assert b"\xff" not in filled[len(data[:kept]) : -2]
