"""What came along beside a photo in its file, whoever wrote it; never an error, always a reason.

Enters: the photo's file, its orientation and size. Leaves: an upright `DepthMap`, or None and a note with the
reason, an upright `GainMap`, and lines about what else lies there and isn't used or kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cocnet.containers.jpeg import picture_end, xmp_packets
from cocnet.containers.mpf import further_pictures
from cocnet.containers.trailers import maker_of_trailer
from cocnet.containers.xmp import PhotoXmp, read_xmp
from cocnet.imaging.depth.depth_map import DepthMap
from cocnet.imaging.depth.resample import same_aspect
from cocnet.imaging.embedded.apple import heif_depth, jpeg_depth
from cocnet.imaging.embedded.gain_map import GAIN_MAP_GONE, GainMap, find_gain_map, iso_block
from cocnet.imaging.embedded.gdepth import android_depth
from cocnet.imaging.embedded.original import find_original
from cocnet.imaging.photo.orientation import upright

_MAX_FILE_BYTES = 500_000_000
_FILM_GONE = "its moving picture isn't kept"


@dataclass(frozen=True, eq=False)
class Beside:
    """Upright depth, or None and why depth that is there can't be used; `losses`: what is there and not used or kept;
    `original`: the bytes of the picture before the phone blurred it; `gain_map`: how bright its lights are."""

    depth: DepthMap | None = None
    note: str | None = None
    losses: tuple[str, ...] = ()
    original: bytes | None = None
    gain_map: GainMap | None = None


def extract_depth(
    given: str | Path | bytes, width: int, height: int, orientation: int = 1, heif: Any = None
) -> tuple[DepthMap | None, str | None]:
    """Find the depth embedded in a JPEG or (opened as `heif`) HEIC photo of width × height px when upright.

    Returns (depth, note): upright depth and None, or None and why depth that is there can't be used, or
    (None, None) where there is none. A HEIC's depth is turned by its decoder, a JPEG's by `orientation`.
    """
    beside = look_beside(given, width, height, orientation, heif)
    return beside.depth, beside.note


def look_beside(
    given: str | Path | bytes,
    width: int,
    height: int,
    orientation: int = 1,
    heif: Any = None,
    exif: bytes | None = None,
) -> Beside:
    """Depth as `extract_depth`, and what else came with the photo (an AVIF's or JPEG XL's gain map alone); exif: its
    block, where Apple says how bright its lights are."""
    try:
        size = len(given) if isinstance(given, bytes) else Path(given).stat().st_size
        if size > _MAX_FILE_BYTES:
            return Beside(note=f"embedded depth ignored: the file is over {_MAX_FILE_BYTES:,} bytes")
        data = given if isinstance(given, bytes) else Path(given).read_bytes()
    except OSError as error:
        return Beside(note=f"embedded depth ignored: {error.strerror or error}")
    turn, is_jpeg = 1 if heif is not None else orientation, data[:2] == b"\xff\xd8"
    if heif is not None:
        found, reason = _tried(lambda: heif_depth(heif, data))
        beside = Beside(found, reason, _film_gone(heif))
    else:
        beside = _in_jpeg(data) if is_jpeg else Beside()
    gain_map, why = find_gain_map(data, (width, height), turn, heif, exif)
    gone = (GAIN_MAP_GONE,) if gain_map and heif is None and not is_jpeg else ()
    beside = replace(beside, gain_map=gain_map, losses=(*beside.losses, *gone, *((why,) if why else ())))
    if beside.depth is None:
        return replace(beside, note=beside.note or _trailer_note(data, is_jpeg))
    depth, note = _turned(beside.depth, width, height, turn)
    return replace(beside, depth=depth, note=note)


def _in_jpeg(data: bytes) -> Beside:
    """Depth as stored or the reason why not, whichever maker's, and what else is there."""
    said, reason = _tried(lambda: read_xmp(xmp_packets(data)))
    xmp = said or PhotoXmp()
    losses = tuple(_losses(data, xmp))
    found, why = _tried(lambda: android_depth(data, xmp))
    if found is not None:
        return Beside(found, None, losses, _tried(lambda: find_original(data, xmp))[0])
    found, other = _tried(lambda: jpeg_depth(data))
    return Beside(found, None if found else reason or why or other, losses)


def _tried(read: Callable[[], Any]) -> tuple[Any, str | None]:
    """What a reader of foreign bytes finds, or None and why it doesn't; decoders raise whatever they like."""
    try:
        return read(), None
    except Exception as error:
        return None, f"embedded depth ignored: {' '.join(str(error).split()) or type(error).__name__}"


def _xmp_of(jpeg: bytes) -> PhotoXmp:
    return read_xmp(xmp_packets(jpeg))


def _losses(data: bytes, xmp: PhotoXmp) -> Iterator[str]:
    read = (_tried(partial(_xmp_of, each))[0] for each in further_pictures(data))
    others = [each for each in read if each is not None]
    if any(map(_is_matte, others)):
        yield "its portrait mattes (subject, hair, skin) aren't used; edges are found in the picture"
    if iso_block(data) is not None or xmp.has_gain_map or any(map(_is_gain_map, others)):
        yield GAIN_MAP_GONE
    if xmp.has_film:
        yield _FILM_GONE


def _film_gone(heif: Any) -> tuple[str, ...]:
    packet = heif.info.get("xmp")
    xmp = _tried(lambda: read_xmp([packet]))[0] if packet else None
    return (_FILM_GONE,) if xmp is not None and xmp.has_film else ()


def _is_gain_map(xmp: PhotoXmp) -> bool:
    return xmp.has_gain_map or "hdrgainmap" in xmp.apple.get("AuxiliaryImageType", "").lower()


def _is_matte(xmp: PhotoXmp) -> bool:
    return "matte" in xmp.apple.get("AuxiliaryImageType", "").lower()


def _turned(depth: DepthMap, width: int, height: int, orientation: int) -> tuple[DepthMap | None, str | None]:
    """Turn depth with its photo; a map whose aspect shows it upright is left, another aspect is refused."""
    stored = (height, width) if orientation >= 5 else (width, height)
    if same_aspect(depth.width, depth.height, *stored):
        turned = replace(
            depth, values=upright(depth.values, orientation), valid=upright(depth.valid, orientation)
        )
        return turned, None
    if orientation >= 5 and same_aspect(depth.width, depth.height, width, height):
        return replace(depth, source=f"{depth.source}; found upright"), None
    sizes = f"its aspect {depth.width} × {depth.height} is not the photo's {width} × {height}"
    return None, f"embedded depth ignored: {sizes}"


def _trailer_note(data: bytes, is_jpeg: bool) -> str | None:
    maker = maker_of_trailer(data, picture_end(data) if is_jpeg else 0)
    return f"embedded depth ignored: {maker}'s own depth trailer is not supported" if maker else None
