"""Holes in a map of inverse depth, filled from what lies around them, leaning to the far side.

A hole in stereo depth is mostly background hidden from one eye, so of two neighbours the farther counts more.
"""

import numpy as np
from jaxtyping import Bool, Float32


def fill_holes(
    values: Float32[np.ndarray, "h w"], valid: Bool[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w"]:
    """Fill invalid pixels of inverse depth [h w] (1/m, any scale) from the nearest valid ones, far-biased.

    The next valid values to the left, right, above and below are averaged with weights
    exp(−(v − v_min)/s)/distance, s = 5 % of the map's range. Valid pixels (at least one) are untouched.
    """
    filled, known = values.copy(), valid.copy()
    low, high = float(values[valid].min()), float(values[valid].max())
    softness = max(0.05 * (high - low), 1e-12)
    while not known.all():
        rows, columns = (place.astype(np.int32) for place in np.nonzero(~known))
        sides = [_nearest(filled, known, rows, columns, axis, step) for axis in (0, 1) for step in (1, -1)]
        candidates = np.stack([side[0] for side in sides])
        distances = np.stack([side[1] for side in sides])
        lowest = candidates.min(axis=0)
        reached = np.isfinite(lowest)
        with np.errstate(invalid="ignore"):
            weights = np.where(
                np.isfinite(candidates),
                np.exp((lowest - candidates) / np.float32(softness)) / distances,
                np.float32(0),
            )
        finite = np.where(np.isfinite(candidates), candidates, np.float32(0))
        mean = (weights * finite).sum(axis=0)[reached] / weights.sum(axis=0)[reached]
        filled[rows[reached], columns[reached]] = mean
        known[rows[reached], columns[reached]] = True
    return filled


def _nearest(
    values: np.ndarray, known: np.ndarray, rows: np.ndarray, columns: np.ndarray, axis: int, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Value and distance (px) of the next known pixel along one axis in one direction, inf where none is."""
    size = known.shape[axis]
    places = np.arange(size, dtype=np.int32).reshape((-1, 1) if axis == 0 else (1, -1))
    if step > 0:
        last = np.maximum.accumulate(np.where(known, places, np.int32(-1)), axis=axis)
    else:
        flipped = np.flip(np.where(known, places, np.int32(size)), axis)
        last = np.flip(np.minimum.accumulate(flipped, axis=axis), axis)
    at = last[rows, columns]
    found = (at >= 0) & (at < size)
    inside = np.where(found, at, 0)
    picked = values[inside, columns] if axis == 0 else values[rows, inside]
    distance = np.abs((rows if axis == 0 else columns) - at)
    nowhere = np.float32(np.inf)
    return np.where(found, picked, nowhere), np.where(found, distance.astype(np.float32), nowhere)
