"""What can be asked of a render, and what a render says it did; plain data, shared by every app.

Enters: a user's wishes, None = take it from the photo, else a default. Leaves: the settings that were used,
each with where it comes from. Metres inside; `_mm`, `_deg`, `_mb`, `_px` where a name says so.
"""

import difflib
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal

from tyro.conf import arg

from cocnet.choices import check_choices
from cocnet.errors import InputError
from cocnet.pipeline.words_of_others import meant_by

Pair = tuple[float, float]
DepthKind = Literal["metric", "disparity", "relative_depth", "relative_disparity"]


@dataclass(frozen=True)
class RenderOptions:
    """Focus, lens, depth and quality of one render; None = take it from the photo, else a default."""

    focus_point: Pair | None = None
    """Focus on what is seen at this place: fractions of width and height from the top left corner."""
    focus_m: float | None = None
    """Focus at this distance in metres."""
    focus_range: Pair | None = None
    """Everything from this to that distance is sharp, metres, as no single lens has it: 1.5,3."""
    keep: str | None = None
    """A picture of the photo's shape: what is white in it stays sharp, wherever it stands."""
    subject: str | None = None
    """A mask of your own in place of the network's: white = the subject, which gets the focus; a cut-out PNG does."""
    focus: Literal["auto"] = "auto"
    """Without these: auto = a face, else the subject that is found, else the near depths around the middle. All faces
    of a group are sharp."""
    blur: float | None = None
    """How much, 0..100 as phone apps have it, in place of an f-number: the largest blur radius is so many times
    0.05 % of the longer side (20 = 1 %, a portrait lens has about 50)."""
    f_number: float | None = None
    """Aperture in f-stops: smaller blurs more [the photo's EXIF, else 1.8]."""
    focal_length_mm: float | None = None
    """Focal length [EXIF's 35 mm equivalent, else 50 mm]."""
    sensor_width_mm: float | None = None
    """Sensor width [a full-frame sensor of the photo's shape: 36 mm for 3:2]."""
    aperture_blades: int = 0
    """Blades of the iris, 3 or more; 0 = a round one."""
    aperture_rotation_deg: float = 0.0
    """Turns the iris counter-clockwise."""
    roundness: float = 0.0
    """Curvature of the blades: 0 = straight edges, 1 = a circle."""
    aperture_image: str | None = None
    """A picture of the aperture, white = light passes: lights in the background become hearts or stars."""
    squeeze: float = 1.0
    """Of an anamorphic lens: blur discs are so many times taller than wide, 1.33 or 2."""
    cat_eye: float = 0.0
    """Swirl of the corners, 0..1: how much the barrel cuts off blur discs there."""
    axial_ca: float = 0.0
    """Axial chromatic aberration: moves the focus of red and blue by this much in 1/m, e.g. 0.02."""
    lateral_ca: float = 0.0
    """Lateral chromatic aberration: red is larger, blue smaller by this fraction, e.g. 0.001."""
    highlights: Literal["auto", "off"] | Pair = "auto"
    """Clipped lights burn as bright discs again: auto (lamps are found, white surfaces stay as they are), off, or a
    threshold (0..1) and a gain for everything brighter."""
    grain: Literal["auto", "off"] = "auto"
    """Noise where the blur has taken it away: auto = as much as the photo has in what is sharp, off."""
    depth_kind: DepthKind | None = None
    """What the depth map holds: metric (metres), disparity (1/metres), relative_depth (bigger is farther),
    relative_disparity (bigger is nearer) [its JSON sidecar; metres for arrays]."""
    depth_scale: float | None = None
    """Value of one step of a depth file or array, e.g. 0.001 for millimetres."""
    depth_channel: str | None = None
    """Channel of an EXR that holds the depth, CHANNEL or PART.CHANNEL [Z, *.Z or depth*]."""
    depth_fit: Literal["aspect", "stretch"] = "aspect"
    """A depth map of another size must have the photo's aspect; stretch = it shows the whole photo, squeezed to
    another shape, as square maps of networks do."""
    estimator: str = "auto"
    """Makes depth for a photo without any: auto, builtin, depth-anything-v2-small, depth-pro, moge-2,
    rembg, one that a package plugs in, or the .safetensors of `cocnet train subject`."""
    refine_depth: Literal["auto", "on", "off"] = "auto"
    """Lay the edges of depth along the photo's: auto = where depth is estimated, relative, or smaller than the
    photo."""
    near_m: float | None = None
    """Distance of the nearest point, for relative depth only [by the subject's size, 1 for relative_depth]."""
    far_m: float | None = None
    """Distance of the farthest point, for relative depth only [as many times that as the map suggests, else 10]."""
    mode: Literal["over", "eq8"] = "over"
    """Compositing: over = layers with hidden background, eq8 = the paper's Eq. 8."""
    model: str | None = None
    """A network: cocnet-hybrid corrects the physical renderer's picture, others replace it. A name of `cocnet models`
    whose weights ship, or a weight file."""
    bfloat16: bool = False
    """With --model, compute in bfloat16: faster where processor or GPU has it, with cocnet-hybrid the picture is as
    good as the same; other networks' pictures change more."""
    deblur_first: bool = False
    """Sharpen the photo first where it is out of focus already, as `cocnet deblur` does, to focus elsewhere."""
    deblur_model: str = "deblur-hybrid"
    """With --deblur-first, the network: a name of `cocnet models` whose weights ship, or a weight file."""
    preview: bool = False
    """Faster and coarser, for choosing focus and aperture."""
    max_mem_mb: Annotated[int | None, arg(name="max-mem", metavar="MB")] = None
    """Memory that the renderer may use; large photos are rendered in tiles [1800]."""

    def __post_init__(self) -> None:
        """Raise InputError for what no photo can make right."""
        check_choices(self)
        point = self.focus_point
        if point is not None and not all(0 <= value <= 1 for value in point):
            raise InputError(f"expected a focus point of two fractions 0..1, got {point}, try 0.5,0.5")
        focuses = [
            name for name in ("focus_point", "focus_m", "focus_range") if getattr(self, name) is not None
        ]
        if len(focuses) > 1:
            raise InputError(f"expected one focus, got {' and '.join(focuses)}, try one of them")
        if self.focus_range is not None and not 0 < self.focus_range[0] < self.focus_range[1]:
            raise InputError(f"expected focus_range of 0 < near < far, got {self.focus_range}, try (1.5, 3)")
        if self.blur is not None and self.f_number is not None:
            raise InputError("expected one of blur and f_number, got both, try blur alone")
        if self.blur is not None and not 0 <= self.blur <= 100:
            raise InputError(f"expected blur from 0 to 100, got {self.blur}, try 40")
        if not 1 <= self.squeeze <= 4:
            raise InputError(f"expected squeeze from 1 to 4, got {self.squeeze}, try 1.33")
        if self.aperture_image is not None and self.aperture_blades:
            raise InputError("expected one of aperture_image and aperture_blades, got both, try one of them")
        for name, example in _ABOVE_0.items():
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"expected {name} above 0, got {value}, try {example}")
        for name in ("roundness", "cat_eye"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"expected {name} from 0 to 1, got {getattr(self, name)}, try 0.5")
        if self.aperture_blades < 0 or self.aperture_blades in (1, 2):
            raise InputError(f"expected 0 or at least 3 aperture blades, got {self.aperture_blades}, try 6")
        if not isinstance(self.highlights, str) and not (0 < self.highlights[0] < 1 <= self.highlights[1]):
            raise InputError(
                "expected highlights of a threshold between 0 and 1 and a gain of 1 or more, "
                f"got {self.highlights}, try (0.85, 6)"
            )

    def changed(self, **changes: Any) -> "RenderOptions":
        """The same options with some replaced; raises InputError for a name that doesn't exist."""
        known = [option.name for option in fields(self)]
        for name in changes:
            if name not in known:
                meant = meant_by(f"--{name}", ["--" + one.replace("_", "-") for one in known])
                near = difflib.get_close_matches(name, known, n=1) or ["one of " + ", ".join(known)]
                tried = meant.replace("--", "").replace("-", "_") if meant else near[0]
                raise InputError(f"expected an option of render, got '{name}', try {tried}")
        return replace(self, **changes)


_ABOVE_0 = {
    "focus_m": 2,
    "f_number": 1.8,
    "focal_length_mm": 50,
    "sensor_width_mm": 36,
    "max_mem_mb": 1800,
    "near_m": 1,
    "far_m": 10,
    "depth_scale": 0.001,
}


@dataclass(frozen=True)
class Resolved:
    """A number that was used and where it comes from, e.g. "given", "EXIF", "default", "auto"."""

    value: float
    origin: str


@dataclass(frozen=True)
class RenderSettings:
    """Everything that made a picture: what was asked, and what it was resolved to."""

    version: str
    photo: str | None
    width: int
    height: int
    depth_source: str
    depth_kind: str
    nearest_m: float
    farthest_m: float
    focal_length_mm: Resolved
    sensor_width_mm: Resolved
    f_number: Resolved
    focus_m: Resolved
    largest_blur_radius_px: float
    options: RenderOptions
    notes: tuple[str, ...] = field(default=())
    depth: str | None = None
    sharp_m: tuple[float, float] | None = None
    quality: int | None = None
