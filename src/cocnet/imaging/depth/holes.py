"""Holes in a map of inverse depth, filled from what lies around them, leaning to the far side.

A hole in stereo depth is mostly background hidden from one eye, so of two neighbours the farther counts more.
Rows are worked through a strip at a time, so that the memory needed doesn't grow with the number of holes.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32

_STRIP_ROWS = 64
_NOWHERE = np.float32(np.inf)

Values = Float32[np.ndarray, "h w"]
Known = Bool[np.ndarray, "h w"]
Seen = tuple[np.ndarray, np.ndarray]  # of each column the row and the value of a known pixel, row −1: none


def fill_holes(values: Values, valid: Known) -> Values:
    """Fill invalid pixels of inverse depth [h w] (1/m, any scale) from the nearest valid ones, far-biased.

    The next valid values to the left, right, above and below are averaged with weights
    exp(−(v − v_min)/s)/distance, s = 5 % of the map's range. Valid pixels (at least one) are untouched.
    """
    filled, known = values.copy(), valid.copy()
    low = float(values.min(where=valid, initial=np.inf))
    high = float(values.max(where=valid, initial=-np.inf))
    softness = np.float32(max(0.05 * (high - low), 1e-12))
    while not known.all():
        for rows, above, below in list(_strips(filled, known)):
            if not known[rows].all():
                _fill_strip(filled[rows], known[rows], rows.start, above, below, softness)
    return filled


def _strips(values: Values, known: Known) -> Iterator[tuple[slice, Seen, Seen]]:
    """Strips of rows with what is known last above and first below them, as it is before any is filled."""
    starts = range(0, len(values), _STRIP_ROWS)
    strips = [slice(start, min(start + _STRIP_ROWS, len(values))) for start in starts]
    nothing = np.full(values.shape[1], -1, np.int32), np.zeros(values.shape[1], np.float32)
    above, below = [nothing], [nothing]
    for rows in strips[:-1]:
        above.append(_seen(values, known, rows, above[-1], downwards=True))
    for rows in strips[:0:-1]:
        below.append(_seen(values, known, rows, below[-1], downwards=False))
    yield from zip(strips, above, below[::-1], strict=True)


def _seen(values: Values, known: Known, rows: slice, before: Seen, downwards: bool) -> Seen:
    """The last known pixel of each column after walking through these rows."""
    strip = known[rows][::-1] if downwards else known[rows]
    step = strip.argmax(axis=0)
    row = rows.stop - 1 - step if downwards else rows.start + step
    found = strip.any(axis=0)
    value = values[row, np.arange(values.shape[1])]
    return np.where(found, row, before[0]).astype(np.int32), np.where(found, value, before[1])


def _fill_strip(
    values: Values, known: Known, start: int, above: Seen, below: Seen, softness: np.float32
) -> None:
    """Fill the holes of a strip, in place, that see a known pixel in one of the four directions."""
    sides = (
        _along(values, known, 1, forwards=True),
        _along(values, known, 1, forwards=False),
        _from_outside(*_along(values, known, 0, forwards=True), start, above),
        _from_outside(*_along(values, known, 0, forwards=False), start, below),
    )
    candidates = np.stack([value for value, _ in sides])
    seen = np.isfinite(candidates)
    lowest = candidates.min(axis=0)
    reached = np.isfinite(lowest) & ~known
    with np.errstate(invalid="ignore"):
        nearness = np.exp((lowest - candidates) / softness) / np.stack([distance for _, distance in sides])
    weights = np.where(seen, nearness, np.float32(0))
    total = (weights * np.where(seen, candidates, np.float32(0))).sum(axis=0)
    values[reached] = total[reached] / weights.sum(axis=0)[reached]
    known[reached] = True


def _along(values: Values, known: Known, axis: int, forwards: bool) -> tuple[Values, Values]:
    """Value and distance (px) of the last known pixel along an axis, +inf where none is; 1 at least."""
    if not forwards:
        value, distance = _along(np.flip(values, axis), np.flip(known, axis), axis, forwards=True)
        return np.flip(value, axis), np.flip(distance, axis)
    places = np.arange(known.shape[axis], dtype=np.int32).reshape((-1, 1) if axis == 0 else (1, -1))
    last = np.maximum.accumulate(np.where(known, places, np.int32(-1)), axis=axis)
    value = np.take_along_axis(values, last.clip(0), axis)
    distance = (places - last).clip(1).astype(np.float32)
    return np.where(last >= 0, value, _NOWHERE), np.where(last >= 0, distance, _NOWHERE)


def _from_outside(value: Values, distance: Values, start: int, seen: Seen) -> tuple[Values, Values]:
    """The same, from beyond the strip where the strip itself has none."""
    inside, known = np.isfinite(value), seen[0] >= 0
    rows = start + np.arange(len(value), dtype=np.int32)[:, None]
    beyond = np.where(known, np.abs(rows - seen[0]).astype(np.float32), _NOWHERE)
    return (
        np.where(inside, value, np.where(known, seen[1], _NOWHERE)),
        np.where(inside, distance, beyond),
    )
