"""The structure of a JPEG, without decoding it: segments, XMP packets, where the picture ends.

Enters: the bytes of a JPEG. Leaves: places in bytes and packets of XMP, or a ValueError with why. Nothing is
trusted: lengths are checked against the bytes that are there. Source: Adobe XMP part 3 (extended XMP).
"""

import struct
from collections.abc import Iterator

_STANDARD = b"http://ns.adobe.com/xap/1.0/\x00"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\x00"
_MOST_PIECES = 10_000


def segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk a JPEG's segments up to its picture data: (marker, start, end) of each body, in bytes."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", jpeg, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(jpeg):
            return
        yield marker, at + 4, end
        if marker == 0xDA:
            return
        at = end


def picture_end(jpeg: bytes) -> int:
    """Where the first picture ends: after the first end marker behind its picture data."""
    data = next((end for marker, _, end in segments(jpeg) if marker == 0xDA), 2)
    found = jpeg.find(b"\xff\xd9", data)
    return len(jpeg) if found < 0 else found + 2


def is_picture(data: bytes, at: int) -> bool:
    """Whether a JPEG or PNG starts there."""
    return data[at : at + 8].startswith((b"\xff\xd8\xff", b"\x89PNG"))


def xmp_packets(jpeg: bytes) -> list[bytes]:
    """The standard XMP packet and the extended one, put together from its numbered pieces."""
    packets: list[bytes] = []
    pieces: dict[bytes, dict[int, bytes]] = {}
    totals: dict[bytes, int] = {}
    count = 0
    for marker, start, end in segments(jpeg):
        if marker != 0xE1:
            continue
        body = jpeg[start:end]
        if body.startswith(_STANDARD):
            packets.append(body[len(_STANDARD) :])
        elif body.startswith(_EXTENDED) and len(body) >= len(_EXTENDED) + 40:
            head = body[len(_EXTENDED) :]
            total, offset = struct.unpack_from(">II", head, 32)
            pieces.setdefault(head[:32], {})[offset] = head[40:]
            totals[head[:32]] = total
        count += 1
        if count > _MOST_PIECES:
            raise ValueError(f"its metadata comes in more than {_MOST_PIECES:,} pieces")
    return packets + [_join(pieces[key], totals[key]) for key in pieces]


def _join(pieces: dict[int, bytes], total: int) -> bytes:
    joined = bytearray()
    for offset in sorted(pieces):
        if offset != len(joined):
            break
        joined += pieces[offset]
    if len(joined) != total:
        raise ValueError(f"its extended XMP is incomplete: {len(joined):,} of {total:,} bytes")
    return bytes(joined)
