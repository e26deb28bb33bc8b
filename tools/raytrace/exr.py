"""Read the uncompressed, single-part scan-line OpenEXR files that Blender writes, with numpy alone.

In: a path. Out: a dict from channel name ("ViewLayer.Combined.R") to a float32 array [h, w], row 0 on top.
"""

import struct
from pathlib import Path

import numpy as np

_MAGIC = 20000630
_TYPES = {0: np.dtype("<u4"), 1: np.dtype("<f2"), 2: np.dtype("<f4")}


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode(), end + 1


def _channels(block: bytes) -> list[tuple[str, np.dtype]]:
    """The channel list: a name, a pixel type (int32), 12 bytes of sampling, and so on until an empty name."""
    found, at = [], 0
    while block[at]:
        name, at = _string(block, at)
        found.append((name, _TYPES[struct.unpack_from("<i", block, at)[0]]))
        at += 16
    return found


def _header(data: bytes) -> tuple[dict[str, bytes], int]:
    attributes, at = {}, 8
    while data[at]:
        name, at = _string(data, at)
        _, at = _string(data, at)
        (size,) = struct.unpack_from("<i", data, at)
        attributes[name] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return attributes, at + 1


def read_exr(path: Path) -> dict[str, np.ndarray]:
    """All channels of an uncompressed scan-line file as float32 arrays [h, w]."""
    data = path.read_bytes()
    magic, version = struct.unpack_from("<ii", data)
    if magic != _MAGIC or version & 0x1200:
        raise ValueError(f"expected a single-part scan-line OpenEXR, got {path.name} ({version:#x})")
    header, at = _header(data)
    if header["compression"] != b"\0":
        raise ValueError(f"expected no compression in {path.name}; set exr_codec to 'NONE'")
    x0, y0, x1, y1 = struct.unpack("<4i", header["dataWindow"])
    width, height = x1 - x0 + 1, y1 - y0 + 1
    channels = _channels(header["channels"])
    out = {name: np.empty((height, width), np.float32) for name, _ in channels}
    for offset in struct.unpack_from(f"<{height}Q", data, at):
        row, cursor = struct.unpack_from("<i", data, offset)[0] - y0, offset + 8
        for name, dtype in channels:
            out[name][row] = np.frombuffer(data, dtype, width, cursor)
            cursor += width * dtype.itemsize
    return out
