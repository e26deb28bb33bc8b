"""Android's depth: Google's GDepth XMP and the Dynamic Depth container.

Enters: the bytes of a JPEG and what its XMP says. Leaves: a `DepthMap` as stored (not yet upright), None where
there is none, or a ValueError with the reason. Source: developers.google.com/depthmap-metadata, Dynamic Depth 1.0.
"""

import base64
import binascii
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cocnet.containers.item_directory import cut_item, find_depth_item
from cocnet.containers.xmp import PhotoXmp
from cocnet.imaging.depth.depth_map import DepthMap
from cocnet.imaging.embedded.plane import decode_plane

_METRES = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 1e-2),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1e-3),
}
_NARROWEST_PORTRAIT_DPT = 0.2  # from 5 m to infinity: no phone sees, and no lens blurs, a portrait there


@dataclass(frozen=True)
class RangeCoding:
    """How stored values 0..1 become depth: `Format`, `Near`, `Far` and `Units` ("" where none) of the XMP."""

    inverse: bool
    near: float
    far: float
    units: str


def android_depth(jpeg: bytes, xmp: PhotoXmp) -> DepthMap | None:
    """Depth from a phone's JPEG, None where it holds none; ValueError says why depth there is unusable."""
    if "Data" in xmp.gdepth:
        picture, where, properties = base64_bytes(xmp.gdepth["Data"]), "GDepth XMP", xmp.gdepth
    else:
        found = find_depth_item(xmp)
        if found is None:
            return None
        directory, index, properties = found
        picture, where = cut_item(jpeg, directory, index), "Dynamic Depth container"
    return decode_range(decode_plane(picture), range_coding(properties), where)


def range_coding(properties: dict[str, str]) -> RangeCoding:
    """Check Format, Near, Far and Units; raises ValueError for anything that gives no depth."""
    form, units = properties.get("Format", "RangeInverse"), properties.get("Units", "").lower()
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

    Metres, centimetres and millimetres give `metric`, diopters (1/m) give `disparity` whatever the order of Near
    and Far (several phones write Near < Far there). Without units the distances are right but for their scale:
    `relative_depth` from 1 m on. Diopters too close to each other for a portrait give `relative_disparity`.
    """
    near, far, units = coding.near, coding.far, coding.units
    value = far * near / (far - share * (far - near)) if coding.inverse else near + share * (far - near)
    form = "RangeInverse" if coding.inverse else "RangeLinear"
    says = f"{where}, {form} {near:g}–{far:g} {units[:20] or 'without units'}"
    calibrated = f"{says}: as true as the phone's calibration"
    if units in _METRES:
        return DepthMap.of(value * _METRES[units], "metric", calibrated, "absolute")
    if units.startswith("diopt"):
        spread = float(value.max() - value.min())
        if spread >= _NARROWEST_PORTRAIT_DPT or spread == 0:
            return DepthMap.of(value, "disparity", calibrated, "absolute")
        doubt = f"{says}: too close together for a portrait, order and proportion only"
        return DepthMap.of(value, "relative_disparity", doubt, "relative")
    unscaled = DepthMap.of(value, "relative_depth", f"{says}: proportion only", "relative")
    ratio = float(value.max() / value.min())
    return replace(unscaled, span_m=(1.0, ratio)) if 1 < ratio < np.inf else unscaled


def base64_bytes(text: str) -> bytes:
    """The bytes of a property in base64; ValueError where it is none."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("its depth is not valid base64") from error
