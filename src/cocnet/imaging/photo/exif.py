"""EXIF read and repaired byte by byte: what the lens needs, and a copy that is safe to save.

Enters: an EXIF block (a TIFF structure, with or without "Exif\\0\\0"). Leaves: SI numbers (metres) and
the same block upright, without thumbnail or impossible fractions. Source: CIPA DC-008 (EXIF 2.32), TIFF 6.0.
"""

import math
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from cocnet.errors import CocnetWarning

_EXIF_IFD = 0x8769
_ORIENTATION = 0x0112
_NAMES = {
    0x010F: "Make",
    0x0110: "Model",
    0x829A: "ExposureTime",
    0x829D: "FNumber",
    0x9204: "ExposureBiasValue",
    0x920A: "FocalLength",
    0xA405: "FocalLengthIn35mmFilm",
}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_FORMATS = {3: "H", 4: "I", 5: "II", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d"}


@dataclass(frozen=True)
class CameraInfo:
    """What the photo says about its camera: lengths in metres, f-number as printed on the lens."""

    focal_length_m: float | None = None
    focal_length_35mm_m: float | None = None
    f_number: float | None = None
    make: str | None = None
    model: str | None = None

    def sensor_width_m(self, width: int, height: int) -> float | None:
        """Sensor width in metres for a photo of width × height px, or None where EXIF doesn't tell.

        f_px = f35·√(w² + h²)/√(36² + 24²) mm, then sensor width = f·w/f_px (CIPA's diagonal convention).
        """
        if not self.focal_length_m or not self.focal_length_35mm_m:
            return None
        focal_px = self.focal_length_35mm_m * math.hypot(width, height) / math.hypot(0.036, 0.024)
        return self.focal_length_m * width / focal_px


@dataclass(frozen=True)
class ExifReading:
    """Outcome of `read_exif`: orientation 1–8, camera facts, and the block to save (None: not savable)."""

    orientation: int = 1
    camera: CameraInfo | None = None
    block: bytes | None = None


@dataclass(frozen=True)
class _Entry:
    at: int
    tag: int
    kind: int
    count: int
    value_at: int


def read_exif(block: bytes | None) -> ExifReading:
    """Read an EXIF block tolerantly and return it upright; never raises.

    Impossible fractions (−2/0) are removed and an unreadable block is dropped, each with a CocnetWarning.
    """
    if not block:
        return ExifReading()
    data = bytearray(block.removeprefix(b"Exif\x00\x00"))
    try:
        order = {b"II": "<", b"MM": ">"}[bytes(data[:2])]
        (start,) = struct.unpack_from(order + "I", data, 4)
        dropped = _drop_bad_fractions(data, order, start)
        orientation = _set_upright(data, order, start)
        camera = _camera(data, order, start)
        end = start + 2 + 12 * struct.unpack_from(order + "H", data, start)[0]
        struct.pack_into(order + "I", data, end, 0)
    except (KeyError, struct.error, ValueError, IndexError):
        _warn("the photo's EXIF is unreadable and was dropped; the photo itself is complete")
        return ExifReading()
    if dropped:
        _warn(f"EXIF {', '.join(dropped)} held an impossible fraction (n/0) and was dropped")
    return ExifReading(orientation, camera, bytes(data))


def _warn(message: str) -> None:
    warnings.warn(message, CocnetWarning, stacklevel=4)


def _entries(data: bytearray, order: str, start: int) -> Iterator[_Entry]:
    """Walk one directory; entries whose values lie outside the block are skipped."""
    (count,) = struct.unpack_from(order + "H", data, start)
    if start < 8 or start + 2 + 12 * count + 4 > len(data):
        raise ValueError("directory outside the block")
    for i in range(count):
        at = start + 2 + 12 * i
        tag, kind, number = struct.unpack_from(order + "HHI", data, at)
        size = _SIZES.get(kind, 1) * number
        value_at = at + 8 if size <= 4 else struct.unpack_from(order + "I", data, at + 8)[0]
        if value_at + size <= len(data):
            yield _Entry(at, tag, kind, number, value_at)


def _directories(data: bytearray, order: str, start: int) -> list[int]:
    """Offsets of the main directory and, where it is readable, of the EXIF one."""
    found = [start]
    for entry in _entries(data, order, start):
        if entry.tag == _EXIF_IFD and entry.kind in (4, 13) and entry.count == 1:
            (inner,) = struct.unpack_from(order + "I", data, entry.value_at)
            try:
                list(_entries(data, order, inner))
            except (struct.error, ValueError):
                continue
            found.append(inner)
    return found


def _drop_bad_fractions(data: bytearray, order: str, start: int) -> list[str]:
    """Remove entries with a fraction n/0, n ≠ 0 (0/0 is EXIF's "unknown" and stays); return their names."""
    names = []
    for directory in _directories(data, order, start):
        bad = [e for e in _entries(data, order, directory) if e.kind in (5, 10) and _has_bad(data, order, e)]
        for entry in reversed(bad):
            (count,) = struct.unpack_from(order + "H", data, directory)
            end = directory + 2 + 12 * count + 4
            data[entry.at : end] = data[entry.at + 12 : end] + bytes(12)
            struct.pack_into(order + "H", data, directory, count - 1)
        names += [_NAMES.get(e.tag, f"tag {e.tag}") for e in bad]
    return names


def _has_bad(data: bytearray, order: str, entry: _Entry) -> bool:
    pairs = struct.iter_unpack(order + "ii", data[entry.value_at : entry.value_at + 8 * entry.count])
    return any(top != 0 and bottom == 0 for top, bottom in pairs)


def _set_upright(data: bytearray, order: str, start: int) -> int:
    """Set the orientation tag to 1 and return what it was (1 where absent or not 1–8)."""
    for entry in _entries(data, order, start):
        if entry.tag == _ORIENTATION and entry.kind == 3 and entry.count == 1:
            (value,) = struct.unpack_from(order + "H", data, entry.value_at)
            struct.pack_into(order + "H", data, entry.value_at, 1)
            return value if 1 <= value <= 8 else 1
    return 1


def _number(data: bytearray, order: str, entry: _Entry) -> float | None:
    """First number of an entry; None for 0/0 and for types that are no numbers."""
    if entry.kind not in _FORMATS or entry.count < 1:
        return None
    values = struct.unpack_from(order + _FORMATS[entry.kind], data, entry.value_at)
    if len(values) == 2:
        return values[0] / values[1] if values[1] else None
    return float(values[0])


def _camera(data: bytearray, order: str, start: int) -> CameraInfo | None:
    """Collect the camera's facts; numbers outside any lens's range are dropped with a warning."""
    fields: dict[str, float | str | None] = {}
    limits = {0x920A: ("focal_length_m", 1e-3, 10e3), 0xA405: ("focal_length_35mm_m", 1e-3, 10e3)}
    limits[0x829D] = ("f_number", 1.0, 512.0)
    for directory in _directories(data, order, start):
        for entry in _entries(data, order, directory):
            if entry.tag in limits:
                name, scale, highest = limits[entry.tag]
                value = _number(data, order, entry)
                if value and 0 < value <= highest:
                    fields[name] = value * scale
                elif value:
                    _warn(f"EXIF {_NAMES[entry.tag]} is {value:g}, which no lens has; it was ignored")
            elif entry.tag in (0x010F, 0x0110) and entry.kind == 2:
                raw = bytes(data[entry.value_at : entry.value_at + min(entry.count, 256)])
                fields["make" if entry.tag == 0x010F else "model"] = _text(raw)
    return CameraInfo(**fields) if any(fields.values()) else None  # type: ignore[arg-type]


def _text(raw: bytes) -> str | None:
    text = raw.split(b"\x00")[0].decode("utf-8", "replace")
    return "".join(c for c in text if c.isprintable()).strip() or None
