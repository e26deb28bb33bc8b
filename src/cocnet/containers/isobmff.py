"""The boxes of HEIC, AVIF and JPEG XL; of the first two: where each item's bytes lie, and the colour they are in.

Enters: a file's bytes. Leaves: `HeifItems`, or a ValueError with what is broken. Sources: ISO/IEC 14496-12 (iloc,
pitm, iref), ISO/IEC 23008-12 (ipco, ipma, grid), ISO/IEC 23091-2 (nclx).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_MOST_ITEMS = 20_000
_ZEROS = 64
_WIDTH = {0: "", 4: "I", 8: "Q"}


@dataclass(frozen=True)
class HeifItems:
    """What a file holds: extents (start, length) by item, tiles of the primary item, its colour properties, and of
    what other pictures those are made that are made of others, with the name of how."""

    primary: int
    primary_at: tuple[int, str]
    hidden_at: dict[int, int]
    extents: dict[int, list[tuple[int, int]]]
    tiles: list[int]
    nclx: tuple[int, int] | None
    made_of: dict[int, tuple[bytes, list[int]]] = field(default_factory=dict)

    def check(self, file_bytes: int) -> None:
        """Raise ValueError where an item's bytes lie past the end of the file."""
        for item, extents in self.extents.items():
            if any(start + length > file_bytes for start, length in extents):
                raise ValueError(f"part {item} of {len(self.extents)} ends past the end of the file")

    def check_ends(self, data: bytes) -> None:
        """Raise ValueError where the picture's data ends in zeros, as a copy does that was broken off: neither HEVC
        nor AV1 does."""
        for item in (self.primary, *self.tiles):
            start, length = self.extents.get(item, [(0, 0)])[-1]
            if length > _ZEROS and not any(data[start + length - _ZEROS : start + length]):
                raise ValueError(f"part {item} ends in zeros")

    def with_primary(self, data: bytes, item: int) -> bytes:
        """The same file with another main picture: one of its tiles, which are hidden, to be decoded alone."""
        at, form = self.primary_at
        changed = bytearray(data)
        struct.pack_into(form, changed, at, item)
        changed[self.hidden_at[item]] &= 0xFE
        return bytes(changed)


def read_items(data: bytes) -> HeifItems:
    """Parse a HEIC's or AVIF's meta box. Raises ValueError."""
    try:
        meta = next((start, end) for name, start, end in boxes(data, 0, len(data)) if name == b"meta")
        inside = {name: (start, end) for name, start, end in boxes(data, meta[0] + 4, meta[1])}
        at = inside[b"pitm"][0]
        form = ">H" if data[at] == 0 else ">I"
        (primary,) = struct.unpack_from(form, data, at + 4)
        extents, hidden_at = _locations(data, *inside[b"iloc"]), _flags(data, *inside[b"iinf"])
        parts = _parts(data, *inside[b"iref"]) if b"iref" in inside else {}
        names = _names(data, *inside[b"iinf"])
        made_of = {item: (names.get(item, b""), items) for item, items in parts.items()}
        nclx = _nclx(data, *inside[b"iprp"], primary) if b"iprp" in inside else None
    except (StopIteration, KeyError, struct.error, IndexError) as error:
        raise ValueError("its index of pictures is broken") from error
    return HeifItems(primary, (at + 4, form), hidden_at, extents, parts.get(primary, []), nclx, made_of)


def boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the bodies of sibling boxes; a last box may be longer than the file."""
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        size = size or end - at
        if size < head:
            raise ValueError("a box is shorter than its head")
        yield name, at + head, min(at + size, end)
        at += size


def _locations(data: bytes, start: int, end: int) -> dict[int, list[tuple[int, int]]]:
    """Extents by item that lie in the file itself (construction method 0)."""
    version = data[start]
    sizes, more = data[start + 4], data[start + 5]
    offset, length, base = _WIDTH[sizes >> 4], _WIDTH[sizes & 15], _WIDTH[more >> 4]
    index = _WIDTH[more & 15] if version in (1, 2) else ""
    number = "I" if version == 2 else "H"
    (count,) = struct.unpack_from(">" + number, data, start + 6)
    at = start + 6 + struct.calcsize(">" + number)
    found: dict[int, list[tuple[int, int]]] = {}
    for _ in range(min(count, _MOST_ITEMS)):
        method = 0
        (item,) = struct.unpack_from(">" + number, data, at)
        at += struct.calcsize(">" + number)
        if version in (1, 2):
            method, at = data[at + 1] & 15, at + 2
        (origin, extents), at = _values(data, at + 2, base, "H")
        for _ in range(min(extents, _MOST_ITEMS)):
            (_, where, size), at = _values(data, at, index, offset, length)
            if method == 0:
                found.setdefault(item, []).append((origin + where, size))
        if at > end:
            raise ValueError("its index of pictures is broken")
    return found


def _values(data: bytes, at: int, *forms: str) -> tuple[tuple[int, ...], int]:
    """Numbers of given widths one after another (no width: 0), and where they end."""
    values = []
    for form in forms:
        values.append(struct.unpack_from(">" + form, data, at)[0] if form else 0)
        at += struct.calcsize(">" + form)
    return tuple(values), at


def _flags(data: bytes, start: int, end: int) -> dict[int, int]:
    """Where each item's last byte of flags is; its lowest bit hides the item."""
    entries = boxes(data, start + (6 if data[start] == 0 else 8), end)
    return {
        struct.unpack_from(">H" if data[at] < 3 else ">I", data, at + 4)[0]: at + 3 for _, at, _ in entries
    }


def _names(data: bytes, start: int, end: int) -> dict[int, bytes]:
    """The four letters that say of what kind each item is."""
    found = {}
    for _, at, _ in boxes(data, start + (6 if data[start] == 0 else 8), end):
        if data[at] >= 2:
            (item,) = struct.unpack_from(">H" if data[at] == 2 else ">I", data, at + 4)
            name = at + (8 if data[at] == 2 else 10)
            found[item] = data[name : name + 4]
    return found


def _parts(data: bytes, start: int, end: int) -> dict[int, list[int]]:
    """For each item those that it is made of (its tiles), in reading order; a second list of one is ignored."""
    form = ">H" if data[start] == 0 else ">I"
    step = struct.calcsize(form)
    found: dict[int, list[int]] = {}
    for name, at, stop in boxes(data, start + 4, end):
        if name == b"dimg":
            (item,) = struct.unpack_from(form, data, at)
            (count,) = struct.unpack_from(">H", data, at + step)
            first = at + step + 2
            places = range(first, min(first + count * step, stop), step)
            found.setdefault(item, [struct.unpack_from(form, data, place)[0] for place in places])
    return found


def _nclx(data: bytes, start: int, end: int, primary: int) -> tuple[int, int] | None:
    """Colour primaries and transfer curve of the primary item, by their numbers in ISO/IEC 23091-2."""
    inside = {name: (at, stop) for name, at, stop in boxes(data, start, end)}
    colours = {
        place: struct.unpack_from(">HH", data, at + 4)
        for place, (name, at, _) in enumerate(boxes(data, *inside[b"ipco"]), start=1)
        if name == b"colr" and data[at : at + 4] == b"nclx"
    }
    found = (colours[place] for place in _properties(data, inside[b"ipma"][0], primary) if place in colours)
    return next(found, None)


def _properties(data: bytes, start: int, primary: int) -> list[int]:
    """Places in ipco of an item's properties."""
    wide, large = data[start + 3] & 1, data[start] > 0
    (count,) = struct.unpack_from(">I", data, start + 4)
    at = start + 8
    for _ in range(min(count, _MOST_ITEMS)):
        (item,) = struct.unpack_from(">I" if large else ">H", data, at)
        at += 4 if large else 2
        number, step = data[at], 2 if wide else 1
        places = [int.from_bytes(data[at + 1 + i * step : at + 1 + (i + 1) * step]) for i in range(number)]
        if item == primary:
            return [place & (0x7FFF if wide else 0x7F) for place in places]
        at += 1 + number * step
    return []
