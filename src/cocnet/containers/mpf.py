"""Further pictures behind a JPEG, as its Multi-Picture Format index lists them: an iPhone's depth among them.

Enters: the bytes of a JPEG. Leaves: the bytes of each further picture. Source: CIPA DC-007 (MPF).
"""

import struct
from collections.abc import Iterator

from cocnet.containers.jpeg import is_picture, segments

_INDEX_TAG, _ENTRY_BYTES, _MOST_PICTURES = 0xB002, 16, 100


def further_pictures(jpeg: bytes) -> Iterator[bytes]:
    """Each picture after the first that lies whole within the file; none where the index is damaged."""
    for marker, start, end in segments(jpeg):
        if marker == 0xE2 and jpeg[start : start + 4] == b"MPF\x00":
            yield from _listed(jpeg, start + 4, end)
            return


def _listed(jpeg: bytes, base: int, end: int) -> Iterator[bytes]:
    """Pictures of an index at `base`, from which offsets count."""
    index = jpeg[base:end]
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(index[:4])
    try:
        entries = _entries(index, order) if order else b""
    except struct.error:
        return
    left = len(jpeg)  # pictures don't overlap, so together they can't be more than the file
    for at in range(_ENTRY_BYTES, min(len(entries), _ENTRY_BYTES * _MOST_PICTURES), _ENTRY_BYTES):
        size, offset = struct.unpack_from(f"{order}II", entries, at + 4)
        place = base + offset
        if offset and 0 < size <= min(left, len(jpeg) - place) and is_picture(jpeg, place):
            left -= size
            yield jpeg[place : place + size]


def _entries(index: bytes, order: str) -> bytes:
    """The table of pictures, 16 bytes each: attributes, size, offset, two dependent pictures."""
    (directory,) = struct.unpack_from(f"{order}I", index, 4)
    (count,) = struct.unpack_from(f"{order}H", index, directory)
    for i in range(count):
        tag, _, length, place = struct.unpack_from(f"{order}HHII", index, directory + 2 + 12 * i)
        if tag == _INDEX_TAG:
            whole = index[place : place + length]
            return whole[: len(whole) // _ENTRY_BYTES * _ENTRY_BYTES]
    return b""
