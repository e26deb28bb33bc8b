"""The lens and the focus for a photo: what was given, else what its EXIF says, else a default.

Enters: a photo, its inverse depth (1/m), the options. Leaves: numbers with their origin. A photo is rendered
as by the full-frame camera of the same field of view: a phone's own blur is too small to see.
"""

import math
from dataclasses import dataclass

from cocnet.imaging import CameraInfo, Photo
from cocnet.pipeline.options import RenderOptions, Resolved

FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)
DEFAULT_FOCAL_MM = 50.0
DEFAULT_F_NUMBER = 1.8
_SHORTEST_PLAUSIBLE_MM = 10.0


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


def _given(value: float | None) -> Resolved | None:
    return None if value is None else Resolved(float(value), "given")


def _exif(value: float | None) -> Resolved | None:
    return None if not value else Resolved(float(value), "EXIF")
