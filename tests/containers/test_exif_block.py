"""EXIF is written anew: nothing that was dropped stays in it, and nothing makes it longer or slower."""

import io
import struct
import time
import warnings

import numpy as np
import pytest
from PIL import Image

from cocnet.containers.exif_block import (
    EXIF,
    GPS,
    INTEROP,
    MAIN,
    MAKER_NOTE,
    ExifBlock,
    ExifEntry,
    parse,
)
from cocnet.errors import CocnetWarning
from cocnet.imaging import Photo, read_photo, write_photo
from cocnet.imaging.photo.exif import read_exif, shortened

MAKE, ORIENTATION, WIDE, HIGH = 0x010F, 0x0112, 0xA002, 0xA003


def with_thumbnail(block, order):
    """The block with a thumbnail in a second directory, as cameras write it."""
    stream = io.BytesIO()
    Image.effect_noise((60, 40), 90).save(stream, "JPEG")
    thumbnail, block = stream.getvalue(), bytearray(block)
    (start,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, start)
    struct.pack_into(order + "I", block, start + 2 + 12 * count, len(block))
    second = struct.pack(
        order + "HHHIIHHIII", 2, 0x201, 4, 1, len(block) + 30, 0x202, 4, 1, len(thumbnail), 0
    )
    return bytes(block) + second + thumbnail


@pytest.mark.parametrize("order", ["<", ">"])
def test_no_thumbnail_can_be_carved_out(make, order):
    plain = make.exif([(MAKE, 2, b"Acme")], [(0x920A, 5, [(57, 10)])], order)
    reading = read_exif(with_thumbnail(plain, order))
    assert reading.block == plain
    assert b"\xff\xd8\xff" not in reading.block
    assert reading.camera.make == "Acme" and reading.camera.focal_length_m == pytest.approx(0.0057)


def test_pictures_in_other_tags_are_dropped_with_their_names(make):
    picture = b"\xff\xd8\xff\xe0" + bytes(range(1, 100))
    block = make.exif([(MAKE, 2, b"Acme"), (0xC4A5, 2, picture)], [(MAKER_NOTE, 2, b"head" + picture)])
    with pytest.warns(CocnetWarning, match=r"MakerNote.*another picture") as caught:
        reading = read_exif(block)
    assert len(caught) == 1
    assert reading.block == make.exif([(MAKE, 2, b"Acme")])


def test_a_makers_note_says_how_far_it_was_moved(make):
    """Its own offsets count from where it lay: OffsetSchema (0xEA1D) lets readers find what they point to."""
    note = b"note of a maker" * 3
    block = make.exif([(MAKE, 2, b"Acme cameras")], [(MAKER_NOTE, 2, note)])
    moved = read_exif(block).block
    again = {entry.tag: entry for entry in parse(moved).directories[EXIF]}
    assert again[MAKER_NOTE].value[:-1] == note
    shift = struct.unpack("<i", again[0xEA1D].value)[0]
    assert shift == moved.index(note) - block.index(note)


def test_a_directory_that_points_to_itself_5000_times(make):
    entries = [struct.pack("<HHII", 0x8769, 4, 1, 8)] * 5000
    block = b"II*\x00" + struct.pack("<IH", 8, 5000) + b"".join(entries) + bytes(4)
    start = time.perf_counter()
    assert len(read_exif(block).block) < 100
    assert time.perf_counter() - start < 1


def test_values_shared_by_many_entries_do_not_add_up():
    entries = [struct.pack("<HHII", tag, 7, 50_000, 10_000) for tag in range(0x9000, 0x9000 + 800)]
    block = b"II*\x00" + struct.pack("<IH", 8, 800) + b"".join(entries)
    assert len(read_exif(block + bytes(60_000)).block) < 2 * (len(block) + 60_000)


