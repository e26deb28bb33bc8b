"""Where layers sit: radii by number, and the scale at which each is blurred.

Enters: radii of the circle of confusion in px. Leaves: layer numbers, with the radius's sign (+ behind the focus).
Layers sit at fixed radii, so that no kernel is ever differentiated: a pixel between two layers belongs to both, in
the shares that keep the second moment of its blur.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

LINEAR = 5  # layers at radius 0, 1, … 5 px, then PER_OCTAVE
PER_OCTAVE = 4
STRETCHED = 2.0  # times as tall as wide, from which on the narrow side says where full scale ends
SHARP_LAYERS = 12  # up to here at full scale where lights above 1.0 show the outline of their spots


def level_radius(level: int) -> float:
    """Radius in px of a layer, with the sign of its number (+ behind the focus)."""
    size = abs(level)
    radius = float(size) if size <= LINEAR else LINEAR * 2 ** ((size - LINEAR) / PER_OCTAVE)
    return math.copysign(radius, level)


def level_above(radius: float) -> int:
    """The first layer whose radius is not below `radius` px."""
    level = math.ceil(radius - 1e-6)
    return level if level <= LINEAR else LINEAR + math.ceil(PER_OCTAVE * math.log2(radius / LINEAR) - 1e-6)


def fine_layers(squeeze: float, sharp: bool) -> int:
    """Up to which layer spots so many times taller than wide are blurred at full scale."""
    more = math.ceil(PER_OCTAVE * math.log2(max(squeeze / STRETCHED, 1)))
    return max(SHARP_LAYERS if sharp else LINEAR, LINEAR + more)


def level_position(x: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    """The fractional layer number of a signed radius in px; shares are linear in the radius squared."""
    size = x.abs()
    with torch.no_grad():
        below = torch.where(
            size < LINEAR, size.floor(), (LINEAR + PER_OCTAVE * (size / LINEAR).clamp(min=1).log2()).floor()
        )
        low, high = _radius_of(below), _radius_of(below + 1)
        sign = x.sign()
    return sign * (below + ((size * size - low * low) / (high * high - low * low)).clamp(0, 1))


def _radius_of(level: Tensor) -> Tensor:
    return torch.where(level <= LINEAR, level, LINEAR * torch.exp2((level - LINEAR) / PER_OCTAVE))


def own_radius(radius: float, scale: int, share: float = 0.25) -> float:
    """The radius in px of a scale that, with pooling and interpolation, blurs like `radius` at full scale.

    Pooling over s px and bilinear interpolation add a variance per axis of (s² − 1)/12 and (s² − 1)/6 px²;
    a spot of radius r has `share`·r², a disc r²/4.
    """
    added = (scale**2 - 1) / 4
    return math.copysign(math.sqrt(max(radius * radius - added / share, 0.0)) / scale, radius)


@dataclass(frozen=True)
class Group:
    """Layers of both signs whose numbers' sizes are first … last, blurred at 1/scale."""

    scale: int
    first: int
    last: int


def groups(max_radius_px: float, fine_layers: int = LINEAR) -> list[Group]:
    """The groups that reach max_radius_px: full scale, then an octave of radii each at half the scale before."""
    top = max(level_above(max_radius_px), 0)
    found = [Group(1, 0, min(fine_layers, top))]
    while found[-1].last < top:
        first = found[-1].last + 1
        found.append(Group(found[-1].scale * 2, first, min(first + PER_OCTAVE - 1, top)))
    return found
