"""The lens and the focus for a photo: what was given, else what its EXIF says, else a default.

Enters: a photo, its inverse depth (1/m), the options. Leaves: numbers with their origin. A photo is rendered
as by the full-frame camera of the same field of view: a phone's own blur is too small to see.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from cocnet.imaging import CameraInfo, DepthMap, Photo
from cocnet.options import RenderOptions, Resolved

FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)
DEFAULT_FOCAL_MM = 50.0
DEFAULT_F_NUMBER = 1.8
_SHORTEST_PLAUSIBLE_MM = 10.0
_GRID = 256
_SUBJECT_SHARE = 0.004
_BINS = 64


@dataclass(frozen=True)
class Camera:
    """Focal length and sensor width in millimetres, f-number; `notes` say what was assumed."""

    focal_length_mm: Resolved
    sensor_width_mm: Resolved
    f_number: Resolved
    notes: tuple[str, ...] = ()

    def known_focal_px(self, width_px: int) -> float | None:
        """Focal length in px where somebody said it, None where it is a default."""
        if self.focal_length_mm.origin == "default":
            return None
        return self.focal_length_mm.value / self.sensor_width_mm.value * width_px


def choose_camera(photo: Photo, options: RenderOptions) -> Camera:
    """Resolve the lens: given, EXIF, default.

    The default sensor is w/√(w² + h²) · √(36² + 24²) mm wide, a full frame of the photo's shape, on which
    the 35 mm equivalent of EXIF is the focal length (f_px = f35·√(w² + h²)/√(36² + 24²)). A given sensor
    keeps the field of view; EXIF's own focal length alone is taken where a camera can have it (≥ 10 mm).
    """
    exif = photo.camera or CameraInfo()
    default_mm = FULL_FRAME_DIAGONAL_MM * photo.width / math.hypot(photo.width, photo.height)
    sensor = _given(options.sensor_width_mm) or Resolved(default_mm, "default: full frame")
    focal, note = _focal_length(exif, options, sensor.value / default_mm)
    stop = _given(options.f_number) or _exif(exif.f_number) or Resolved(DEFAULT_F_NUMBER, "default")
    return Camera(focal, sensor, stop, (note,) if note else ())


def _focal_length(exif: CameraInfo, options: RenderOptions, crop: float) -> tuple[Resolved, str | None]:
    """Focal length for a sensor `crop` times as wide as full frame, and a note where EXIF doesn't do."""
    given = _given(options.focal_length_mm)
    if given is not None:
        return given, None
    if exif.focal_length_35mm_m:
        return Resolved(exif.focal_length_35mm_m * 1e3 * crop, "EXIF: 35 mm equivalent"), None
    own_mm = (exif.focal_length_m or 0.0) * 1e3
    if own_mm and (options.sensor_width_mm is not None or own_mm >= _SHORTEST_PLAUSIBLE_MM):
        return Resolved(own_mm, "EXIF"), None
    default = Resolved(DEFAULT_FOCAL_MM * crop, "default")
    if own_mm:
        lens = f"EXIF's {own_mm:.3g} mm comes without a sensor size"
        return default, f"{lens}; rendered as 50 mm on full frame, set --focal-length-mm"
    return default, None


def choose_span_m(depth: DepthMap, options: RenderOptions) -> tuple[float, float]:
    """Near and far distance (metres) of a relative map: given, suggested by the map, else 1 and 10 m.

    One that is given alone keeps the ratio: a near one always, a far one where the suggested near one isn't nearer.
    """
    near, far = depth.span_m or (1.0, 10.0)
    ratio = far / near
    if options.near_m is not None:
        return options.near_m, options.far_m or options.near_m * ratio
    if options.far_m is not None:
        return near if near < options.far_m else options.far_m / ratio, options.far_m
    return near, far


def choose_focus_m(
    inverse_depth: Float32[np.ndarray, "h w"],
    options: RenderOptions,
    subject: Float32[np.ndarray, "i j"] | None = None,
    made_up: bool = False,
) -> Resolved:
    """The distance in focus, metres: given, seen at the focus point, or of the subject, a mask of any size.

    Without a subject it is what is near around the middle, of made-up depth the median there.
    """
    if options.focus_m is not None:
        return Resolved(options.focus_m, "given")
    if options.focus_point is not None:
        x, y = options.focus_point
        return Resolved(1.0 / inverse_at(inverse_depth, x, y), f"depth at {x:g},{y:g}")
    found = None if subject is None else masked_inverse(inverse_depth, subject)
    if found is not None:
        return Resolved(1.0 / found, "auto: the subject")
    if made_up:
        return Resolved(1.0 / middle_inverse(inverse_depth), "auto: no subject, the middle distance")
    return Resolved(1.0 / subject_inverse(inverse_depth), "auto: near the middle")


def masked_inverse(
    inverse_depth: Float32[np.ndarray, "h w"], mask: Float32[np.ndarray, "i j"]
) -> float | None:
    """Median inverse depth (1/m) of the subject, weighted by its mask; None where the mask finds none."""
    if float((mask > 0.5).mean()) < _SUBJECT_SHARE:
        return None
    places = (
        ((np.arange(n) + 0.5) / n * m).astype(int)
        for n, m in zip(mask.shape, inverse_depth.shape, strict=True)
    )
    inside = mask > 0.5
    sample = inverse_depth[np.ix_(*places)].astype(np.float64)
    return _weighted_median(sample[inside], mask[inside].astype(np.float64))


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
    where that parts near from far best (Otsu 1979: largest variance between groups of a 64-bin histogram).
    """
    sample, weights = _around_the_middle(inverse_depth)
    near = sample >= min(_otsu(sample, weights), sample.max())
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


def _weighted_median(values: Float64[np.ndarray, "n"], weights: Float64[np.ndarray, "n"]) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(reached, 0.5 * reached[-1]))])


def _given(value: float | None) -> Resolved | None:
    return None if value is None else Resolved(float(value), "given")


def _exif(value: float | None) -> Resolved | None:
    return None if not value else Resolved(float(value), "EXIF")
