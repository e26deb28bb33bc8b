"""Whether a file holds all of the picture that its header promises: decoders fill what is missing and say nothing.

Enters: the bytes of a PNG or JPEG, the layout of a TIFF. Leaves: nothing, or a ValueError with what is missing.
Sources: PNG 3rd edition, sections 5, 8 and 10; TIFF 6.0, sections 3 and 15; ITU-T T.81, annexes B and G.
"""

import io
import math
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 1 << 20
_ZEROS = 64
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
FILLER = bytes(range(7, 247, 3)) * 64


def check_png(stream: BinaryIO) -> None:
    """Inflate a PNG's picture data without keeping it, and count: every row must be there, unbroken."""
    stream.seek(8)
    needed, found, inflate = None, 0, zlib.decompressobj()
    for name, body in _chunks(stream):
        if name == b"IHDR":
            needed = _png_bytes(*struct.unpack(">IIBBxxB", body[:13]))
        elif name == b"IDAT" and needed is not None and found < needed:
            while body and found < needed:
                found += len(inflate.decompress(body, _PIECE))
                body = inflate.unconsumed_tail
        elif name == b"IEND":
            break
    if needed is None or found < needed:
        raise ValueError(f"{found:,} of {needed or 0:,} bytes of picture data")


def png_chunk(stream: BinaryIO, wanted: bytes) -> bytes | None:
    """The body of a chunk before the picture data, None where there is none."""
    stream.seek(8)
    for name, body in _chunks(stream):
        if name in (wanted, b"IDAT"):
            return body if name == wanted else None
    return None


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    at = stream.tell()
    end = stream.seek(0, io.SEEK_END)  # a length beyond it would be set aside before it is missed
    stream.seek(at)
    while len(head := stream.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if stream.tell() + length + 4 > end:
            raise ValueError("it ends inside its data")
        body, check = stream.read(length), stream.read(4)
        if name in (b"IHDR", b"IDAT") and zlib.crc32(name + body) != int.from_bytes(check):
            raise ValueError("a checksum is wrong")
        yield name, body


def _png_bytes(width: int, height: int, bits: int, color: int, interlaced: int) -> int:
    """Bytes of all filtered rows, of the seven passes where it is interlaced."""
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    pixel_bits = bits * _CHANNELS.get(color, 1)
    total = 0
    for left, top, right, down in passes:
        columns, rows = max(0, -(-(width - left) // right)), max(0, -(-(height - top) // down))
        total += rows * (1 + -(-columns * pixel_bits // 8)) if columns else 0
    return total


@dataclass(frozen=True)
class TiffLayout:
    """How a TIFF's picture lies in its file: strips of `rows`, or tiles of (`rows`, `columns`)."""

    width: int
    height: int
    pixel_bits: int
    planes: int
    rows: int
    columns: int | None
    offsets: Sequence[int]
    counts: Sequence[int]
    compressed: bool

    def check(self, file_bytes: int) -> None:
        """Raise ValueError where strips or tiles are missing, lie outside the file, or are too short."""
        rows = min(self.rows, self.height) if self.columns is None else self.rows
        columns = self.columns or self.width
        if rows < 1 or columns < 1:
            raise ValueError("strips of no height")
        down, across = math.ceil(self.height / rows), math.ceil(self.width / columns)
        needed = down * across * self.planes
        if len(self.offsets) < needed or len(self.counts) < needed:
            raise ValueError(f"{min(len(self.offsets), len(self.counts))} of {needed} strips or tiles")
        row_bytes = -(-columns * self.pixel_bits // 8)
        for i in range(needed):
            last = self.height - (i % down) * rows if self.columns is None else rows
            least = 1 if self.compressed else min(rows, last) * row_bytes
            if self.offsets[i] < 1 or self.counts[i] < least or self.offsets[i] + least > file_bytes:
                raise ValueError(f"strip or tile {i + 1} of {needed} is incomplete")
            if self.compressed and self.offsets[i] + self.counts[i] > file_bytes:
                raise ValueError(f"strip or tile {i + 1} of {needed} ends past the end of the file")


def check_webp(data: bytes) -> None:
    """Raise ValueError where the picture's data ends in zeros, as a copy does that was broken off. VP8's own end
    of a plain picture is a twentieth of zeros."""
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        zeros = _ZEROS if name == b"VP8L" else max(_ZEROS, size // 10)
        if (
            name in (b"VP8 ", b"VP8L")
            and size > zeros
            and not any(data[at + 8 + size - zeros : at + 8 + size])
        ):
            raise ValueError("its picture data ends in zeros")
        at += 8 + size + size % 2


def check_progressive(jpeg: bytes) -> None:
    """Raise ValueError where a progressive JPEG's scans don't bring every coefficient to its full precision."""
    wanted: set[tuple[int, int]] = set()
    for marker, start, end in _segments(jpeg):
        if marker in (0xC2, 0xCA):
            wanted = {(component, k) for component in jpeg[start + 6 : end : 3] for k in range(64)}
        elif marker == 0xDA:
            count = jpeg[start]
            low, high, precision = jpeg[start + 1 + 2 * count : start + 4 + 2 * count]
            if precision & 15 == 0:
                components = jpeg[start + 1 : start + 1 + 2 * count : 2]
                wanted -= {(component, k) for component in components for k in range(low, high + 1)}
    if wanted:
        raise ValueError("its later scans are missing")


def filled_up(jpeg: bytes) -> bytes:
    """The same JPEG with more data behind its last scan: another picture only where a decoder lacked some."""
    scan = max((end for marker, _, end in _segments(jpeg) if marker == 0xDA), default=2)
    end = _MARKER.search(jpeg, scan)
    return jpeg[: end.start() if end else len(jpeg)] + FILLER + b"\xff\xd9"


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of the bodies of a JPEG's segments, its scans' heads among them, up to its end marker."""
    at = 2
    while (found := _MARKER.search(jpeg, at)) and found[0][1] != 0xD9:
        start = found.end() + 2
        end = found.end() + int.from_bytes(jpeg[found.end() : start])
        if end > len(jpeg) or end < start:
            return
        yield found[0][1], start, end
        at = end
