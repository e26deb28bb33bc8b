"""Where the subject is in depth: weighted medians of inverse depth.

Enters: inverse depth [h w] (1/m), a mask or a place. Leaves: an inverse distance, 1/m.
"""

import math

import numpy as np
from jaxtyping import Float32, Float64

_GRID = 256
_SUBJECT_SHARE = 0.004
_BINS = 64
_LEAST_NEAR = 0.1
_UPRIGHT, _UPPER = 1.25, 0.3


def masked_inverse(
    inverse_depth: Float32[np.ndarray, "h w"],
    mask: Float32[np.ndarray, "i j"],
    least_share: float = _SUBJECT_SHARE,
) -> float | None:
    """Median inverse depth (1/m) of the subject, weighted by its mask; None where the mask finds none, or less of the
    picture than `least_share`."""
    if not (mask > 0.5).any() or float((mask > 0.5).mean()) < least_share:
        return None
    places = (
        ((np.arange(n) + 0.5) / n * m).astype(int)
        for n, m in zip(mask.shape, inverse_depth.shape, strict=True)
    )
    inside = mask > 0.5
    sample = inverse_depth[np.ix_(*places)].astype(np.float64)
    return _weighted_median(sample[inside], mask[inside].astype(np.float64))


def upper_part(mask: Float32[np.ndarray, "i j"]) -> Float32[np.ndarray, "i j"] | None:
    """The upper three tenths of a subject's height where it is at least 1.25 times as tall as wide, else None."""
    rows, columns = (np.flatnonzero((mask > 0.5).any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    top, height, width = rows[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    if height < _UPRIGHT * width:
        return None
    upper = mask.copy()
    upper[top + max(1, round(_UPPER * height)) :] = 0
    return upper


def inverse_within(
    inverse_depth: Float32[np.ndarray, "h w"], left: float, top: float, right: float, bottom: float
) -> float:
    """Median inverse depth (1/m) in a box of fractions of width and height."""
    height, width = inverse_depth.shape
    rows = slice(int(top * height), max(int(top * height) + 1, int(bottom * height)))
    columns = slice(int(left * width), max(int(left * width) + 1, int(right * width)))
    return float(np.median(inverse_depth[rows, columns]))


def inverse_at(inverse_depth: Float32[np.ndarray, "h w"], x: float, y: float) -> float:
    """Median inverse depth (1/m) in a window of 1 % of the longer side around the fractions x, y."""
    height, width = inverse_depth.shape
    reach = max(1, round(0.005 * max(height, width))) if min(height, width) > 2 else 0
    row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
    rows = slice(max(0, row - reach), row + reach + 1)
    return float(np.median(inverse_depth[rows, max(0, column - reach) : column + reach + 1]))


def subject_inverse(inverse_depth: Float32[np.ndarray, "h w"]) -> float:
    """Inverse depth (1/m) of the subject: the median of the near one of two groups of pixels.

    Pixels are weighted by a Gaussian around the middle (σ = 1/5 of width and height) and split in two
    where that parts near from far best (Otsu 1979: largest variance between groups of a 64-bin histogram). A near
    group of under a tenth of the weight is beside the subject: then it is the median of all.
    """
    sample, weights = _around_the_middle(inverse_depth)
    near = sample >= min(_otsu(sample, weights), sample.max())
    if weights[near].sum() < _LEAST_NEAR * weights.sum():
        return _weighted_median(sample.ravel(), weights.ravel())
    return _weighted_median(sample[near], weights[near])


def middle_inverse(inverse_depth: Float32[np.ndarray, "h w"]) -> float:
    """Median inverse depth (1/m) around the middle, weighted as in `subject_inverse`."""
    sample, weights = _around_the_middle(inverse_depth)
    return _weighted_median(sample.ravel(), weights.ravel())


def _around_the_middle(
    inverse_depth: Float32[np.ndarray, "h w"],
) -> tuple[Float64[np.ndarray, "i j"], Float64[np.ndarray, "i j"]]:
    """A sample of at most 256² px and its weights."""
    height, width = inverse_depth.shape
    sample = inverse_depth[:: math.ceil(height / _GRID), :: math.ceil(width / _GRID)].astype(np.float64)
    down, across = (np.exp(-(((np.arange(n) + 0.5) / n - 0.5) ** 2) / (2 * 0.2**2)) for n in sample.shape)
    return sample, down[:, None] * across[None]


def _otsu(values: Float64[np.ndarray, "*s"], weights: Float64[np.ndarray, "*s"]) -> float:
    """The value that parts weighted values in two groups with the largest variance between them."""
    mass, edges = np.histogram(values, _BINS, weights=weights)
    moment = np.cumsum(mass * 0.5 * (edges[1:] + edges[:-1]))
    below = np.cumsum(mass)
    above = np.maximum(below[-1] - below, 1e-12)
    apart = moment / np.maximum(below, 1e-12) - (moment[-1] - moment) / above
    return float(edges[1 + int(np.argmax((below * above * apart**2)[:-1]))])


def _weighted_median(values: Float64[np.ndarray, " n"], weights: Float64[np.ndarray, " n"]) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(reached, 0.5 * reached[-1]))])
