"""How often a classifier is right, how often an attack fools it, and how sure that is.

Enters: predictions and labels [n], or what was right and what was fooled [n] bool. Leaves: `Interval`s of 95 %, exact
p-values, plain sentences. An attack is counted only on photos that were right before and after natural bokeh.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cocnet.errors import InputError

Z95 = 1.959963984540054  # 97.5 % of a normal distribution lie below
CONFIDENCE = 0.95
SHIFTED_BELOW, SHIFTED_ABOVE, ENOUGH = 0.1, 0.5, 10
BLOCK = 1 << 18  # values that are drawn at once


@dataclass(frozen=True)
class Interval:
    """A measured value, where the true one lies at 95 %, and how many photos it is of; NaN for none."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] of {self.count}"


@dataclass(frozen=True)
class PairedTest:
    """Two methods on the same photos: what only one of them did, and how likely so unlike a split is by chance."""

    only_first: int
    only_second: int
    p: float


def wilson(hits: int, count: int) -> Interval:
    """A share with Wilson's interval (1927): (p + z²/2n ± z√(p(1 − p)/n + z²/4n²))/(1 + z²/n).

    Raises InputError unless 0 ≤ hits ≤ count.
    """
    if not 0 <= hits <= count:
        raise InputError(f"expected hits in 0..{count}, got {hits}, try counting both on the same photos")
    if count == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    share, z2 = hits / count, Z95**2 / count
    middle = (share + z2 / 2) / (1 + z2)
    half = Z95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count)) / (1 + z2)
    low = 0.0 if hits == 0 else middle - half
    return Interval(share, low, 1.0 if hits == count else middle + half, count)


def attack_success(
    clean_right: Bool[Tensor, " n"], bokeh_right: Bool[Tensor, " n"], fooled: Bool[Tensor, " n"]
) -> Interval:
    """The share that an attack fooled, of the photos that were right before and after natural bokeh.

    `count` is how many these are: bokeh by itself costs accuracy, which is none of the attack's. Raises InputError.
    """
    _check_alike(clean_right, bokeh_right, fooled)
    counted = clean_right & bokeh_right
    return wilson(int((fooled & counted).sum()), int(counted.sum()))


def mcnemar(first: Bool[Tensor, " n"], second: Bool[Tensor, " n"]) -> PairedTest:
    """McNemar's exact two-sided test: p = min(1, 2·Σ_{k ≤ min(b, c)} C(b + c, k)/2^(b + c)).

    b: true of the first only; c: of the second only; photos on which both agree say nothing. Raises InputError.
    """
    _check_alike(first, second)
    b, c = int((first & ~second).sum()), int((second & ~first).sum())
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1))
    return PairedTest(b, c, min(1.0, 2 * tail / 2 ** (b + c)))


def bootstrap_mean(values: Float[Tensor, " n"], seed: int = 0, draws: int = 10_000) -> Interval:
    """A mean with the percentile interval of means of n values drawn again with replacement (Efron 1979).

    Values that aren't finite, as the PSNR of equal pictures, are left out of `count`; of a single value the interval
    isn't known (NaN). Raises InputError.
    """
    if values.ndim != 1 or draws < 1:
        got = f"{list(values.shape)} and {draws}"
        raise InputError(f"expected values [n] and draws above 0, got {got}, try values.flatten()")
    finite = values[values.isfinite()].double().cpu().numpy()
    if len(finite) == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    if len(finite) == 1:
        return Interval(float(finite[0]), math.nan, math.nan, 1)
    random = np.random.default_rng(seed)
    rows = max(1, BLOCK // len(finite))
    blocks = [(min(rows, draws - start), len(finite)) for start in range(0, draws, rows)]
    means = np.concatenate([random.choice(finite, block).mean(1) for block in blocks])
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(finite.mean()), float(low), float(high), len(finite))


def check_labels(predictions: Int64[Tensor, " n"], labels: Int64[Tensor, " n"]) -> None:
    """Raise InputError where labels are off by one: almost none is met, and most are when shifted."""
    _check_alike(predictions, labels)
    if len(labels) < ENOUGH or _share(predictions, labels) > SHIFTED_BELOW:
        return
    for shift, base, first in ((-1, "1-based", 1), (1, "shifted down by one", 0)):
        shifted = _share(predictions, labels + shift)
        if shifted >= SHIFTED_ABOVE:
            now = f"{_share(predictions, labels):.0%} of clean photos right, {shifted:.0%} with labels {shift:+d}"
            raise InputError(
                f"expected labels from 0, got labels that are {base} ({now}), try --first-class {first}, or "
                f"{shift:+d} on all"
            )


def _share(predictions: Tensor, labels: Tensor) -> float:
    return float((predictions == labels).double().mean())


def _check_alike(*columns: Tensor) -> None:
    shapes = {tuple(column.shape) for column in columns}
    if len(shapes) != 1 or columns[0].ndim != 1:
        got = " and ".join(str(list(column.shape)) for column in columns)
        raise InputError(f"expected columns [n] of the same photos, got {got}, try one value a photo")
