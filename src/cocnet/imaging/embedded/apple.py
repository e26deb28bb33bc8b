"""Depth of Apple's portraits: of HEIC as pillow-heif hands it out, of JPEG as a further picture with its XMP.

Enters: the depth picture's values and what is said of them (a HEIC's metadata, a JPEG's XMP).
Leaves: a `DepthMap`, or a ValueError with the reason. Metres are never promised for Accuracy=relative.
Source: ITU-T H.265 table F.5 (depth representation information); Apple's pixeldatainfo and depthData XMP.
"""

import re
from typing import Any

import numpy as np
from jaxtyping import Shaped

from cocnet.containers.jpeg import xmp_packets
from cocnet.containers.mpf import further_pictures
from cocnet.containers.xmp import Fields, read_xmp
from cocnet.imaging.depth.depth_map import DepthMap
from cocnet.imaging.embedded.plane import decode_plane

_ACCURACY = re.compile(rb"depthData:Accuracy(?:>|\s*=\s*[\"'])\s*(relative|absolute)")


def heif_depth(heif: Any, file_bytes: bytes) -> DepthMap | None:
    """Depth of an opened HEIC, in the orientation of its decoded picture; None where there is none.

    Raises ValueError, with the reason, where depth is there but unusable.
    """
    if "unreadable_depth" in heif.info:
        raise ValueError(f"its depth is of a kind that can't be read ({heif.info['unreadable_depth']})")
    images = heif.info.get("depth_images") or []
    if not images:
        return None
    try:
        stored, metadata = np.asarray(images[0]), images[0].info.get("metadata")
    except Exception as error:
        raise ValueError(
            f"its depth picture can't be decoded ({' '.join(str(error).split())[:120]})"
        ) from error
    return decode_representation(stored, metadata or {}, find_accuracy(file_bytes))


def find_accuracy(file_bytes: bytes) -> str | None:
    """'relative' or 'absolute' as the depth's XMP says, None where it doesn't."""
    match = _ACCURACY.search(file_bytes)
    return match[1].decode() if match else None


def decode_representation(
    stored: Shaped[np.ndarray, "h w"], metadata: dict[str, Any], accuracy: str | None
) -> DepthMap:
    """Stored codes v to depth by representation_type: 0 and 1 are linear in inverse depth, 2 in depth.

    With t = v/v_max: type 0 is 1/z_far + t·(1/z_near − 1/z_far), type 1 is d_min + t·(d_max − d_min),
    type 2 is z_far + t·(z_near − z_far). Raises ValueError for type 3 and for impossible ranges.
    """
    kind = metadata.get("representation_type", 1)
    if kind not in (0, 1, 2):
        raise ValueError(f"its depth is of type {kind} (non-uniform), which can't be read yet")
    if stored.ndim != 2 or stored.dtype.kind != "u":
        raise ValueError(f"its depth is {stored.dtype} of shape {stored.shape}, not one 8-bit channel")
    share = stored.astype(np.float64) / np.iinfo(stored.dtype).max
    bounds = [metadata.get(name) for name in ("d_min", "d_max", "z_near", "z_far")]
    d_min, d_max, z_near, z_far = (float(b) if b is not None and np.isfinite(b) else None for b in bounds)
    absolute, trust = accuracy == "absolute", _trust("HEIC", accuracy)
    if kind == 2:
        if z_near is None or z_far is None or not 0 < z_near < z_far:
            raise ValueError(f"its depth range is impossible: z {z_near} to {z_far}")
        depth = z_far + share * (z_near - z_far)
        return DepthMap.of(depth, "metric" if absolute else "relative_depth", source=trust, accuracy=accuracy)
    if kind == 0 and z_near is not None and z_far is not None and 0 < z_near < z_far:
        d_min, d_max = 1.0 / z_far, 1.0 / z_near
    if d_min is None or d_max is None or not d_min < d_max:
        raise ValueError(f"its disparity range is impossible: {d_min} to {d_max}")
    disparity = d_min + share * (d_max - d_min)
    return DepthMap.of(
        disparity, "disparity" if absolute else "relative_disparity", source=trust, accuracy=accuracy
    )


def jpeg_depth(jpeg: bytes) -> DepthMap | None:
    """Depth of an iPhone's JPEG, as stored: the further picture that its own XMP calls disparity or depth."""
    for picture in further_pictures(jpeg):
        facts = read_xmp(xmp_packets(picture)).apple
        if facts.get("AuxiliaryImageType", "").lower() in ("disparity", "depth"):
            return _decode_facts(picture, facts)
    return None


def _decode_facts(picture: bytes, facts: Fields) -> DepthMap:
    """FloatMin + (code − IntMin)/(IntMax − IntMin) · (FloatMax − FloatMin), codes 0..255."""
    names = ("IntMinValue", "IntMaxValue", "FloatMinValue", "FloatMaxValue")
    try:
        code_low, code_high, low, high = (
            float(facts.get(name, default))
            for name, default in zip(names, ("0", "255", "nan", "nan"), strict=True)
        )
    except ValueError as error:
        raise ValueError("its depth range can't be read") from error
    if not (np.isfinite([code_low, code_high, low, high]).all() and code_low < code_high and low < high):
        raise ValueError(f"its depth range is impossible: {low:g} to {high:g}")
    share = (decode_plane(picture).astype(np.float64) * 255.0 - code_low) / (code_high - code_low)
    accuracy = facts.get("Accuracy")
    kind = {
        ("disparity", True): "disparity",
        ("disparity", False): "relative_disparity",
        ("depth", True): "metric",
        ("depth", False): "relative_depth",
    }[facts["AuxiliaryImageType"].lower(), accuracy == "absolute"]
    return DepthMap.of(low + share * (high - low), kind, _trust("JPEG", accuracy), accuracy)


def _trust(form: str, accuracy: str | None) -> str:
    promise = "metres" if accuracy == "absolute" else "order and proportion only"
    return f"Apple {form}, Accuracy={accuracy or 'not given'}: {promise}"
