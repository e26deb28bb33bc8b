"""An EXIF block taken apart into its directories and put together again, holding nothing but what they list.

Enters: a TIFF structure (with or without "Exif\\0\\0"). Leaves: an `ExifBlock`, or a ValueError; and its bytes, in
linear time and never longer than what came in, give or take a tag. Source: CIPA DC-008 (EXIF 2.32), TIFF 6.0.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

MAIN, EXIF, GPS, INTEROP = "main", "exif", "gps", "interop"
_BELOW = {0x8769: (MAIN, EXIF), 0x8825: (MAIN, GPS), 0xA005: (EXIF, INTEROP)}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_MOST_ENTRIES = 1000
MAKER_NOTE, OFFSET_SCHEMA = 0x927C, 0xEA1D


@dataclass(frozen=True)
class ExifEntry:
    """One tag: its number, type, count and value in the block's byte order; `at` is where the value lay."""

    tag: int
    kind: int
    count: int
    value: bytes
    at: int = 0


@dataclass(frozen=True)
class ExifBlock:
    """Byte order ("<" or ">") and the entries of each directory; thumbnails aren't among them."""

    order: str
    directories: dict[str, tuple[ExifEntry, ...]] = field(default_factory=dict)

    def entries(self) -> Iterable[ExifEntry]:
        """All entries of all directories."""
        return (entry for entries in self.directories.values() for entry in entries)

    def without(self, unwanted: Iterable[ExifEntry]) -> "ExifBlock":
        """The same block less some entries."""
        gone = {id(entry) for entry in unwanted}
        kept = {name: tuple(e for e in has if id(e) not in gone) for name, has in self.directories.items()}
        return replace(self, directories=kept)

    def changed(self, values: dict[int, int]) -> "ExifBlock":
        """The same block with other whole numbers in tags that it holds."""
        found = {
            name: tuple(self._renumbered(e, values) if e.tag in values else e for e in has)
            for name, has in self.directories.items()
        }
        return replace(self, directories=found)

    def _renumbered(self, entry: ExifEntry, values: dict[int, int]) -> ExifEntry:
        number = values[entry.tag]
        kind = 3 if entry.kind == 3 and number < 65536 else 4
        return ExifEntry(entry.tag, kind, 1, struct.pack(self.order + ("H" if kind == 3 else "I"), number))

    def to_bytes(self) -> bytes:
        """Main directory, its values, then the directories below it, each with its values; no second picture."""
        names = [name for name in (EXIF, GPS, INTEROP) if self.directories.get(name)]
        if INTEROP in names and EXIF not in names:
            names.insert(0, EXIF)
        starts, at = {}, 8
        for name in (MAIN, *names):
            starts[name] = at
            at += len(self._directory(name, at, dict.fromkeys(names, 0)))
        head = (b"II*\x00" if self.order == "<" else b"MM\x00*") + struct.pack(self.order + "I", 8)
        return head + b"".join(self._directory(name, starts[name], starts) for name in (MAIN, *names))

    def _directory(self, name: str, start: int, below: dict[str, int]) -> bytes:
        entries = list(self.directories.get(name, ()))
        for tag, (parent, child) in _BELOW.items():
            if parent == name and child in below:
                entries.append(ExifEntry(tag, 4, 1, struct.pack(self.order + "I", below[child])))
        if any(entry.tag == MAKER_NOTE for entry in entries):
            entries = [e for e in entries if e.tag != OFFSET_SCHEMA]
            entries.append(ExifEntry(OFFSET_SCHEMA, 9, 1, bytes(4)))
        entries.sort(key=lambda entry: entry.tag)
        data, table, moved = b"", [], 0
        for entry in entries:
            value = entry.value.ljust(4, b"\x00")
            if len(entry.value) > 4:
                place = start + 6 + 12 * len(entries) + len(data)
                moved = place - entry.at if entry.tag == MAKER_NOTE else moved
                value = struct.pack(self.order + "I", place)
                data += entry.value + bytes(len(entry.value) % 2)
            elif entry.tag == OFFSET_SCHEMA:
                value = struct.pack(self.order + "i", moved)
            table.append(struct.pack(self.order + "HHI", entry.tag, entry.kind, entry.count) + value)
        return struct.pack(self.order + "H", len(entries)) + b"".join(table) + bytes(4) + data


def parse(data: bytes) -> ExifBlock:
    """Read each known directory once; entries outside the block, repeated ones and shared giants are left out.

    Raises ValueError.
    """
    data = data.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise ValueError("no byte order")
    try:
        (start,) = struct.unpack_from(order + "I", data, 4)
        found, room = _entries(data, order, start, len(data))
    except struct.error as error:
        raise ValueError("a directory outside the block") from error
    directories, seen = {MAIN: found}, {start}
    for tag, (parent, child) in _BELOW.items():
        for entry in directories.get(parent, ()):
            if entry.tag == tag and entry.kind in (4, 13) and entry.count == 1 and child not in directories:
                (start,) = struct.unpack(order + "I", entry.value)
                if start not in seen:
                    seen.add(start)
                    directories[child], room = _tried(data, order, start, room)
    below = {
        name: tuple(e for e in has if e.tag not in _BELOW or _BELOW[e.tag][0] != name)
        for name, has in directories.items()
    }
    return ExifBlock(order, below)


def _tried(data: bytes, order: str, start: int, room: int) -> tuple[tuple[ExifEntry, ...], int]:
    try:
        return _entries(data, order, start, room)
    except (struct.error, ValueError):
        return (), room


def _entries(data: bytes, order: str, start: int, room: int) -> tuple[tuple[ExifEntry, ...], int]:
    """The entries of one directory, and how many bytes of values may still come."""
    (count,) = struct.unpack_from(order + "H", data, start)
    if start < 8 or start + 2 + 12 * count > len(data):
        raise ValueError("directory outside the block")
    found: dict[int, ExifEntry] = {}
    for i in range(min(count, _MOST_ENTRIES)):
        at = start + 2 + 12 * i
        tag, kind, number = struct.unpack_from(order + "HHI", data, at)
        size = _SIZES.get(kind, 1) * number
        place = at + 8 if size <= 4 else struct.unpack_from(order + "I", data, at + 8)[0]
        if tag in found or place + size > len(data) or size > room:
            continue
        room -= size if size > 4 else 0
        found[tag] = ExifEntry(tag, kind, number, data[place : place + size], place)
    return tuple(found.values()), room
