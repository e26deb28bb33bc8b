"""The gain map of a phone's photo: by how much its light is brighter than the standard picture shows.

Enters: the bytes of a JPEG, AVIF or JPEG XL or an opened HEIC, its EXIF. Leaves: an upright `GainMap`, or None and
a line with why one that is there can't be used. Sources: Android's Ultra HDR 1.1, Adobe's hdrgm, ISO 21496-1 (in AVIF
as in HEIC; in JPEG XL's box jhgm), Apple's "Applying Apple HDR effect to your photos".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, UInt8

from cocnet.containers.gain_metadata import (
    ISO_NAME,
    MOST_STOPS,
    LogGain,
    hdrgm_gain,
    iso_gain,
    jxl_bundle,
)
from cocnet.containers.isobmff import HeifItems, boxes, read_items
from cocnet.containers.item_directory import cut_item
from cocnet.containers.jpeg import segments, xmp_packets
from cocnet.containers.maker_note import STOPS_UNSAID, headroom_stops
from cocnet.containers.mpf import further_pictures
from cocnet.containers.xmp import Fields, PhotoXmp, read_xmp
from cocnet.imaging.depth.resample import same_aspect
from cocnet.imaging.photo.decode import decode
from cocnet.imaging.photo.exact_readers import heif_item
from cocnet.imaging.photo.orientation import upright

GAIN_MAP_GONE = "its HDR gain map isn't kept; the picture is the standard one"
APPLE_NAME = "urn:com:apple:photo:2020:aux:hdrgainmap"
_MOST_BYTES = 600_000_000  # of memory, for decoding
_ISO = "ISO 21496-1"


@dataclass(frozen=True)
class AppleGain:
    """With a code v in 0..1, Rec. 709 encoded: light = base · (1 + (2^stops − 1)·linear(v))."""

    stops: float


@dataclass(frozen=True, eq=False)
class GainMap:
    """Codes of a picture of the photo's aspect, one channel or three, how they become light, and who says so."""

    codes: UInt8[np.ndarray, "i j c"]
    gain: LogGain | AppleGain
    source: str

    def light(
        self,
        base: Float32[np.ndarray, "n 3"],
        rows: Int[np.ndarray, " n"],
        columns: Int[np.ndarray, " n"],
        size: tuple[int, int],
    ) -> Float32[np.ndarray, "n 3"]:
        """Linear light (1 = the photo's white) of pixels of a photo of size (height, width), whose standard picture
        has the linear light `base` there; the map is enlarged bilinearly."""
        share = self._share(rows, columns, size)
        if isinstance(self.gain, AppleGain):
            linear = np.where(share < 0.081, share / 4.5, ((share + 0.099) / 1.099) ** (1 / 0.45))
            return base * (1 + np.float32(2**self.gain.stops - 1) * linear)
        g = self.gain
        low, high, power, offset, other = (
            np.array(each, np.float32)
            for each in (g.low, g.high, [1 / gamma for gamma in g.gamma], g.offset, g.other_offset)
        )
        factor = np.exp2(low + (high - low) * share**power)
        return np.maximum((base + offset) * factor - other, 0)

    def _share(
        self, rows: Int[np.ndarray, " n"], columns: Int[np.ndarray, " n"], size: tuple[int, int]
    ) -> Float32[np.ndarray, "n c"]:
        """The map at these pixels, in 0..1."""
        most = np.array(self.codes.shape[:2])
        places = (np.stack([rows, columns], 1) + 0.5) * (most / size) - 0.5
        first = np.floor(places).astype(np.int64)
        part = (places - first).astype(np.float32)
        low, high = first.clip(0, most - 1), (first + 1).clip(0, most - 1)
        down, right = part[:, :1], part[:, 1:]
        above, below = (
            self.codes[y, low[:, 1]] * (1 - right) + self.codes[y, high[:, 1]] * right
            for y in (low[:, 0], high[:, 0])
        )
        return (above * (1 - down) + below * down) * np.float32(1 / 255)

    @property
    def most(self) -> float:
        """The brightest light that white can be, in whites."""
        ends = np.broadcast_to(self.codes.max((0, 1)), 3).astype(np.float32)[None] / 255
        whole = replace(self, codes=np.rint(ends * 255).astype(np.uint8)[None])
        return float(
            whole.light(np.ones((1, 3), np.float32), np.zeros(1, int), np.zeros(1, int), (1, 1)).max()
        )


def find_gain_map(
    data: bytes, size: tuple[int, int], orientation: int, heif: Any = None, exif: bytes | None = None
) -> tuple[GainMap | None, str | None]:
    """The gain map of a JPEG, AVIF, JPEG XL or (opened as `heif`) HEIC photo of size (width, height) px when upright.

    Returns (map, None), (None, why one that is there can't be used), or (None, None).
    """
    try:
        if heif is not None:
            found = _in_heif(data, heif, exif)
        elif data[:2] == b"\xff\xd8":
            found = _in_jpeg(data, exif)
        else:
            found = _in_avif(data) if data[4:8] == b"ftyp" else _in_jxl(data)
        return (None, None) if found is None else (_turned(found, size, orientation), None)
    except Exception as error:  # decoders raise whatever they like
        said = error if isinstance(error, ValueError) else error.__cause__ or error
        reason = " ".join(str(said).split())[:160] or type(said).__name__
        return None, f"its HDR gain map can't be used ({reason})"


def iso_block(jpeg: bytes) -> bytes | None:
    """The binary block of ISO 21496-1 in a JPEG; None without one."""
    for marker, at, end in segments(jpeg):
        if marker == 0xE2 and jpeg.startswith(ISO_NAME, at):
            return jpeg[at + len(ISO_NAME) : end]
    return None


