"""Where a photo without a scale is placed, so that its blur is what a photographer expects.

Enters: relative disparity [i j] in 0..1 (bigger is nearer), and the subject's mask or its largest face. Leaves: near
and far distance, metres, of disparity 1 and 0, for a lens of 50 mm on full frame; for others f/50 mm as far, from
where they show the subject as large. A face is 20 cm high, so its size says how far away it is; it is blurred as by a
portrait lens. Another subject that is the share s of the photo is at 0.55 m·√(0.3/s), but not nearer than 0.8 m: what
fills a photo is as often a large thing as one close by.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

NO_SUBJECT = (2.0, 40.0)
_PRESENT_SHARE = 0.004
_CLOSE_M, _CLOSE_SHARE = 0.55, 0.3
_NEAREST_M, _FARTHEST_M = 0.8, 2.5
_FACE_M, _NEAREST_FACE_M = 0.2, 0.4  # height of a face; what a lens of 50 mm focuses on
# Of the distance of a face, at which 50 mm blurs as a portrait lens of 85 mm does for that face
_PORTRAIT = 50 / 85
_DEEPER = 8.0
_LOWEST = 0.12
OF_50_MM = 50 / math.hypot(36, 24)  # focal length over the picture's diagonal
_WIDEST, _LONGEST = 0.4, 3.0  # 20 to 150 mm

Map = Float32[np.ndarray, "i j"]


@dataclass(frozen=True)
class Standing:
    """The subject in the picture: the share of it that it is, and its median disparity in 0..1."""

    share: float
    disparity: float


def find_standing(disparity: Map, mask: Map) -> Standing | None:
    """The subject by its mask, None where it is under 0.4 % of the photo."""
    solid = mask > 0.5
    share = float(solid.mean())
    return None if share < _PRESENT_SHARE else Standing(share, float(np.median(disparity[solid])))


def suggest_span_m(
    disparity: Map, mask: Map, size: tuple[int, int] | None = None, focal_px: float | None = None
) -> tuple[float, float]:
    """Near and far distance, metres. The far one is eight times as far as the subject, 1/m is linear in disparity.

    With the subject at distance D and disparity d: 1/far = 1/(8·D), 1/near = 1/far + (1/D − 1/far)/d, d from 0.12 up.
    """
    standing = find_standing(disparity, mask)
    of_lens = _of_lens(size, focal_px)
    if standing is None:
        return NO_SUBJECT[0] * of_lens, NO_SUBJECT[1] * of_lens
    distance = _CLOSE_M * math.sqrt(_CLOSE_SHARE / standing.share)
    return _span(of_lens * min(_FARTHEST_M, max(_NEAREST_M, distance)), standing.disparity)


def suggest_face_span_m(
    disparity: float, height: float, size: tuple[int, int], focal_px: float | None = None
) -> tuple[float, float]:
    """The same for a face of this disparity in 0..1 whose height is this fraction of the photo's; size: (height,
    width), px."""
    focal_of_50_mm = OF_50_MM * math.hypot(*size)
    distance = _PORTRAIT * _FACE_M * focal_of_50_mm / (height * size[0])
    return _span(_of_lens(size, focal_px) * min(_FARTHEST_M, max(_NEAREST_FACE_M, distance)), disparity)


def background_blur(span_m: tuple[float, float]) -> float:
    """1/m between the subject of a suggested span and its far end: what blurs the background."""
    return (_DEEPER - 1) / span_m[1]


def limit_foreground(inverse_depth: Map, focus: float, least: float = 0.0) -> Map:
    """Inverse depth [i j] (1/m) of which nothing nearer than the focus is farther from it than what is farthest, or
    than `least` where that is more.

    Distances that are only chosen blur what is in front of a far subject out of sight: 1/m is linear in disparity.
    With x = d − focus, at most X, and y at most Y: y = Y·x / (Y + x·(1 − Y/X)), which begins with slope 1.
    """
    most = max(least, focus - float(inverse_depth.min()))
    largest = float(inverse_depth.max()) - focus
    if largest <= most or most <= 0:
        return inverse_depth
    beyond = inverse_depth - np.float32(focus)
    is_nearer = beyond > 0
    divisor = beyond * np.float32(1 / most - 1 / largest)
    divisor += 1
    np.divide(beyond, divisor, out=beyond, where=is_nearer)
    beyond += np.float32(focus)
    return np.where(is_nearer, beyond, inverse_depth)


def _of_lens(size: tuple[int, int] | None, focal_px: float | None) -> float:
    """Distances by this lens over those by 50 mm."""
    of_lens = 1.0 if size is None or focal_px is None else focal_px / math.hypot(*size) / OF_50_MM
    return min(_LONGEST, max(_WIDEST, of_lens))


def _span(distance: float, disparity: float) -> tuple[float, float]:
    far = _DEEPER * distance
    return 1 / (1 / far + (1 / distance - 1 / far) / max(_LOWEST, disparity)), far
