"""Where a photo without a scale is placed, so that its blur is what a photographer expects.

Enters: relative disparity [i j] in 0..1 (bigger is nearer) and the subject's mask. Leaves: near and far distance,
metres, of disparity 1 and 0; by the share s of the photo that is subject, its distance is 0.55 m·√(0.3/s) for a lens
of 50 mm on full frame, and f/50 mm as far for others, which show it as large from there: a face or a flower that
fills the frame, a person seen whole, a thing far off.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

NO_SUBJECT = (2.0, 40.0)
_PRESENT_SHARE = 0.004
_CLOSE_M, _CLOSE_SHARE = 0.55, 0.3
_NEAREST_M, _FARTHEST_M = 0.4, 2.5
_DEEPER = 8.0
_LOWEST = 0.3
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

    With the subject at distance D and disparity d: 1/far = 1/(8·D), 1/near = 1/far + (1/D − 1/far)/d, d at least 0.3.
    """
    standing = find_standing(disparity, mask)
    of_lens = 1.0 if size is None or focal_px is None else focal_px / math.hypot(*size) / OF_50_MM
    of_lens = min(_LONGEST, max(_WIDEST, of_lens))
    if standing is None:
        return NO_SUBJECT[0] * of_lens, NO_SUBJECT[1] * of_lens
    distance = _CLOSE_M * math.sqrt(_CLOSE_SHARE / standing.share)
    distance = of_lens * min(_FARTHEST_M, max(_NEAREST_M, distance))
    far = _DEEPER * distance
    return 1 / (1 / far + (1 / distance - 1 / far) / max(_LOWEST, standing.disparity)), far
