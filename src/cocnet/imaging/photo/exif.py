"""EXIF read and repaired: what the lens needs, and a copy that is safe to save.

Enters: an EXIF block. Leaves: SI numbers (metres) and the block written anew, upright, without thumbnails,
pictures in makers' notes or impossible fractions. Source: CIPA DC-008 (EXIF 2.32).
"""

import math
import struct
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

from cocnet.containers.exif_block import EXIF, INTEROP, MAIN, ExifBlock, ExifEntry, parse
from cocnet.errors import CocnetWarning

_ORIENTATION = 0x0112
_NAMES = {
    0x010F: "Make",
    0x0110: "Model",
    0x829A: "ExposureTime",
    0x829D: "FNumber",
    0x9204: "ExposureBiasValue",
    0x920A: "FocalLength",
    0x927C: "MakerNote",
    0xA405: "FocalLengthIn35mmFilm",
}
_FORMATS = {3: "H", 4: "I", 5: "II", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d"}
# of another picture (strips, tiles, thumbnails, further directories), or kept beside EXIF (XMP, profile)
_ELSEWHERE = {0x0103, 0x0111, 0x0117, 0x0144, 0x0145, 0x014A, 0x0201, 0x0202, 0x02BC, 0x8773}
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
_PICTURE = b"\xff\xd8\xff"
_MOST_NAMES = 4


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
    """Outcome of `read_exif`: orientation 1–8, camera facts, the block to save (None: not savable), and whether its
    colours are Adobe RGB's."""

    orientation: int = 1
    camera: CameraInfo | None = None
    block: bytes | None = None
    adobe_rgb: bool = False


def read_exif(
    block: bytes | None, size: tuple[int, int] | None = None, turned: bool = False, is_srgb: bool = False
) -> ExifReading:
    """Read an EXIF block tolerantly and return it upright; never raises.

    size: width and height, px, of the picture as stored, for the tags that repeat it; `turned` says that it is
    upright already, `is_srgb` that its colours are sRGB's, so that Adobe RGB is neither read nor kept. What is
    dropped else is named in one CocnetWarning of a kind.
    """
    if not block:
        return ExifReading()
    try:
        found = parse(block)
        orientation = _orientation(found)
        camera = _camera(found)
    except (struct.error, ValueError):
        _warn("the photo's EXIF is unreadable and was dropped; the photo itself is complete")
        return ExifReading()
    bad = [e for e in found.entries() if e.kind in (5, 10) and _has_bad(found.order, e)]
    if bad:
        _warn(f"EXIF {_named(bad)} held an impossible fraction (n/0) and was dropped")
    pictures = [e for e in found.entries() if _PICTURE in e.value and e.tag not in _ELSEWHERE]
    if pictures:
        _warn(f"EXIF {_named(pictures)} held another picture and was dropped")
    kept = found.without([*bad, *pictures, *(e for e in found.entries() if e.tag in _ELSEWHERE)])
    if is_srgb:
        kept = kept.without(_adobe_rgb(kept))
    kept = kept.changed({_ORIENTATION: 1} | _sizes(size, orientation >= 5 and not turned))
    return ExifReading(orientation, camera, kept.to_bytes(), bool(_adobe_rgb(kept)))


def shortened(block: bytes, most_bytes: int) -> bytes | None:
    """The block less its longest entries, so that it fits; None, with a warning either way, where nothing fits."""
    if len(block) <= most_bytes:
        return block
    found, gone = parse(block), list[ExifEntry]()
    longest = sorted(found.entries(), key=lambda entry: len(entry.value), reverse=True)
    while longest and len(found.to_bytes()) > most_bytes:
        gone.append(longest.pop(0))
        found = found.without(gone)
    _warn(f"EXIF {_named(gone)} is too large for a JPEG and was dropped")
    return found.to_bytes() if longest else None


def _warn(message: str) -> None:
    warnings.warn(message, CocnetWarning, stacklevel=4)


def _named(entries: Iterable[ExifEntry]) -> str:
    names = list(dict.fromkeys(_NAMES.get(e.tag, f"tag {e.tag}") for e in entries))
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _sizes(size: tuple[int, int] | None, sideways: bool) -> dict[int, int]:
    """Values of the tags that say how large the upright picture is."""
    if size is None:
        return {}
    width, height = reversed(size) if sideways else size
    return dict.fromkeys(_WIDTHS, width) | dict.fromkeys(_HEIGHTS, height)


def _has_bad(order: str, entry: ExifEntry) -> bool:
    """A fraction n/0 with n ≠ 0; 0/0 is EXIF's "unknown"."""
    pairs = struct.iter_unpack(order + "ii", entry.value[: len(entry.value) // 8 * 8])
    return any(top != 0 and bottom == 0 for top, bottom in pairs)


def _orientation(block: ExifBlock) -> int:
    """1–8; 1 where it is absent or something else."""
    entry = next((e for e in block.directories[MAIN] if e.tag == _ORIENTATION), None)
    if entry is None or entry.kind != 3 or entry.count != 1:
        return 1
    (value,) = struct.unpack(block.order + "H", entry.value)
    return value if 1 <= value <= 8 else 1


def _adobe_rgb(block: ExifBlock) -> list[ExifEntry]:
    """What says Adobe RGB: ColorSpace 2, or DCF's option file R03."""
    two = struct.pack(block.order + "H", 2)
    spaces = (e for e in block.directories.get(EXIF, ()) if e.tag == 0xA001 and e.kind == 3)
    files = (e for e in block.directories.get(INTEROP, ()) if e.tag == 1)
    return [*(e for e in spaces if e.value[:2] == two), *(e for e in files if e.value[:3] == b"R03")]


def _number(order: str, entry: ExifEntry) -> float | None:
    """First number of an entry; None for 0/0 and for types that are no numbers."""
    if entry.kind not in _FORMATS or entry.count < 1:
        return None
    values = struct.unpack_from(order + _FORMATS[entry.kind], entry.value)
    if len(values) == 2:
        return values[0] / values[1] if values[1] else None
    return float(values[0])


def _camera(block: ExifBlock) -> CameraInfo | None:
    """Collect the camera's facts; numbers outside any lens's range are dropped with a warning."""
    fields: dict[str, float | str | None] = {}
    limits = {0x920A: ("focal_length_m", 1e-3, 10e3), 0xA405: ("focal_length_35mm_m", 1e-3, 10e3)}
    limits[0x829D] = ("f_number", 1.0, 512.0)
    for entry in block.entries():
        if entry.tag in limits:
            name, scale, highest = limits[entry.tag]
            value = _number(block.order, entry)
            if value and 0 < value <= highest:
                fields[name] = value * scale
            elif value:
                _warn(f"EXIF {_NAMES[entry.tag]} is {value:g}, which no lens has; it was ignored")
        elif entry.tag in (0x010F, 0x0110) and entry.kind == 2:
            fields["make" if entry.tag == 0x010F else "model"] = _text(entry.value[:256])
    return CameraInfo(**fields) if any(fields.values()) else None  # type: ignore[arg-type]


def _text(raw: bytes) -> str | None:
    text = raw.split(b"\x00")[0].decode("utf-8", "replace")
    return "".join(c for c in text if c.isprintable()).strip() or None
