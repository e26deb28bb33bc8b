"""What can be asked of a render, and what a render says it did; plain data, shared by every app.

Enters: a user's wishes, None = take it from the photo, else a default. Leaves: the settings that were used,
each with where it comes from. Metres inside; `_mm`, `_deg`, `_mb`, `_px` where a name says so.
"""

import difflib
import math
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal

from tyro.conf import arg

from cocnet.choices import MOST_BLADES, check_choices
from cocnet.errors import InputError
from cocnet.pipeline.words_of_others import meant_by

Pair = tuple[float, float]
FAR_M = 1e5  # as far as infinity: 85 mm at f/1.4 blur what is there by 0.004 px of 6,000
NO_FILE = "-"  # depth that was given as an array, a function, or through standard input
DepthKind = Literal["metric", "disparity", "relative_depth", "relative_disparity"]


@dataclass(frozen=True)
class RenderOptions:
    """Focus, lens, depth and quality of one render; None = take it from the photo, else a default."""

    focus_point: Pair | None = None
    """Focus on what is seen at this point of the photo: x,y as fractions of width and height, from the top left
    corner."""
    focus_m: float | None = None
    """Focus distance in metres; inf = infinity."""
    focus_range: Pair | None = None
    """Keep everything sharp between these two distances in metres, which no real lens can: 1.5,3, or 2,inf."""
    keep: str | None = None
    """Mask of what stays sharp at any distance: a picture of the photo's shape, white = sharp."""
    subject: str | None = None
    """Mask of the subject, which gets the focus, in place of the one that is found: a picture of the photo's shape,
    white = subject, or a cut-out PNG with transparency."""
    focus: Literal["auto"] = "auto"
    """auto, unless a focus is given: on a face, else on the subject that is found, else on what is near around the
    centre. All faces of a group are kept sharp."""
    blur: float | None = None
    """Strength of the blur from 0 to 100, as in phone apps, in place of an f-number: the largest blur radius is this
    many times 0.05 % of the longer side. 20 is 1 %; a portrait lens has about 50."""
    f_number: float | None = None
    """f-number of the aperture; a smaller one blurs more (default: from EXIF, else 1.8)."""
    focal_length_mm: float | None = None
    """Focal length in mm (default: the 35 mm equivalent from EXIF, else 50)."""
    sensor_width_mm: float | None = None
    """Width of the sensor in mm (default: full frame of the photo's shape, 36 for 3:2)."""
    aperture_blades: int = 0
    """Number of aperture blades, 3 to 32; 0 = a circular aperture."""
    aperture_rotation_deg: float = 0.0
    """Counter-clockwise rotation of the aperture in degrees."""
    roundness: float = 0.0
    """Curvature of the aperture blades, from 0 (straight) to 1 (a circle)."""
    aperture_image: str | None = None
    """Picture of the aperture's shape, white = open: lights in the background become hearts or stars."""
    squeeze: float = 1.0
    """Squeeze of an anamorphic lens, from 1 to 4: blur discs are this many times taller than wide, typically 1.33 or
    2."""
    cat_eye: float = 0.0
    """Optical vignetting (cat's eye bokeh), from 0 to 1: how much of the blur discs is cut off towards the
    corners."""
    axial_ca: float = 0.0
    """Axial chromatic aberration: the focus of red and blue is moved by this much, in dioptres (1/m), e.g. 0.02."""
    lateral_ca: float = 0.0
    """Lateral chromatic aberration: red is magnified and blue reduced by this fraction, e.g. 0.001."""
    highlights: Literal["auto", "off"] | Pair = "auto"
    """Restore the brightness that clipped lights have lost, so that they become bright discs: auto (as the photo's
    gain map says; without one for lamps, not for white surfaces), off, or THRESHOLD,GAIN, which multiplies what is
    brighter than the threshold (0..1)."""
    grain: Literal["auto", "off"] = "auto"
    """Add noise where the blur has removed it: auto (as strong as in the sharp parts of the photo) or off."""
    depth_kind: DepthKind | None = None
    """What the depth map holds: metric (metres), disparity (1/metres), relative_depth (bigger is farther) or
    relative_disparity (bigger is nearer) (default: as the JSON file beside it says, else metres for arrays)."""
    depth_scale: float | None = None
    """Factor on the values of a depth file or array, e.g. 0.001 where they are in millimetres."""
    depth_channel: str | None = None
    """Channel of an EXR file that holds the depth, as CHANNEL or PART.CHANNEL (default: Z, *.Z or depth*)."""
    depth_fit: Literal["aspect", "stretch"] = "aspect"
    """How a depth map of another size is fitted: aspect = it must have the photo's aspect ratio; stretch = it is
    stretched over the photo, as the square maps of networks need it."""
    estimator: str = "auto"
    """Depth estimator: auto (the photo's own depth, else the best that is installed), or one of these, whatever the
    photo brings: builtin, depth-anything-v2-small, depth-pro, moge-2, rembg, one of a plug-in package, or a
    .safetensors file of `cocnet train subject`."""
    refine_depth: Literal["auto", "on", "off"] = "auto"
    """Align the edges of the depth map with those of the photo: auto (where depth is estimated, from the
    photo, relative or smaller than the photo), on or off."""
    near_m: float | None = None
    """Distance of the nearest point in metres, where depth is relative (default: from the subject's size; 1 for
    relative_depth)."""
    far_m: float | None = None
    """Distance of the farthest point in metres, where depth is relative (default: a multiple of the nearest that
    suits the map, else 10)."""
    mode: Literal["over", "eq8"] = "over"
    """Compositing: over = layers, with what is hidden behind the foreground filled in; eq8 = the paper's Eq. 8."""
    model: str | None = None
    """Network to render with: cocnet-hybrid corrects the physical renderer's picture, others replace it. A weight
    file, or a name of `cocnet models` whose weights ship (default: the physical renderer alone)."""
    bfloat16: bool = False
    """With --model or --deblur-first: compute in bfloat16, which is faster where the processor or GPU supports it.
    cocnet-hybrid's picture stays practically the same; other networks' pictures change more."""
    device: str = "cpu"
    """Where the picture is rendered: cpu or cuda."""
    deblur_first: bool = False
    """Sharpen what is out of focus in the photo first, as `cocnet deblur` does, to be able to focus anywhere."""
    deblur_model: str = "deblur-hybrid"
    """With --deblur-first: the deblurring network, a weight file or a name of `cocnet models` whose weights ship."""
    preview: bool = False
    """Render faster and coarser, to choose focus and aperture."""
    max_mem_mb: Annotated[int | None, arg(name="max-mem", metavar="MB")] = None
    """Memory in MB that reading and rendering may use: larger photos are rendered in tiles, those that can't be read
    within it are refused (default: 1000 to render, 4000 to read)."""

    def __post_init__(self) -> None:
        """Raise InputError for what no photo can make right."""
        for name in ("focus_m", "focus_range"):
            object.__setattr__(self, name, _at_most_far(getattr(self, name)))
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
            raise InputError(f"expected focus_range of 0 < near < far, got {self.focus_range}, try 1.5,3")
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
        if self.aperture_blades and not 3 <= self.aperture_blades <= MOST_BLADES:
            got = self.aperture_blades
            raise InputError(f"expected 0 or 3 to {MOST_BLADES} aperture blades, got {got}, try 6")
        if not isinstance(self.highlights, str) and not (0 < self.highlights[0] < 1 <= self.highlights[1]):
            raise InputError(
                "expected highlights of a threshold between 0 and 1 and a gain of 1 or more, "
                f"got {self.highlights}, try 0.85,6"
            )

    def changed(self, /, **changes: Any) -> "RenderOptions":
        """The same options with some replaced; raises InputError for a name that doesn't exist."""
        known = [option.name for option in fields(self)]
        for name in changes:
            if name not in known:
                meant = meant_by(f"--{name}", ["--" + one.replace("_", "-") for one in known])
                near = difflib.get_close_matches(name, known, n=1) or ["one of " + ", ".join(known)]
                tried = meant.replace("--", "").replace("-", "_") if meant else near[0]
                raise InputError(f"expected an option of render, got '{name}', try {tried}")
        return replace(self, **changes)


def distance_text(metres: float) -> str:
    """A distance as it is told: 2.35 m, infinity."""
    return "infinity" if metres >= FAR_M else f"{metres:.3g} m"


def _at_most_far(given: Any) -> Any:
    """Infinity as a distance that no lens tells from it, alone or at the end of a range; anything else as it is."""
    if isinstance(given, tuple | list) and len(given) == 2:
        return (given[0], _at_most_far(given[1]))
    return FAR_M if isinstance(given, float) and given == math.inf else given


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


def finds_focus(options: RenderOptions) -> bool:
    """Whether nobody says what is to be in focus."""
    return options.focus_m is None and options.focus_point is None and options.focus_range is None


@dataclass(frozen=True)
class Resolved:
    """A number that was used and where it comes from, e.g. "given", "EXIF", "default", "auto"."""

    value: float
    origin: str


@dataclass(frozen=True)
class RenderSettings:
    """Everything that made a picture: what was asked, and what it was resolved to; folder: where relative paths
    begin, seen from the file of these settings [known when that is written]."""

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
    folder: str | None = None
