"""HEIF boxes written by hand, in every version and width that ISO/IEC 14496-12 and 23008-12 allow."""

import itertools
import struct

import pytest

from cocnet.containers.isobmff import read_items

PRIMARY, TILES, HIDDEN = 7, [3, 9, 4], 9
EXTENTS = {3: [(100, 5)], 9: [(105, 6), (120, 2)], 4: [(130, 1)]}


def box(name, body, form="small"):
    if form == "large":
        return struct.pack(">I4sQ", 1, name, len(body) + 16) + body
    return struct.pack(">I4s", 0 if form == "to the end" else len(body) + 8, name) + body


def full(name, version, body, flags=0):
    return box(name, struct.pack(">I", version << 24 | flags) + body)


def number(value, width):
    return value.to_bytes(width) if width else b""


def iloc(version, offset, length, base, index):
    """Item 5 is built otherwise (construction method 1), where the version can say so; others start at `base`."""
    wide = 4 if version == 2 else 2
    items = EXTENTS | ({5: [(60, 1)]} if version else {})
    body = bytes((offset << 4 | length, base << 4 | index)) + number(len(items), wide)
    for item, extents in items.items():
        body += number(item, wide) + (number(1 if item == 5 else 0, 2) if version else b"") + number(0, 2)
        body += number(50, base) + number(len(extents), 2)
        for start, size in extents:
            body += number(1, index if version else 0) + number(start - (50 if base else 0), offset)
            body += number(size, length)
    return full(b"iloc", version, body)


def iinf(version, entry_version):
    """Entries with the flags (0, 0, 1) where hidden."""
    entries = b"".join(
        full(b"infe", entry_version, number(item, 4 if entry_version == 3 else 2) + b"\x00\x00hvc1\x00", 1)
        for item in (*TILES, PRIMARY)
    )
    return full(b"iinf", version, number(len(TILES) + 1, 4 if version else 2) + entries)


def iref(version):
    wide = 4 if version else 2

    def entry(name, item, to):
        return box(name, number(item, wide) + number(len(to), 2) + b"".join(number(t, wide) for t in to))

    other = entry(b"thmb", PRIMARY, [88]) + entry(b"dimg", 55, [1, 2])
    return full(b"iref", version, other + entry(b"dimg", PRIMARY, TILES))


def iprp(version, wide, colours, mine):
    """Properties: one that is no colour, an ICC profile, then the colours; `mine`: places of the primary item's."""
    properties = box(b"ispe", bytes(12)) + box(b"colr", b"prof" + struct.pack(">HH", 77, 78))
    properties += b"".join(box(b"colr", b"nclx" + struct.pack(">HHHB", *pair, 9, 128)) for pair in colours)

    def entry(item, places):
        essential = 0x8000 if wide else 0x80
        found = b"".join(number(place | essential, 2 if wide else 1) for place in places)
        return number(item, 4 if version else 2) + bytes((len(places),)) + found

    body = number(3, 4) + entry(1, [1, 3]) + entry(PRIMARY, mine) + entry(8, [3])
    return box(b"iprp", box(b"ipco", properties) + full(b"ipma", version, body, int(wide)))


def heif(location=None, info=None, reference=None, property_box=None, pitm=0, form="small"):
    body = full(b"pitm", pitm, number(PRIMARY, 4 if pitm else 2)) + full(b"hdlr", 0, b"pict")
    body += (location or iloc(0, 4, 4, 0, 0)) + (info or iinf(0, 2))
    body += (iref(0) if reference is None else reference) + (property_box or b"")
    meta = box(b"meta", bytes(4) + body, form)
    return (
        box(b"ftyp", b"heic" + bytes(4)) + meta + (b"" if form == "to the end" else box(b"mdat", bytes(200)))
    )


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize(
    ("offset", "length", "base", "index"), [*itertools.product((4, 8), (4, 8), (0, 4), (0, 4)), (4, 4, 8, 8)]
)
def test_extents_in_every_width(version, offset, length, base, index):
    found = read_items(heif(iloc(version, offset, length, base, index)))
    assert found.extents == EXTENTS


@pytest.mark.parametrize("pitm", [0, 1])
@pytest.mark.parametrize(("version", "entry_version"), [(0, 2), (1, 3), (0, 3)])
@pytest.mark.parametrize("reference", [0, 1])
@pytest.mark.parametrize("form", ["small", "large", "to the end"])
def test_one_tile_becomes_the_picture(pitm, version, entry_version, reference, form):
    data = heif(info=iinf(version, entry_version), reference=iref(reference), pitm=pitm, form=form)
    found = read_items(data)
    assert (found.primary, found.tiles) == (PRIMARY, TILES)
    assert set(found.hidden_at) == {*TILES, PRIMARY}
    changed = found.with_primary(data, HIDDEN)
    assert read_items(changed).primary == HIDDEN
    apart = [(a, b) for a, b in zip(data, changed, strict=True) if a != b]
    assert apart == [(PRIMARY, HIDDEN), (1, 0)]


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("wide", [False, True])
def test_the_colour_is_that_of_the_primary_item(version, wide):
    colours = [(1, 13), (9, 16), (12, 18)]
    for mine, expected in (([1, 4], (9, 16)), ([5, 3], (12, 18)), ([2, 1], None), ([], None)):
        found = read_items(heif(property_box=iprp(version, wide, colours, mine)))
        assert found.nclx == expected
    others = iprp(version, wide, colours, [4]).replace(
        number(PRIMARY, 4 if version else 2) + b"\x01", number(6, 4 if version else 2) + b"\x01"
    )
    assert read_items(heif(property_box=others)).nclx is None
    many = iprp(version, True, [(i, i) for i in range(300)], [2 + 280])
    assert read_items(heif(property_box=many)).nclx == (279, 279)


def test_a_picture_of_one_piece():
    found = read_items(heif(reference=b""))
    assert found.tiles == [] and found.nclx is None
    assert read_items(heif(reference=full(b"iref", 0, b""))).tiles == []


def test_every_part_lies_within_the_file():
    found = read_items(heif())
    found.check(131)
    with pytest.raises(ValueError, match="part 4 of 3 ends past the end"):
        found.check(130)


@pytest.mark.parametrize("damage", ["meta", "pitm", "iloc", "iinf"])
def test_a_broken_index_is_a_value_error(damage):
    data = heif()
    with pytest.raises(ValueError, match="broken"):
        read_items(data.replace(damage.encode(), b"free"))
    with pytest.raises(ValueError, match="shorter than its head"):
        read_items(struct.pack(">I4s", 7, b"ftyp") + data)
    at = data.index(b"iloc") - 4
    claims = data[: at + 14] + b"\xff\xff" + data[at + 16 :]
    with pytest.raises(ValueError, match="broken"):
        read_items(claims)
