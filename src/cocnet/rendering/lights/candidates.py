"""Clipped spots of a photo, and what tells a light from a white surface: size, shape, surround, halo, the photo.

Enters: scene-linear light [3 h w] of a reduced copy, the mean of each block and the largest of its smallest channel.
Leaves: one row of `FEATURES` per connected spot. Lengths are px of the copy.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32
from scipy import ndimage

CLIPPED = 0.9  # a spot's pixels have all channels from here on, scene-linear
SHELLS = (0.5, 1.5, 2.5, 4.5, 8.5, 16.5)  # distances from the spot that bound its surrounds
NEAR_PX, WIDE_PX = 33, 97  # windows in which other clipped area counts
DARKEST = 1e-3
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of red, green, blue
SHELL_NAMES = tuple(f"surround {i}" for i in range(len(SHELLS) - 1))
FEATURES = (
    "log area",
    "log share of the picture",
    "log share of the longer side",
    "log fill of its ellipse",
    "log elongation",
    "truly clipped",
    *SHELL_NAMES,
    "brightest far surround",
    "spread of the far surround",
    "red of the rim",
    "blue of the rim",
    "red of the far surround",
    "blue of the far surround",
    "other clipped, near",
    "other clipped, wide",
    "height in the picture",
    "log mean of the photo",
    "log median of the photo",
    "bright share of the photo",
    "clipped share of the photo",
    "share of the largest spot",
    "log number of spots",
    "log excess of surround 0",
    "log excess of surround 1",
    "brightest of surround 0",
    "log weighed area",
)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Spots numbered from 1 in `labels` (0: none) with their features, area in px, and the colour of their rim:
    the light that the surround 0 has more than those behind it. `core` is the share of a light's brightness that each
    pixel has: pixels at the border are mixtures with what is behind."""

    labels: Int32[np.ndarray, "h w"]
    features: Float32[np.ndarray, "n f"]
    area: Float32[np.ndarray, " n"]
    rim: Float32[np.ndarray, "n 3"]
    core: Float32[np.ndarray, "h w"]


def find_candidates(mean: Float32[np.ndarray, "3 h w"], least: Float32[np.ndarray, "h w"]) -> Candidates:
    """The spots of a reduced copy: `mean` of each block, the largest in each block of the `least` channel."""
    labels, count = ndimage.label(least >= CLIPPED, np.ones((3, 3)))
    labels = labels.astype(np.int32)
    if not count:
        return Candidates(
            labels,
            np.zeros((0, len(FEATURES)), np.float32),
            np.zeros(0, np.float32),
            np.zeros((0, 3), np.float32),
            np.zeros_like(least),
        )
    spots = _Spots(labels, count)
    height, width = labels.shape
    luminance = np.einsum("chw,c->hw", mean, LUMINANCE)
    area = spots.total(np.ones_like(least))
    core = core_of(labels)
    surround, colours = spots.surrounds(mean, luminance)
    tall, wide, fill, longish, row = spots.shape(area)
    far = slice(-2, None)
    clipped = (labels > 0).astype(np.float32)
    features = [
        np.log(area),
        np.log(area / (height * width)),
        np.log(np.maximum(tall, wide) / max(height, width)),
        fill,
        longish,
        spots.total(least > 0.985) / area,
        *surround.T,
        spots.most(ndimage.uniform_filter(luminance, 3), 3, 5),
        spots.unevenness(luminance),
        *_hue(colours[:, 0]).T,
        *_hue(colours[:, far].mean(1)).T,
        spots.others(clipped, area, NEAR_PX),
        spots.others(clipped, area, WIDE_PX),
        row / height,
        *(np.full(count, value) for value in _of_photo(luminance, clipped, area)),
        *np.log(np.maximum(spots.excess(luminance), 0) + DARKEST),
        spots.most(luminance, 1, 1),
        np.log(spots.total(core)),
    ]
    rim = np.maximum(colours[:, 0] - colours[:, 3], 0)
    return Candidates(
        labels,
        np.stack(features, 1).astype(np.float32),
        area.astype(np.float32),
        rim.astype(np.float32),
        core,
    )


