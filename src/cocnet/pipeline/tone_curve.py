"""How a photo shows light, found from pixels of which both are known: a rising curve, of each channel or the largest.

Enters: linear pixels [n 3] as shown (0..1) and their scene-linear light. Leaves: a `ToneCurve`, which shows light and
says what light was shown; the two undo each other.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float32

LEVELS = 128  # even steps of the cube root of what is shown
FEWEST = 32  # values of a level, below which its light is in proportion to that of the darker one before it
JUMP = 1.2  # of light over what is shown, from level to level: there the photo clips
DIFFERENCE = 0.02  # of what is shown, from which two curves differ
_SLOPE = 0.01  # least rise of light with what is shown


@dataclass(frozen=True, eq=False)
class ToneCurve:
    """What is shown (linear, 0..1) for what light, both rising. by_channel: each channel by itself, as where a camera
    clips; else the largest one, and the others in proportion to it."""

    shown_at: Float32[np.ndarray, " m"]
    light_at: Float32[np.ndarray, " m"]
    by_channel: bool

    @staticmethod
    def fit(shown: Float32[np.ndarray, "n 3"], light: Float32[np.ndarray, "n 3"]) -> "ToneCurve":
        """The curve of the two kinds that shows this light more nearly as it was, judged where they differ."""
        curves = (
            ToneCurve(*_knots(shown.ravel(), light.ravel()), True),
            ToneCurve(*_knots(shown.max(1), light.max(1)), False),
        )
        each, largest = (curve.shows(light) for curve in curves)
        differ = np.abs(each - largest) > DIFFERENCE
        errors = [np.abs(made - shown)[differ].sum() for made in (each, largest)]
        return curves[0 if errors[0] <= errors[1] else 1]

    def shows(self, light: Float32[np.ndarray, "*n 3"]) -> Float32[np.ndarray, "*n 3"]:
        """What the photo shows of this light."""
        return self._through(light, self.light_at, self.shown_at)

    def light_of(self, shown: Float32[np.ndarray, "*n 3"]) -> Float32[np.ndarray, "*n 3"]:
        """The light of which the photo shows this."""
        return self._through(shown, self.shown_at, self.light_at)

    def _through(self, values: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        if self.by_channel:
            return np.interp(values, one, other).astype(np.float32)
        largest = values.max(-1, keepdims=True)
        factor = np.interp(largest, one, other) / np.where(largest > 0, largest, 1)
        return values * factor.astype(np.float32)


def _knots(
    shown: Float32[np.ndarray, " n"], light: Float32[np.ndarray, " n"]
) -> tuple[Float32[np.ndarray, " m"], Float32[np.ndarray, " m"]]:
    """Levels and their light: in proportion to the median of light over what is shown. Where that jumps, it goes on
    as before up to the brighter level, at which all light from there on is shown."""
    ratios = _ratios(shown, light)
    edges = (np.arange(LEVELS + 1) / LEVELS) ** 3
    levels = np.append((edges[:-1] + edges[1:])[:-1] / 2, 1.0)
    knots = [(0.0, 0.0)]
    for level, ratio in zip(levels, ratios, strict=True):
        level_before, light_before = knots[-1]
        straight = light_before * level / level_before if level_before else level * ratio
        if level * ratio > JUMP * straight:
            knots.append((level - 1e-6, straight))
        knots.append((level, max(level * ratio, knots[-1][1] + _SLOPE * (level - level_before))))
    shown_at, light_at = np.array(knots, np.float32).T
    return shown_at, light_at


def _ratios(shown: Float32[np.ndarray, " n"], light: Float32[np.ndarray, " n"]) -> np.ndarray:
    """The median of light over what is shown, by level."""
    level = (np.cbrt(shown) * LEVELS).astype(int).clip(0, LEVELS - 1)
    order = np.argsort(level, kind="stable")
    ratio = (light / np.maximum(shown, 1e-4))[order]
    bounds = np.searchsorted(level[order], np.arange(LEVELS + 1))
    medians = [
        float(np.median(ratio[low:high])) if high - low >= FEWEST else 0.0 for low, high in pairwise(bounds)
    ]
    known = np.nonzero(np.array(medians))[0]
    if not len(known):
        return np.ones(LEVELS)
    before = (np.searchsorted(known, np.arange(LEVELS), side="right") - 1).clip(min=0)
    return np.array(medians)[known[before]]
