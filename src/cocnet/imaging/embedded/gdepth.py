"""Android's depth: Google's GDepth XMP and the Dynamic Depth container.

Enters: the bytes of a JPEG. Leaves: a `DepthMap` as stored (not yet upright), None where there is none, or a
ValueError with the reason. Source: developers.google.com/depthmap-metadata, Dynamic Depth 1.0.
"""

import base64
import binascii
import io
import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cocnet.imaging.depth.depth_map import DepthMap
from cocnet.imaging.embedded.xmp import ContainerItem, DepthXmp, read_depth_xmp, segments
from cocnet.imaging.photo.decode import check_size, open_picture

_MAX_DEPTH_PIXELS = 50_000_000
_METRES = {"m": 1.0, "meters": 1.0, "metres": 1.0, "mm": 1e-3, "millimeters": 1e-3}


@dataclass(frozen=True)
class RangeCoding:
    """How stored values 0..1 become depth: `Format`, `Near`, `Far` and `Units` of the XMP."""

    inverse: bool
    near: float
    far: float
    units: str


def android_depth(jpeg: bytes) -> DepthMap | None:
    """Depth from a phone's JPEG, None where it holds none; ValueError says why depth there is unusable."""
    xmp = read_depth_xmp(jpeg)
    if "Data" in xmp.properties:
        picture, where = _base64(xmp.properties["Data"]), "GDepth XMP"
    else:
        found = _appended(jpeg, xmp)
        if found is None:
            return None
        picture, where = found, "Dynamic Depth container"
    coding = range_coding(xmp.properties)
    return decode_range(_share(picture), coding, where)


def range_coding(properties: dict[str, str]) -> RangeCoding:
    """Check Format, Near, Far and Units; raises ValueError for anything that gives no depth."""
    form, units = properties.get("Format", "RangeInverse"), properties.get("Units", "m").lower()
    if form not in ("RangeInverse", "RangeLinear"):
        raise ValueError(f"its depth format '{form[:40]}' is unknown")
    try:
        near, far = float(properties["Near"]), float(properties["Far"])
    except (KeyError, ValueError) as error:
        raise ValueError("its depth has no readable Near and Far") from error
    diopters = units.startswith("diopt")
    ordered = near != far if diopters else near < far
    lowest = min(near, far)
    if not (np.isfinite([near, far]).all() and ordered and (lowest >= 0 if diopters else lowest > 0)):
        raise ValueError(f"its depth range is impossible: Near {near:g}, Far {far:g} ({units[:20]})")
    if form == "RangeInverse" and lowest == 0:
        raise ValueError(f"its depth range is impossible: RangeInverse from Near {near:g} to Far {far:g}")
    return RangeCoding(form == "RangeInverse", near, far, units)


def decode_range(share: Float[np.ndarray, "h w"], coding: RangeCoding, where: str) -> DepthMap:
    """Stored values dn in 0..1 to depth.

    RangeInverse: far·near/(far − dn·(far − near)); RangeLinear: near + dn·(far − near).

    The result is in the file's units: metres give `metric`, diopters (1/m) give `disparity` whatever the
    order of Near and Far (several phones write Near < Far there), any other unit gives `relative_depth`.
    """
    near, far = coding.near, coding.far
    value = far * near / (far - share * (far - near)) if coding.inverse else near + share * (far - near)
    trust = (
        f"{where}, {'RangeInverse' if coding.inverse else 'RangeLinear'} {near:g}–{far:g} {coding.units[:20]}"
    )
    if coding.units.startswith("diopt"):
        return DepthMap.of(
            value, "disparity", source=f"{trust}: as true as the phone's calibration", accuracy="absolute"
        )
    if coding.units in _METRES:
        metres = value * _METRES[coding.units]
        return DepthMap.of(
            metres, "metric", source=f"{trust}: as true as the phone's calibration", accuracy="absolute"
        )
    return DepthMap.of(
        value, "relative_depth", source=f"{trust}: unknown units, order only", accuracy="relative"
    )


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("its depth is not valid base64") from error


def _share(picture: bytes) -> Float[np.ndarray, "h w"]:
    """The depth picture (JPEG or PNG, 8 or 16 bit) as values in 0..1."""
    try:
        image = open_picture(io.BytesIO(picture), "JPEG", "PNG")
        check_size(image.width, image.height, _MAX_DEPTH_PIXELS, "the depth picture")
        if image.mode.startswith("I"):
            return np.asarray(image).astype(np.float32) / 65535.0
        return np.asarray(image.convert("L")).astype(np.float32) / 255.0
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"its depth picture can't be decoded ({reason})") from error


def _appended(jpeg: bytes, xmp: DepthXmp) -> bytes | None:
    """Cut the depth picture out of the files after the JPEG; None where the container lists no depth."""
    index = next((i for i, item in enumerate(xmp.items) if i > 0 and _is_depth(item, xmp)), None)
    if index is None:
        return None
    length = xmp.items[index].length
    before, after = (
        sum(i.length + i.padding for i in part) for part in (xmp.items[1:index], xmp.items[index + 1 :])
    )
    from_end = len(jpeg) - after - length
    primary_end = _picture_end(jpeg)
    if length == 0 or from_end < primary_end:
        raise ValueError(f"its container promises {length:,} bytes of depth past the end of the file")
    starts = (from_end, primary_end + xmp.items[0].padding + before)
    start = next((s for s in starts if _is_picture(jpeg[s : s + 8])), from_end)
    return jpeg[start : start + length]


def _is_depth(item: ContainerItem, xmp: DepthXmp) -> bool:
    wanted = xmp.properties.get("DepthURI", "android/depthmap")
    return item.name == wanted or item.name.lower() in ("depth", "depthmap", "android/depthmap")


def _is_picture(head: bytes) -> bool:
    return head.startswith((b"\xff\xd8\xff", b"\x89PNG"))


def _picture_end(jpeg: bytes) -> int:
    """Where the primary JPEG ends: after the first end marker behind its picture data."""
    data = next((end for marker, _, end in segments(jpeg) if marker == 0xDA), 2)
    for match in re.compile(rb"\xff\xd9").finditer(jpeg, data):
        return match.end()
    return len(jpeg)
