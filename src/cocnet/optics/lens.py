"""The thin lens: how large the circle of confusion (CoC) of a point at a distance is, and on which side (Eq. 1).

Enters: metres and inverse depth in 1/m. Leaves: the signed CoC radius in metres or pixels, positive behind the
focus (farther than it), negative in front. It is linear in inverse depth: r = K·(1/P − 1/D).
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.choices import MOST_BLADES
from cocnet.errors import InputError

Calibration = Literal["field-of-view", "paper"]
Number = float | Tensor
_TYPICAL = {
    "focal_length_m": "0.05",
    "f_number": "1.8",
    "focus_distance_m": "a distance in metres",
    "sensor_width_m": "0.036",
}


@dataclass(frozen=True, eq=False)
class ThinLens:
    """A thin lens in SI units; f_number and focus_distance_m may be tensors, [] or [b], with gradients.

    calibration "field-of-view" keeps the picture's field of view whatever the focus (Blender's camera),
    "paper" is Eq. 1 with its focus breathing. blades 0 is a circle; their rotation is counter-clockwise in the
    picture as in Blender; roundness 1 bends them into the circle. cat_eye in [0, 1] shifts a second circle over
    the aperture, at the picture's corner by cat_eye radii. axial_ca (1/m) moves the focus of red by +axial_ca and
    of blue by −axial_ca in inverse distance; lateral_ca magnifies red by 1 + lateral_ca, blue by 1 − lateral_ca.
    butterworth_order softens the disk as in Eq. 2; aperture_picture [k k] replaces the aperture's shape. squeeze is
    an anamorphic lens's: spots are so many times taller than wide, their height being that of Eq. 1.
    Raises InputError where a value is impossible.
    """

    focal_length_m: float
    f_number: Number
    focus_distance_m: Number
    sensor_width_m: float
    blades: int = 0
    blade_rotation_rad: float = 0.0
    roundness: float = 0.0
    calibration: Calibration = "field-of-view"
    cat_eye: float = 0.0
    axial_ca: float = 0.0
    lateral_ca: float = 0.0
    butterworth_order: float | None = None
    aperture_picture: Float[Tensor, "k k"] | None = None
    squeeze: float = 1.0

    def __post_init__(self) -> None:
        for name in ("focal_length_m", "f_number", "focus_distance_m", "sensor_width_m"):
            _check(name, getattr(self, name), "finite and above 0", _TYPICAL[name], low=0.0)
        shortest = self.focal_length_m
        wanted = f"more than the focal length {shortest} m"
        _check("focus_distance_m", self.focus_distance_m, wanted, "a distance in metres", low=shortest)
        for name in ("roundness", "cat_eye"):
            _check(name, getattr(self, name), "from 0 to 1", "0.5", low=-1e-12, high=1.0)
        _check("squeeze", self.squeeze, "from 1 up", "1.33", low=1 - 1e-12)
        for name in ("blade_rotation_rad", "axial_ca"):
            _check(name, getattr(self, name), "finite", "0", low=-math.inf)
        _check("lateral_ca", self.lateral_ca, "above −0.5, up to 0.5", "0.001", low=-0.5, high=0.5)
        if self.blades != 0 and (not 3 <= self.blades <= MOST_BLADES or int(self.blades) != self.blades):
            raise InputError(
                f"expected blades 0 (a circle) or 3 to {MOST_BLADES}, got {self.blades}, try 0 or 7"
            )
        if self.calibration not in get_args(Calibration):
            names = " or ".join(get_args(Calibration))
            raise InputError(f"expected calibration {names}, got {self.calibration!r}, try field-of-view")
        if self.butterworth_order is not None:
            _check("butterworth_order", self.butterworth_order, "finite and above 0", "4", low=0.0)
        if self.aperture_picture is not None:
            _check_picture(self.aperture_picture)

    @property
    def aperture_diameter_m(self) -> Number:
        """A = f / N."""
        return self.focal_length_m / self.f_number

    @property
    def gain_m2(self) -> Number:
        """K of r = K·(1/P − 1/D), in m²: A/2·f for "field-of-view", A/2·f·P/(P − f) for "paper" (Eq. 1)."""
        half = self.aperture_diameter_m / 2 * self.focal_length_m
        if self.calibration == "field-of-view":
            return half
        return half * self.focus_distance_m / (self.focus_distance_m - self.focal_length_m)

    def coc_radius_m(self, inverse_depth: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Signed CoC radius on the sensor, m, of points at inverse depth 1/D (1/m)."""
        gain, focus = _beside(self.gain_m2, inverse_depth), _beside(self.focus_distance_m, inverse_depth)
        return gain * (1 / focus - inverse_depth)

    def coc_radius_px(self, inverse_depth: Float[Tensor, "*s"], width_px: int) -> Float[Tensor, "*s"]:
        """Signed CoC radius in pixels of a picture that is width_px wide."""
        return self.coc_radius_m(inverse_depth) * (width_px / self.sensor_width_m)

    def channel_offset_m(self) -> tuple[Number, Number, Number]:
        """What axial chromatic aberration adds to the signed CoC radius of red, green and blue, m."""
        return self.gain_m2 * self.axial_ca, 0.0, -self.gain_m2 * self.axial_ca

    def channel_offset_px(self, width_px: int) -> tuple[Number, Number, Number]:
        """The same in pixels of a picture that is width_px wide."""
        red, green, blue = (offset * (width_px / self.sensor_width_m) for offset in self.channel_offset_m())
        return red, green, blue

    def hyperfocal_distance_m(self, coc_limit_m: float) -> Number:
        """The focus distance from which infinity has a CoC diameter of coc_limit_m: 2·(A/2)·f/c (+ f, Eq. 1)."""
        _check("coc_limit_m", coc_limit_m, "a diameter above 0", "3e-5", low=0.0)
        far = self.aperture_diameter_m * self.focal_length_m / coc_limit_m
        return far if self.calibration == "field-of-view" else far + self.focal_length_m

    def depth_of_field_m(self, coc_limit_m: float) -> tuple[Number, Number]:
        """The nearest and farthest distance whose CoC diameter stays within coc_limit_m; far may be infinite."""
        _check("coc_limit_m", coc_limit_m, "a diameter above 0", "3e-5", low=0.0)
        slack, centre = coc_limit_m / 2 / self.gain_m2, 1 / self.focus_distance_m
        far = centre - slack
        if isinstance(far, Tensor):
            return 1 / (centre + slack), torch.where(far > 0, 1 / far.clamp(min=1e-12), torch.inf)
        return 1 / (centre + slack), 1 / far if far > 1e-12 else math.inf

    def at(self, **changes: Any) -> "ThinLens":
        """The same lens with some fields changed."""
        return replace(self, **changes)

    def of(self, index: int) -> "ThinLens":
        """The lens of one picture of a batch: parameters [b] become [1]."""
        own: dict[str, Any] = {
            name: value[index : index + 1]
            for name in ("f_number", "focus_distance_m")
            if isinstance(value := getattr(self, name), Tensor) and value.ndim == 1 and len(value) > 1
        }
        return replace(self, **own) if own else self


