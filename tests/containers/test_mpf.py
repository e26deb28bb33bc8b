"""The Multi-Picture Format index, written by hand as CIPA DC-007 lays it out."""

import struct

import pytest

from cocnet.containers.mpf import further_pictures

PICTURES = (b"\xff\xd8\xff-second", b"\x89PNG-third", b"\xff\xd8\xff-fourth!")
TAIL = b"".join(PICTURES)


def built(entries, order="<", head=b"\xff\xd8", tags_before=2, count=None, tail=TAIL):
    """A JPEG whose index lists (size, place in the tail) of further pictures; None: offset 0, the first one."""
    table_at = 8 + 2 + 12 * (tags_before + 1) + 4
    index_bytes = table_at + 16 * (len(entries) + 1)
    base = len(head) + 8
    ends = base + index_bytes + 2  # of the index; then an end marker
    table = struct.pack(order + "IIII", 0x030000, 1, 0, 0)
    for size, place in entries:
        table += struct.pack(order + "IIHH", 0, size, 0, 0)[:8]
        table += struct.pack(order + "II", 0 if place is None else ends - base + place, 0)
    length = len(table) if count is None else count
    directory = struct.pack(order + "H", tags_before + 1)
    directory += struct.pack(order + "HHII", 0xB000, 7, 4, 0) * tags_before
    directory += struct.pack(order + "HHII", 0xB002, 7, length, table_at) + bytes(4)
    index = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8) + directory + table
    assert len(index) == index_bytes
    segment = b"\xff\xe2" + struct.pack(">H", len(index) + 6) + b"MPF\x00" + index
    return head + segment + b"\xff\xd9" + tail


def placed():
    at = 0
    for picture in PICTURES:
        yield len(picture), at
        at += len(picture)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tags_before", [0, 2])
def test_each_further_picture_is_found(order, tags_before):
    assert tuple(further_pictures(built(list(placed()), order, tags_before=tags_before))) == PICTURES


def test_it_may_come_behind_other_segments():
    head = b"\xff\xd8\xff\xe2\x00\x06ICC_\xff\xe1\x00\x08MPF\x00ab"
    assert tuple(further_pictures(built(list(placed()), head=head))) == PICTURES


def test_the_end_of_the_file_is_the_end_of_a_picture():
    (size, at), *_ = placed()
    whole = built([(size, at)], tail=PICTURES[0])
    assert list(further_pictures(whole)) == [PICTURES[0]]
    assert list(further_pictures(whole[:-1])) == []


def test_entries_without_a_picture_are_passed_over():
    (size, at), *others = placed()
    entries = [(size, None), (0, at), (size, at + 1), *others]
    assert tuple(further_pictures(built(entries))) == PICTURES[1:]


def test_a_hundred_pictures_are_the_most():
    one = PICTURES[0]
    entries = [(len(one), i * len(one)) for i in range(120)]
    assert len(list(further_pictures(built(entries, tail=one * 120)))) == 99


def test_together_they_are_no_more_than_the_file():
    tail = b"\xff\xd8\xff" + bytes(5000)
    whole = built([(len(tail), 0)] * 4, tail=tail)
    assert len(list(further_pictures(whole))) == len(whole) // len(tail)


def test_half_an_entry_is_none():
    entries = list(placed())
    assert tuple(further_pictures(built(entries, count=16 * 3 + 15))) == PICTURES[:2]
    assert list(further_pictures(built(entries, count=15))) == []
