"""A JPEG's segments by hand: markers, lengths and fill bytes as T.81 gives them."""

import struct

import pytest

from cocnet.containers.jpeg import is_picture, picture_end, segments, xmp_packets

STANDARD = b"http://ns.adobe.com/xap/1.0/\x00"
EXTENDED = b"http://ns.adobe.com/xmp/extension/\x00"


def segment(marker, body):
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def piece(key, total, offset, body):
    return segment(0xE1, EXTENDED + key + struct.pack(">II", total, offset) + body)


def bodies(jpeg):
    return [(marker, jpeg[start:end]) for marker, start, end in segments(jpeg)]


HEAD, SCAN = b"\xff\xd8", segment(0xDA, b"scan")


def test_segments_up_to_the_picture_data():
    jpeg = (
        HEAD + segment(0xE0, b"first") + segment(0xFE, b"") + SCAN + b"\x01\x02" + segment(0xE0, b"no more")
    )
    assert bodies(jpeg) == [(0xE0, b"first"), (0xFE, b""), (0xDA, b"scan")]


@pytest.mark.parametrize("fill", [1, 2, 5])
def test_fill_bytes_before_a_marker_are_passed_over(fill):
    jpeg = HEAD + segment(0xE0, b"a") + b"\xff" * fill + segment(0xE1, b"bc") + SCAN
    assert bodies(jpeg) == [(0xE0, b"a"), (0xE1, b"bc"), (0xDA, b"scan")]
    assert bodies(HEAD + b"\xff" * 40) == []


def test_a_segment_ends_within_the_file():
    for body in (b"", b"abc"):
        whole = HEAD + segment(0xE0, body)
        assert bodies(whole) == [(0xE0, body)]
        assert bodies(whole[:-1]) == []
    for length in (0, 1):
        assert bodies(HEAD + b"\xff\xe0" + struct.pack(">H", length) + bytes(20)) == []
    assert bodies(HEAD + b"\x00\xe0\x00\x04ab" + SCAN) == []


def test_the_picture_ends_behind_its_own_data():
    thumbnail = segment(0xE5, b"\xff\xd8\xff\xd9")
    jpeg = HEAD + thumbnail + SCAN + b"data\xff\xd9"
    assert picture_end(jpeg) == len(jpeg)
    assert picture_end(jpeg + b"behind\xff\xd9") == len(jpeg)
    assert picture_end(jpeg[:-2] + b"no end") == len(jpeg) + 4
    assert picture_end(HEAD + b"\xff\xd9" + bytes(9)) == 4


def test_what_starts_as_a_picture():
    data = b"..\xff\xd8\xff\xe0..\x89PNG\r\n"
    assert [at for at in range(len(data)) if is_picture(data, at)] == [2, 8]


def test_pieces_of_extended_xmp_are_put_in_order():
    key, other = b"A" * 32, b"B" * 32
    jpeg = HEAD + piece(key, 8, 5, b"fgh") + segment(0xE1, STANDARD + b"<x/>") + piece(other, 2, 0, b"zz")
    jpeg += piece(key, 8, 0, b"abcde") + segment(0xE2, STANDARD + b"not XMP") + segment(0xE1, b"Exif") + SCAN
    assert xmp_packets(jpeg) == [b"<x/>", b"abcdefgh", b"zz"]
    assert xmp_packets(HEAD + piece(key, 0, 0, b"") + SCAN) == [b""]
    assert xmp_packets(HEAD + segment(0xE1, EXTENDED + key + bytes(7)) + SCAN) == []


@pytest.mark.parametrize("broken", [((9, 0),), ((8, 1),), ((8, 0), (8, 5)), ((8, 0), (8, 3))])
def test_a_gap_in_extended_xmp_is_named(broken):
    pieces = b"".join(piece(b"A" * 32, total, at, b"abcd") for total, at in broken)
    with pytest.raises(ValueError, match="incomplete"):
        xmp_packets(HEAD + pieces + SCAN)


def test_ten_thousand_pieces_are_the_most():
    comment = segment(0xE1, b"ab")
    assert xmp_packets(HEAD + comment * 10_000 + SCAN) == []
    with pytest.raises(ValueError, match="pieces"):
        xmp_packets(HEAD + comment * 10_001 + SCAN)