def coc_radius_eq1(
    focal_length_m: Number, aperture_diameter_m: Number, focus_distance_m: Number, distance_m: Tensor
) -> Tensor:
    """Eq. 1 as printed: r = A/2 · f/D · |D − P|/(P − f), in metres, without sign."""
    spread = (distance_m - focus_distance_m).abs() / (focus_distance_m - focal_length_m)
    return aperture_diameter_m / 2 * focal_length_m / distance_m * spread


def _beside(value: Number, like: Tensor) -> Number:
    """A parameter [b] made to broadcast against [b …]."""
    if isinstance(value, Tensor) and value.ndim == 1 and like.ndim > 1:
        return value.view(-1, *[1] * (like.ndim - 1))
    return value


def _check(name: str, value: Any, wanted: str, hint: str, low: float, high: float = math.inf) -> None:
    """Raises InputError unless value is one number, or a tensor of up to one axis, in (low, high] and finite."""
    if type(value) in (int, float) and low < value <= high and value < math.inf:
        return
    try:
        found = torch.as_tensor(value, dtype=torch.float64).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"expected {name} to be a number, got {value!r}, try {hint}") from error
    if found.ndim > 1:
        raise InputError(
            f"expected {name} to be a number or [b], got {list(found.shape)}, try value.view(-1)"
        )
    if not bool(((found > low) & (found <= high) & found.isfinite()).all()):
        raise InputError(f"expected {name} to be {wanted}, got {value}, try {hint}")


def _check_picture(picture: Tensor) -> None:
    """Raises InputError unless the aperture picture is square, finite, nowhere below 0 and somewhere above."""
    if picture.ndim != 2 or picture.shape[0] != picture.shape[1]:
        raise InputError(
            f"expected aperture_picture [k k], got {list(picture.shape)}, try a square crop of one channel"
        )
    if not bool((picture.isfinite() & (picture >= 0)).all()) or not bool((picture > 0).any()):
        raise InputError(
            "expected aperture_picture to hold finite light from 0 up, got a value below 0, none above 0, or NaN, "
            "try picture.clamp(min=0)"
        )
