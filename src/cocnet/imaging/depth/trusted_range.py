"""The range of a depth map, whatever a handful of absurd values say.

Enters: values, which of them are known. Leaves: the lowest and the highest that can be believed.
"""

import numpy as np
from jaxtyping import Bool, Float32

_SAMPLE = 1_000_000
_FEWEST = 100  # of a smaller map no value can be called absurd
_TAIL_SHARE, _ABSURD_SHARE = 1e-3, 5e-4
_BEYOND = 2.0  # spans of all others


def trusted_range(
    values: Float32[np.ndarray, "*size"], valid: Bool[np.ndarray, "*size"], least_span: float = 0.0
) -> tuple[float, float]:
    """Minimum and maximum of the valid values, without those at most 0.05 % that lie absurdly far off.

    Absurd is what is more than twice the span of the others (their 0.1 % to 99.9 %) beyond them; a span under
    least_span times the largest of them counts as that.
    """
    low = float(values.min(where=valid, initial=np.inf))
    high = float(values.max(where=valid, initial=-np.inf))
    step = max(1, values.size // _SAMPLE)
    sample = np.sort(values.ravel()[::step][valid.ravel()[::step]].astype(np.float64))
    if sample.size < _FEWEST:
        return low, high
    tail = max(1, int(sample.size * _TAIL_SHARE))
    first, last = float(sample[tail]), float(sample[-1 - tail])
    span = max(last - first, least_span * abs(last))
    return (
        -_highest(-values, valid, -low, -first + _BEYOND * span),
        _highest(values, valid, high, last + _BEYOND * span),
    )


def _highest(values: np.ndarray, valid: np.ndarray, highest: float, limit: float) -> float:
    """The highest value, or the highest up to the limit where only a few are beyond it."""
    if highest <= limit:
        return highest
    beyond = valid & (values > limit)
    if np.count_nonzero(beyond) > max(1.0, _ABSURD_SHARE * np.count_nonzero(valid)):
        return highest
    return float(values.max(where=valid & ~beyond, initial=-np.inf))
