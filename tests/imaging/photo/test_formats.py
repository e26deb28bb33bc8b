"""Camera raw files are named, by what they hold: what a reader would open in them is a thumbnail."""

import io
import struct

import numpy as np
import pytest

from cocnet.errors import FileError
from cocnet.imaging import read_photo
from cocnet.imaging.photo.formats import sniff

tifffile = pytest.importorskip("tifffile")

MAKE, PHOTOMETRIC, SUBIFDS, DNG = 0x010F, 0x0106, 0x014A, 0xC612


def raw(make=b"", inner=32803, order="<", dng=False, later=False):
    """A thumbnail as a whole TIFF, and a sensor's mosaic in a directory below it or after it."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((8, 8, 3), np.uint8), photometric="rgb", byteorder=order, metadata=None)
    data = bytearray(stream.getvalue())
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    table = data[start + 2 : start + 2 + 12 * count]
    below = len(data) + len(make) + 1
    mosaic = (
        struct.pack(order + "H", 1) + struct.pack(order + "HHIHH", PHOTOMETRIC, 3, 1, inner, 0) + bytes(4)
    )
    extra = struct.pack(order + "HHII", MAKE, 2, len(make) + 1, len(data))
    if not later:
        extra += struct.pack(order + "HHII", SUBIFDS, 4, 1, below)
    if dng:
        extra += struct.pack(order + "HHI4B", DNG, 1, 4, 1, 4, 0, 0)
    main = below + len(mosaic)
    data += make + b"\x00" + mosaic
    data += struct.pack(order + "H", count + len(extra) // 12) + table + extra
    data += struct.pack(order + "I", below if later else 0)
    struct.pack_into(order + "I", data, 4, main)
    return bytes(data)


def refused(given, *words):
    with pytest.raises(FileError) as caught:
        read_photo(given)
    message = str(caught.value)
    assert all(word in message for word in ("expected", "raw", "develop it first", *words)), message
    assert "\n" not in message


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"make": b"NIKON CORPORATION"}, "NEF"),
        ({"make": b"SONY"}, "ARW"),
        ({"make": b"Leica Camera AG", "dng": True}, "DNG"),
        ({"make": b"Apple", "dng": True, "inner": 34892}, "DNG"),
        ({"make": b"Somebody"}, "TIFF"),
    ],
)
def test_raw_files_built_as_tiff(facts, name, order, later):
    refused(raw(**facts, order=order, later=later), name)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "CR2"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01", "CR3"),
        (b"FUJIFILMCCD-RAW 0201FF383501", "RAF"),
        (b"IIRO\x08\x00\x00\x00", "ORF"),
        (b"MMOR\x00\x00\x00\x08", "ORF"),
        (b"IIU\x00\x18\x00\x00\x00", "RW2"),
    ],
)
def test_raw_files_by_their_first_bytes(head, name):
    refused(head + bytes(64), name)


def test_a_tiff_that_is_called_raw(tmp_path, make):
    path = tmp_path / "a.NEF"
    path.write_bytes(make.encoded(np.zeros((8, 8, 3), np.uint8), "TIFF"))
    refused(path, "NEF")


def test_a_tiff_with_a_smaller_copy_below_is_no_raw_file():
    assert read_photo(raw(b"NIKON CORPORATION", inner=2)).width == 8


@pytest.mark.parametrize("back_to", [8, 20])
def test_directories_in_a_circle_end(back_to):
    data = bytearray(raw(b"SONY", inner=2, later=True))
    mosaic = data.index(struct.pack("<HHHIHH", 1, PHOTOMETRIC, 3, 1, 2, 0))
    struct.pack_into("<I", data, mosaic + 14, back_to)
    assert sniff(io.BytesIO(data)) == "TIFF"