def core_of(labels: Int32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """Of a light's brightness in each of its pixels, by how much of the 5 × 5 px around is clipped: fitted to
    ray-traced lamps, whose clipped pixels hold 0.17 of it where 11 of 25 are, 0.65 with 15, 0.95 with 19."""
    around = ndimage.uniform_filter((labels > 0).astype(np.float32), 5, mode="nearest")
    return np.where(labels > 0, np.clip((around - 0.4) / 0.34, 0.1, 1), 0).astype(np.float32)


def _of_photo(luminance: np.ndarray, clipped: np.ndarray, area: np.ndarray) -> tuple[float, ...]:
    size = luminance.size
    return (
        float(np.log(luminance.mean() + DARKEST)),
        float(np.log(np.median(luminance) + DARKEST)),
        float((luminance > 0.4).mean()),
        float(np.log(clipped.mean() + 1e-5)),
        float(np.log(area.max() / size + 1e-5)),
        float(np.log(len(area))),
    )


def _hue(colour: np.ndarray) -> np.ndarray:
    """Logarithms of red and blue over green."""
    c = colour + 0.02
    return np.stack([np.log(c[:, 0] / c[:, 1]), np.log(c[:, 2] / c[:, 1])], 1)


class _Spots:
    """Sums over numbered spots and over the pixels nearest to each."""

    def __init__(self, labels: np.ndarray, count: int) -> None:
        self.labels, self.count = labels, count
        distance, near = ndimage.distance_transform_edt(labels == 0, return_indices=True)
        self.shell = np.digitize(distance, SHELLS)
        self.owner = labels[near[0], near[1]]

    def total(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.labels.ravel(), values.ravel().astype(np.float64), self.count + 1)[1:]

    def around(self, values: np.ndarray, low: int, high: int) -> np.ndarray:
        """Mean over the shells low..high of each spot; NaN where it has none."""
        there = (self.shell >= low) & (self.shell <= high)
        owner = self.owner[there]
        n = np.bincount(owner, minlength=self.count + 1)[1:]
        return np.bincount(owner, values[there].astype(np.float64), self.count + 1)[1:] / np.where(
            n, n, np.nan
        )

    def surrounds(self, mean: np.ndarray, luminance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logarithm of the luminance and the colour of each shell, outwards; a shell without pixels goes on as the
        one before it."""
        found: list[np.ndarray] = []
        colours: list[np.ndarray] = []
        for i in range(1, len(SHELLS)):
            light = self.around(luminance, i, i)
            colour = np.stack([self.around(c, i, i) for c in mean], 1)
            empty = np.isnan(light)
            if empty.any():
                light = np.where(empty, found[-1] if found else 1.0, light)
                colour = np.where(empty[:, None], colours[-1] if colours else 1.0, colour)
            found.append(light)
            colours.append(colour)
        return np.log(np.stack(found, 1) + DARKEST), np.stack(colours, 1)

    def excess(self, luminance: np.ndarray) -> np.ndarray:
        """Light that the surrounds 0 and 1 have more than the surround 3 [2 n]."""
        light = [np.nan_to_num(self.around(luminance, i, i)) for i in (1, 2, 4)]
        return np.stack([light[0] - light[2], light[1] - light[2]])

    def most(self, luminance: np.ndarray, low: int, high: int) -> np.ndarray:
        """Logarithm of the brightest pixel of the shells low..high."""
        there = (self.shell >= low) & (self.shell <= high)
        most = np.full(self.count + 1, DARKEST)
        np.maximum.at(most, self.owner[there], luminance[there])
        return np.log(most[1:] + DARKEST)

    def unevenness(self, luminance: np.ndarray) -> np.ndarray:
        """Standard deviation of the logarithm of luminance in the surround from 4.5 px on."""
        log = np.log(luminance + 0.01)
        one, two = self.around(log, 4, 5), self.around(log * log, 4, 5)
        return np.sqrt(np.maximum(np.nan_to_num(two - one * one), 0))

    def others(self, clipped: np.ndarray, area: np.ndarray, side: int) -> np.ndarray:
        """Clipped area of other spots in a window about each spot's middle, as a share of the window."""
        density = ndimage.uniform_filter(clipped, side, mode="constant")
        inside = self.total(density) / area
        return np.log(np.maximum(inside - np.minimum(area, side * side) / side**2, 0) + 1e-3)

    def shape(self, area: np.ndarray) -> tuple[np.ndarray, ...]:
        """Height, width, log of area over the ellipse of the same moments, log of its axes' ratio, mean row."""
        index = np.indices(self.labels.shape).astype(np.float32)
        rows, columns = index[0], index[1]
        y, x = self.total(rows) / area, self.total(columns) / area
        yy = self.total(rows * rows) / area - y * y + 1 / 12
        xx = self.total(columns * columns) / area - x * x + 1 / 12
        xy = self.total(rows * columns) / area - x * y
        root = np.sqrt(np.maximum((yy - xx) ** 2 + 4 * xy * xy, 0))
        large, small = (yy + xx + root) / 2, np.maximum((yy + xx - root) / 2, 1 / 24)
        boxes = ndimage.find_objects(self.labels)
        tall = np.array([box[0].stop - box[0].start for box in boxes], float)
        wide = np.array([box[1].stop - box[1].start for box in boxes], float)
        fill = np.log(area / (4 * np.pi * np.sqrt(large * small)))
        return tall, wide, fill, np.log(large / small) / 2, y
