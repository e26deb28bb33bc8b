"""Lights of a film that don't blink: what is restored of each follows the frames before.

Enters: the lights of a frame, its photo, the lamps of the frame before. Leaves: the same lights with other gains, and
the lamps to remember. A small light that drifts over the pixels is clipped in more or fewer of them from frame to
frame, and its restored energy E = Σ share · (gain − 1) · light [px] would jump; E is averaged over `FOLLOW_S`.
"""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float64
from scipy import ndimage

from cocnet.imaging import Photo
from cocnet.rendering.lights import Lights

FOLLOW_S = 0.3
REACH, REACH_PX = 0.015, 4.0  # of the longer side, and at least: how far a light goes from frame to frame
LEAST = 1e-3  # px: a lamp of less is forgotten
MOST_CHANGE = 8.0  # factor on a gain, either way
_HALVINGS = 16

Lamps = Float64[np.ndarray, "n 3"]  # row and column, px; energy
NO_LAMPS: Lamps = np.zeros((0, 3))


def steady_lights(lights: Lights, photo: Photo, before: Lamps | None, seconds: float) -> tuple[Lights, Lamps]:
    """The lights, each as bright as the frames before let it be; before: None in the first frame of a shot, whose
    lights stay as they are. A lamp that isn't found any more fades from the memory, a new one fades in."""
    spots = [_Spot(lights, photo, number, box) for number, box in _boxes(lights)]
    now = np.array([[*spot.place, spot.energy(1.0)] for spot in spots]).reshape(-1, 3)
    if before is None:
        return lights, now
    follows = 1 - math.exp(-seconds / FOLLOW_S)
    match = _matched(now, before, max(REACH_PX, REACH * max(photo.height, photo.width)))
    was = np.where(match >= 0, np.append(before[:, 2], 0.0)[match], 0.0)
    energies = was + follows * (now[:, 2] - was)
    gains = lights.gains.copy()
    for spot, energy in zip(spots, energies, strict=True):
        gains[spot.number] *= spot.factor_for(energy)
    lost = np.delete(before, match[match >= 0], 0) * [1, 1, 1 - follows]
    kept = np.concatenate([np.column_stack([now[:, :2], energies]), lost])
    return replace(lights, gains=gains), kept[kept[:, 2] > LEAST]


def _boxes(lights: Lights) -> list[tuple[int, tuple[slice, slice]]]:
    return [(n, box) for n, box in enumerate(ndimage.find_objects(lights.labels), 1) if box is not None]


class _Spot:
    """One light: the pixels in which it would be raised, and by how much for its gain."""

    def __init__(self, lights: Lights, photo: Photo, number: int, box: tuple[slice, slice]) -> None:
        rows, columns = (slice(part.start * lights.scale, part.stop * lights.scale) for part in box)
        light = replace(photo, pixels=photo.pixels[rows, columns]).linear()
        alone = replace(
            lights, labels=np.where(lights.labels[box] == number, number, 0), core=lights.core[box]
        )
        self.number, self._lights, self._light = number, alone, light
        self.place = tuple((part.start + part.stop) / 2 for part in (rows, columns))

    def energy(self, factor: float) -> float:
        """Light that is added with this factor on the gain, px."""
        lights = replace(self._lights, gains=self._lights.gains * np.float32(factor))
        return float((lights.restore(self._light) - self._light).mean(0).sum())

    def factor_for(self, energy: float) -> float:
        """The factor on the gain that adds so much; found by halving, since a gain below 1 adds nothing."""
        low, high = 1 / MOST_CHANGE, MOST_CHANGE
        for _ in range(_HALVINGS):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self.energy(middle) < energy else (low, middle)
        return math.sqrt(low * high)


def _matched(now: Float[np.ndarray, "n 3"], before: Lamps, reach_px: float) -> np.ndarray:
    """For each lamp the one of the frame before that is nearest to it, and it to that one; −1: none."""
    if not len(now) or not len(before):
        return np.full(len(now), -1)
    away = np.hypot(*(now[:, None, i] - before[None, :, i] for i in (0, 1)))
    there, back = away.argmin(1), away.argmin(0)
    mutual = (back[there] == np.arange(len(now))) & (away[np.arange(len(now)), there] <= reach_px)
    return np.where(mutual, there, -1)