def test_few_notes_however_many_faults(make):
    inner = [(0x9204 + i, 10, [(-2, 0)]) for i in range(300)] + [(0x829D, 5, [(60_000, 1)])]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_exif(make.exif([(MAKE, 2, b"Acme")], inner))
    assert len(caught) == 2
    assert all(len(str(one.message)) < 200 for one in caught)


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_sizes_follow_the_turned_picture(make, tmp_path, rgb, turn, suffix):
    block = make.exif(
        [(ORIENTATION, 3, [turn]), (0x0100, 4, [1]), (0x0101, 4, [1])], [(WIDE, 3, [24]), (HIGH, 4, [16])]
    )
    photo = read_photo(make.encoded(rgb, "JPEG", exif=b"Exif\x00\x00" + block))
    write_photo(tmp_path / f"a{suffix}", photo.pixels, photo)
    with Image.open(tmp_path / f"a{suffix}") as image:
        inner = image.getexif().get_ifd(0x8769)
        assert (inner[WIDE], inner[HIGH]) == image.size
        assert (image.getexif()[0x0100], image.getexif()[0x0101]) == image.size
        assert image.getexif()[ORIENTATION] == 1
        assert image.size == ((16, 24) if turn > 4 else (24, 16))


def test_places_and_interoperability_are_kept():
    exif = Image.Exif()
    exif[MAKE] = "Acme"
    exif.get_ifd(0x8769).update({0x829D: 2.0})
    exif.get_ifd(0x8769)[0xA005] = {1: "R98"}
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 1.5)})
    block = read_exif(exif.tobytes()).block
    again = Image.Exif()
    again.load(block)
    assert dict(again.get_ifd(0x8825)) == {1: "N", 2: (48.0, 8.0, 1.5)}
    assert {GPS, EXIF, INTEROP, MAIN} == set(parse(block).directories)
    assert read_exif(block).block == block


def test_what_does_not_fit_into_a_jpeg_goes_alone(make, tmp_path, rgb):
    block = read_exif(
        make.exif([(MAKE, 2, b"Acme")], [(MAKER_NOTE, 2, b"n" * 70_000), (0x920A, 5, [(57, 10)])])
    ).block
    with pytest.warns(CocnetWarning, match="MakerNote is too large"):
        write_photo(tmp_path / "a.jpg", rgb, Photo(rgb, exif=block))
    assert read_photo(tmp_path / "a.jpg").camera.focal_length_m == pytest.approx(0.0057)
    with pytest.warns(CocnetWarning):
        assert len(shortened(block, 500)) < 500
    assert np.array_equal(shortened(block, 1 << 20), block)


@pytest.mark.parametrize("start", [0, 7, 200, 1 << 31, (1 << 32) - 1])
def test_a_directory_outside_the_block_is_a_value_error(start):
    with pytest.raises(ValueError):
        parse(b"II*\x00" + struct.pack("<I", start) + bytes(40))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "names", [(EXIF,), (GPS,), (INTEROP,), (EXIF, INTEROP), (GPS, INTEROP), (EXIF, GPS, INTEROP)]
)
def test_each_directory_comes_back_from_its_bytes(order, names):
    """Values within the entry and beside it, even and odd; interoperability lies below EXIF, written or not."""
    values = {1: b"N\x00", 2: b"abcd", 3: b"12345", 4: b"123456"}
    entries = tuple(ExifEntry(tag, 7, len(value), value) for tag, value in values.items())
    block = ExifBlock(order, {MAIN: entries[:3], **dict.fromkeys(names, entries)})
    again = parse(block.to_bytes())
    assert again.order == order
    for name in (MAIN, EXIF, GPS, INTEROP):
        found = [(e.tag, e.kind, e.count, e.value) for e in again.directories.get(name, ())]
        assert found == [(e.tag, e.kind, e.count, e.value) for e in block.directories.get(name, ())]
    assert parse(b"Exif\x00\x00" + block.to_bytes()) == again
    assert again.to_bytes() == block.to_bytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_where_a_value_lies(order):
    block = ExifBlock(order, {MAIN: (ExifEntry(1, 7, 3, b"abc"), ExifEntry(2, 7, 6, b"ABCDEF"))}).to_bytes()
    first, second = parse(block).directories[MAIN]
    assert block[first.at : first.at + 3] == b"abc" and block[second.at : second.at + 6] == b"ABCDEF"


