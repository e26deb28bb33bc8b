"""IPTC that goes on: what says something stays, previews go, and damage ends the walk."""

import struct

import pytest

from cocnet.containers.iptc import kept_iptc


def dataset(number, value, record=2):
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


CAPTION = dataset(120, b"A dog")
EMPTY = dataset(90, b"\x1b%G", record=1) + dataset(0, b"\x00\x04")


def test_previews_and_other_records_go():
    gone = dataset(202, b"picture") + dataset(10, b"size", record=7)
    assert kept_iptc(EMPTY + gone + CAPTION) == EMPTY + CAPTION


@pytest.mark.parametrize("block", [None, 7, b"", EMPTY, EMPTY + dataset(202, b"picture"), b"A dog"])
def test_without_a_fact_nothing_is_kept(block):
    assert kept_iptc(block) is None


@pytest.mark.parametrize("damage", [CAPTION[:-1], b"\x1c\x02", b"\x1c\x02\x78\x80\x04", bytes(70_000)])
def test_damage_ends_it(damage):
    assert kept_iptc(CAPTION + damage) == CAPTION


def test_no_more_is_kept_than_a_segment_holds():
    assert kept_iptc(CAPTION + 10 * dataset(25, bytes(30_000))) == CAPTION + dataset(25, bytes(30_000))
