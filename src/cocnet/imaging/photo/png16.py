"""16-bit PNG of 1–4 channels, which Pillow can't write in colour.

Enters: uint16 [h w 1–4], what goes with them. Leaves: a PNG file. Source: PNG 3rd edition (W3C), sections 7, 9, 11.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import UInt16

from cocnet.imaging.color.icc import hdr_codes
from cocnet.imaging.photo.about import About

_BAND_BYTES = 1 << 24
_INCH_M = 0.0254
XMP = "XML:com.adobe.xmp"


def write(path: Path, stored: UInt16[np.ndarray, "h w c"], about: About) -> None:
    """Write channels grey, grey+alpha, RGB or RGBA losslessly; raises OSError."""
    height, width, channels = stored.shape
    with path.open("wb") as stream:
        stream.write(b"\x89PNG\r\n\x1a\n")
        color_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
        _chunk(stream, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0))
        if codes := hdr_codes(about.icc):
            _chunk(stream, b"cICP", cicp(codes))
        if about.icc:
            _chunk(stream, b"iCCP", b"ICC Profile\x00\x00" + zlib.compress(about.icc))
        if about.dpi:
            _chunk(stream, b"pHYs", struct.pack(">IIB", *(round(each / _INCH_M) for each in about.dpi), 1))
        if about.xmp:
            _chunk(stream, b"iTXt", XMP.encode() + bytes(5) + about.xmp)
        if about.exif:
            _chunk(stream, b"eXIf", about.exif)
        for data in _compressed(stored):
            _chunk(stream, b"IDAT", data)
        _chunk(stream, b"IEND", b"")


def cicp(codes: tuple[int, int]) -> bytes:
    """The body of the chunk of primaries and transfer: RGB of full range."""
    return bytes([*codes, 0, 1])


def _chunk(stream: BinaryIO, name: bytes, body: bytes) -> None:
    stream.write(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))


def _compressed(stored: np.ndarray) -> Iterator[bytes]:
    """Deflate the picture in bands of rows, each row with the better of the filters Sub and Up."""
    height, width, channels = stored.shape
    packer = zlib.compressobj(6)
    step = max(1, _BAND_BYTES // (width * channels * 2))
    above = np.zeros((1, width * channels * 2), np.uint8)
    for top in range(0, height, step):
        rows = (
            np.ascontiguousarray(stored[top : top + step], dtype=">u2")
            .view(np.uint8)
            .reshape(-1, above.shape[1])
        )
        if data := packer.compress(_filtered(rows, above, 2 * channels).tobytes()):
            yield data
        above = rows[-1:]
    yield packer.flush()


def _filtered(rows: np.ndarray, above: np.ndarray, pixel_bytes: int) -> np.ndarray:
    sub = rows.copy()
    sub[:, pixel_bytes:] -= rows[:, :-pixel_bytes]
    up = rows - np.concatenate([above, rows[:-1]])
    cost_sub, cost_up = (
        np.abs(f.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64) for f in (sub, up)
    )
    use_up = cost_up < cost_sub
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    out[:, 0] = np.where(use_up, 2, 1)
    out[:, 1:] = np.where(use_up[:, None], up, sub)
    return out
