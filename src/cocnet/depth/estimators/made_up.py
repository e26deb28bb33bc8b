"""Pseudo-depth: what a photo without depth looks like if its subject stands on the ground.

Enters: a subject mask [h w] in 0..1. Leaves: relative disparity [h w] in 0..1, bigger is nearer. A camera at
some height over flat ground sees ground at inverse depth ∝ rows below the horizon (Hoiem et al. 2005); what
rises over the horizon is taken as a backdrop; the subject is a plane, upright where it meets the ground.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

BACKDROP = 0.12
SUBJECT = 0.8
HORIZON = 0.42
_BEHIND = 0.72
_PRESENT_SHARE, _PRESENT_PEAK = 0.004, 0.5
_SOFT_ROWS = 0.06

Mask = Float32[np.ndarray, "h w"]


@dataclass(frozen=True)
class Stand:
    """Where the subject stands: rows of its top and foot (fractions of the height), and how much of it is seen."""

    top: float
    foot: float
    share: float


def find_stand(mask: Mask) -> Stand | None:
    """The subject's rows by its mask, None where there is no subject (under 0.4 % of the photo)."""
    solid = mask > _PRESENT_PEAK
    share = float(solid.mean())
    if share < _PRESENT_SHARE:
        return None
    rows = np.cumsum(solid.sum(1, dtype=np.float64))
    top, foot = (int(np.searchsorted(rows, part * rows[-1])) for part in (0.01, 0.98))
    return Stand(top / len(mask), (foot + 1) / len(mask), share)


def pseudo_disparity(mask: Mask) -> Float32[np.ndarray, "h w"]:
    """Relative disparity of a subject in front of what recedes behind it; without one, ground and backdrop only."""
    stand = find_stand(mask)
    rows = (np.arange(mask.shape[0], dtype=np.float64) + 0.5) / mask.shape[0]
    ground = ground_disparity(rows, stand).astype(np.float32)[:, None]
    if stand is None:
        return np.broadcast_to(ground, mask.shape).copy()
    inside = _decided(mask)
    return (inside * np.float32(SUBJECT) + (1 - inside) * ground).astype(np.float32)


def _decided(mask: Mask) -> Mask:
    """Doubtful parts made up their mind, without a hard edge: smoothstep from 0.2 to 0.8."""
    share = np.clip((mask - np.float32(0.2)) / np.float32(0.6), 0, 1)
    return share * share * (3 - 2 * share)


def ground_disparity(
    rows: Float32[np.ndarray, "h"], stand: Stand | None, horizon: float = HORIZON
) -> Float32[np.ndarray, "h"]:
    """Disparity of ground and backdrop by row: linear under the horizon, softly level over it.

    The ground reaches the subject's plane at its foot; a subject cut off by the lower edge stands further down
    than is seen, one that floats over the horizon has no ground to stand on and all of it stays behind.
    """
    if stand is None:
        return _softly(BACKDROP + (1 - BACKDROP) * (rows - horizon) / (1 - horizon), BACKDROP)
    horizon = min(horizon, max(0.1, stand.foot - 0.25))
    cut_off = stand.foot > 0.97
    foot = stand.foot + (0.35 if cut_off else 0.0)
    if stand.foot < HORIZON:
        horizon, foot = HORIZON, 1.3
    slope = (SUBJECT - BACKDROP) / (foot - horizon)
    return np.clip(_softly(BACKDROP + slope * (rows - horizon), BACKDROP), 0, 1)


def _softly(values: Float32[np.ndarray, "h"], floor: float) -> Float32[np.ndarray, "h"]:
    """The larger of a value and a floor, without a kink: floor + s·log(1 + exp((v − floor)/s))."""
    return floor + _SOFT_ROWS * np.logaddexp(0, (values - floor) / _SOFT_ROWS)


def span_m(stand: Stand | None) -> tuple[float, float]:
    """Near and far distance, metres, that suit the picture: 0.9 m for a subject as high as the photo, as many
    times more as it is smaller, at most 4.5 m; ten times as far to the backdrop. Without a subject 2.5 to 40 m.
    """
    if stand is None:
        return 2.5, 40.0
    near = min(4.5, 0.9 / max(0.2, min(1.0, stand.foot - stand.top)))
    return near, 10 * near