def _in_jpeg(data: bytes, exif: bytes | None) -> GainMap | None:
    """The first picture behind the photo that says how it is a gain map."""
    xmp = _said(data)
    for picture in _pictures(data):
        facts = _said(picture)
        block = iso_block(picture)
        if block is not None and len(block) > 4:
            return GainMap(_codes(picture), iso_gain(block), _ISO)
        if "Version" in facts.hdrgm and len(facts.hdrgm) > 1:
            return GainMap(_codes(picture), hdrgm_gain(facts.hdrgm), "Ultra HDR")
        if "hdrgainmap" in facts.apple.get("AuxiliaryImageType", "").lower():
            return GainMap(_codes(picture), _apple_gain(facts.apple, exif), "Apple")
    if xmp.has_gain_map or iso_block(data) is not None:
        raise ValueError("it isn't in the file, or doesn't say what it means")
    return None


def _said(jpeg: bytes) -> PhotoXmp:
    """What a picture's XMP says; nothing where it is broken, which depth's note tells."""
    try:
        return read_xmp(xmp_packets(jpeg))
    except ValueError:
        return PhotoXmp()


def _pictures(data: bytes) -> Iterator[bytes]:
    """Pictures behind a JPEG, as its index lists them, then as its container does."""
    yield from further_pictures(data)
    for directory in _said(data).directories:
        for index, item in enumerate(directory):
            if item.is_gain_map:
                yield cut_item(data, directory, index)


def _codes(picture: bytes, form: str = "JPEG") -> UInt8[np.ndarray, "i j c"]:
    raster = decode(picture, _MOST_BYTES, (form,))
    return raster.pixels[..., :1] if raster.grey else raster.pixels


def _in_avif(data: bytes) -> GainMap | None:
    items = read_items(data)
    return _derived(data, items, lambda item: _codes(items.with_primary(data, item), "AVIF"))


def _in_jxl(data: bytes) -> GainMap | None:
    """The first bundle of a container; the map in it is a JPEG XL without one."""
    if data[4:8] != b"JXL ":
        return None
    for name, start, end in boxes(data, 0, len(data)):
        if name == b"jhgm":
            block, picture = jxl_bundle(data[start:end])
            return GainMap(_codes(picture, "JXL"), iso_gain(block), _ISO)
    return None


def _derived(data: bytes, items: HeifItems, codes_of: Callable[[int], np.ndarray]) -> GainMap | None:
    """ISO's derived picture (tmap) of the main picture and its gain map."""
    for item, (kind, parts) in items.made_of.items():
        if kind == b"tmap" and len(parts) == 2 and parts[0] == items.primary:
            return GainMap(codes_of(parts[1]), iso_gain(_tmap(data, items, item)), _ISO)
    return None


def _in_heif(data: bytes, heif: Any, exif: bytes | None) -> GainMap | None:
    """ISO's derived picture where there is one, else Apple's auxiliary picture."""
    items = read_items(data)
    if derived := _derived(data, items, partial(_heif_codes, data, items)):
        return derived
    found = heif.info.get("aux", {}).get(APPLE_NAME)
    if not found:
        return None
    stored = heif.get_aux_image(found[0])
    if stored.mode != "L" or stored.size[0] * stored.size[1] > heif.size[0] * heif.size[1]:
        raise ValueError(f"it is of mode {stored.mode} and {stored.size[0]} × {stored.size[1]} px")
    return GainMap(np.asarray(stored)[..., None], _apple_gain(_apple_fields(data), exif), "Apple")


def _tmap(data: bytes, items: HeifItems, item: int) -> bytes:
    """ISO 21496-1's block of a derived picture, behind a byte for its version."""
    return b"".join(data[start : start + length] for start, length in items.extents.get(item, []))[1:]


def _heif_codes(data: bytes, items: HeifItems, item: int) -> UInt8[np.ndarray, "i j c"]:
    codes = heif_item(data, items, item, _MOST_BYTES)
    return codes[..., None] if codes.ndim == 2 else codes[..., :3]


def _apple_fields(data: bytes) -> Fields:
    """What XMP anywhere in a HEIC says of Apple's gain map."""
    at = data.find(b"HDRGainMap:HDRGainMapHeadroom")
    text = data[at + 29 : at + 60].lstrip(b"> =\"'") if at >= 0 else b""
    number = text.split(b"<")[0].split(b'"')[0].split(b"'")[0].strip()
    return {"HDRGainMapHeadroom": number.decode("latin1")} if number else {}


def _apple_gain(facts: Fields, exif: bytes | None) -> AppleGain:
    """Headroom as the map's XMP has it, else as EXIF's maker note, else Apple's formula for tags of 0."""
    said = facts.get("HDRGainMapHeadroom")
    if said is None:
        stops = headroom_stops(exif)
        return AppleGain(STOPS_UNSAID if stops is None else min(stops, MOST_STOPS))
    headroom = float(said)
    if not 1 <= headroom <= 2**MOST_STOPS:
        raise ValueError(f"its headroom is impossible: {headroom:g}")
    return AppleGain(float(np.log2(headroom)))


def _turned(stored: GainMap, size: tuple[int, int], orientation: int) -> GainMap:
    codes = upright(stored.codes, orientation)
    height, width = codes.shape[:2]
    if codes.dtype != np.uint8:
        raise ValueError(f"its codes are {codes.dtype}")
    if not same_aspect(width, height, *size):
        raise ValueError(f"its aspect {width} × {height} is not the photo's {size[0]} × {size[1]}")
    return replace(stored, codes=codes)