@pytest.mark.parametrize(
    ("kind", "number", "as_kind"), [(3, 7, 3), (3, 65535, 3), (3, 65536, 4), (4, 7, 4), (4, 70_000, 4)]
)
def test_a_number_is_changed_in_the_type_that_holds_it(kind, number, as_kind):
    old = struct.pack(">H" if kind == 3 else ">I", 1)
    block = ExifBlock(">", {EXIF: (ExifEntry(WIDE, kind, 1, old), ExifEntry(HIGH, 3, 1, b"\x00\x05"))})
    changed, kept = parse(block.changed({WIDE: number, MAKE: 3}).to_bytes()).directories[EXIF]
    assert (changed.kind, changed.count, int.from_bytes(changed.value)) == (as_kind, 1, number)
    assert (kept.kind, kept.value) == (3, b"\x00\x05")


def test_an_entry_is_left_out_by_itself_not_by_its_equals():
    twins = (ExifEntry(1, 7, 1, b"a"), ExifEntry(1, 7, 1, b"a"))
    block = ExifBlock("<", {MAIN: twins[:1], EXIF: twins[1:]})
    assert block.without([twins[1]]).directories == {MAIN: twins[:1], EXIF: ()}
    assert list(block.entries()) == list(twins)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 4),
        (5, 8),
        (6, 1),
        (7, 1),
        (8, 2),
        (9, 4),
        (10, 8),
        (11, 4),
        (12, 8),
        (13, 4),
    ],
)
def test_every_type_has_its_size(kind, size):
    for count in (1, 3):
        value = bytes(range(1, count * size + 1))
        block = ExifBlock("<", {MAIN: (ExifEntry(0x9999, kind, count, value),)}).to_bytes()
        assert parse(block).directories[MAIN][0].value == value
        if len(value) > 4:
            assert parse(block[: block.index(value) + len(value)]).directories[MAIN]
            assert not parse(block[: block.index(value) + len(value) - 1]).directories[MAIN]


def test_a_thousand_entries_are_the_most():
    table = b"".join(struct.pack("<HHII", tag, 3, 1, tag) for tag in range(1, 1101))
    block = b"II*\x00" + struct.pack("<IH", 8, 1100) + table
    tags = [entry.tag for entry in parse(block).directories[MAIN]]
    assert tags == list(range(1, 1001))
    with pytest.raises(ValueError, match="outside"):
        parse(block[:-1])


@pytest.mark.parametrize(
    ("kind", "count", "read"), [(4, 1, True), (13, 1, True), (3, 1, False), (4, 2, False)]
)
def test_what_points_to_a_directory(kind, count, read):
    below = struct.pack("<HHHII", 1, 0x9000, 7, 4, 0x30323230) + bytes(4)
    main = struct.pack("<HHHII", 1, 0x8769, kind, count, 26) + bytes(4)
    found = parse(b"II*\x00" + struct.pack("<I", 8) + main + below).directories
    assert bool(found.get(EXIF)) == read and found[MAIN] == ()


def test_a_note_is_moved_by_the_order_of_its_block():
    note = ExifEntry(MAKER_NOTE, 7, 6, b"a note", at=500)
    other = ExifEntry(0x9000, 7, 8, b"a value!")
    moved = parse(ExifBlock(">", {EXIF: (note, other, ExifEntry(0xEA1D, 9, 1, b"old!"))}).to_bytes())
    entries = {entry.tag: entry for entry in moved.directories[EXIF]}
    assert int.from_bytes(entries[0xEA1D].value, signed=True) == entries[MAKER_NOTE].at - 500
    assert len(moved.directories[EXIF]) == 3
