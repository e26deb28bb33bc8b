"""TIFF of 8 or 16 bit with 1–4 channels, keeping EXIF to the byte: the file is built onto the EXIF block.

An EXIF block is itself a TIFF, so its offsets stay right when picture data and a new main directory are
appended to it. Enters: uint8/uint16 [h w 1–4]. Leaves: a deflated TIFF. Source: TIFF 6.0, Adobe TechNote 3.
"""

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Shaped

from cocnet.errors import FileError
from cocnet.imaging.photo.about import About
from cocnet.imaging.photo.raster import IPTC_TAG

_STRIP_BYTES = 1 << 20
_STRUCTURE = {254, 256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 284, 317, 322, 323, 324, 325, 338, 339}
_STRUCTURE |= {513, 514, 529, 530, 531, 532, 34675}
Entry = tuple[int, int, int, bytes]


def write(path: Path, stored: Shaped[np.ndarray, "h w c"], about: About) -> None:
    """Write grey, grey+alpha, RGB or RGBA losslessly; raises OSError, or FileError over 4 GB."""
    exif = about.exif
    base = exif if exif and exif[:4] in (b"II*\x00", b"MM\x00*") else b"II*\x00\x08\x00\x00\x00"
    order = "<" if base[:2] == b"II" else ">"
    height, width, channels = stored.shape
    rows = max(1, _STRIP_BYTES // (width * channels * stored.itemsize))
    offsets, counts = [], []
    with path.open("wb") as stream:
        stream.write(base)
        for top in range(0, height, rows):
            stream.seek(stream.tell() + stream.tell() % 2)
            strip = _strip(stored[top : top + rows], order)
            offsets.append(stream.tell())
            counts.append(len(strip))
            stream.write(strip)
        if stream.tell() > (1 << 32) - (1 << 24):
            raise FileError(f"expected a TIFF under 4 GB, got more for '{path}', try PNG")
        entries = _structure(stored, rows, offsets, counts, about.icc, order) + _described(exif, order)
        entries += _beside(about, {entry[0] for entry in entries}, order)
        _directory(stream, sorted(entries), order)


def _strip(rows: np.ndarray, order: str) -> bytes:
    """Horizontal differences (predictor 2), deflated."""
    flat = rows.copy()
    flat[:, 1:] -= rows[:, :-1]
    ordered = flat.astype(">u2" if order == ">" and flat.itemsize == 2 else flat.dtype)
    return zlib.compress(ordered.tobytes(), 6)


def _structure(
    stored: np.ndarray, rows: int, offsets: list[int], counts: list[int], icc: bytes | None, order: str
) -> list[Entry]:
    height, width, channels = stored.shape

    def short(tag: int, *values: int) -> Entry:
        return tag, 3, len(values), struct.pack(f"{order}{len(values)}H", *values)

    def long(tag: int, values: list[int]) -> Entry:
        return tag, 4, len(values), struct.pack(f"{order}{len(values)}I", *values)

    entries = [long(256, [width]), long(257, [height]), short(258, *[8 * stored.itemsize] * channels)]
    entries += [short(259, 8), short(262, 2 if channels > 2 else 1), long(273, offsets), short(274, 1)]
    entries += [short(277, channels), long(278, [rows]), long(279, counts), short(284, 1), short(317, 2)]
    entries += [short(338, 2)] if channels in (2, 4) else []
    entries += [(34675, 7, len(icc), icc)] if icc else []
    return entries


def _beside(about: About, there: set[int], order: str) -> list[Entry]:
    """XMP and IPTC, and the resolution where EXIF doesn't say it."""
    blocks = ((700, 1, about.xmp), (IPTC_TAG, 7, about.iptc))
    found: list[Entry] = [
        (tag, kind, len(each), each) for tag, kind, each in blocks if each and tag not in there
    ]
    if about.dpi and not there & {282, 283, 296}:
        pairs = (struct.pack(order + "II", round(each * 1000), 1000) for each in about.dpi)
        found += [(tag, 5, 1, pair) for tag, pair in zip((282, 283), pairs, strict=True)]
        found.append((296, 3, 1, struct.pack(order + "H", 2)))
    return found


def _described(exif: bytes | None, order: str) -> list[Entry]:
    """Entries of the EXIF block's main directory that describe the photo, values or offsets untouched."""
    if not exif or exif[:4] not in (b"II*\x00", b"MM\x00*"):
        return []
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, start)
    found = []
    for i in range(count):
        at = start + 2 + 12 * i
        tag, kind, number = struct.unpack_from(order + "HHI", exif, at)
        if tag not in _STRUCTURE:
            found.append((tag, kind, number, exif[at + 8 : at + 12] + b"raw"))
    return found


def _directory(stream: BinaryIO, entries: list[Entry], order: str) -> None:
    """Append long values, then the directory, and point the header at it."""
    packed = b""
    for tag, kind, number, value in entries:
        if len(value) == 7 and value.endswith(b"raw"):
            value = value[:4]
        elif len(value) > 4:
            stream.seek(stream.tell() + stream.tell() % 2)
            offset = stream.tell()
            stream.write(value)
            value = struct.pack(order + "I", offset)
        packed += struct.pack(order + "HHI", tag, kind, number) + value.ljust(4, b"\x00")
    stream.seek(stream.tell() + stream.tell() % 2)
    start = stream.tell()
    stream.write(struct.pack(order + "H", len(entries)) + packed + bytes(4))
    stream.seek(4)
    stream.write(struct.pack(order + "I", start))
