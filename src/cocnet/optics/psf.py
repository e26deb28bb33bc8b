"""Point spread functions (Eq. 2): the blur spot of a point as it appears in the picture, row = y down, sum 1.

Enters: a lens and a CoC radius in px. Leaves: a kernel [k k] whose second moment is that of the ideal shape, at
every radius down to 0, where it is the identity. The shapes themselves are in `shapes.py`.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.optics.lens import ThinLens
from cocnet.optics.shapes import moment_share, second_moment, spot_light

SMALL, LARGE = 0.4, 0.95  # second moments, px²: below, a five-point kernel; above, coverage; between, both
LOOSE = 8.0  # px²; above, a moment a little too large (by up to 2 %) is left as it is
_SLACK = 0.06  # px², by which the moment of the coverage is too small at first, so that it can be made exact


def lens_psf(
    lens: ThinLens,
    radius_px: float | Tensor,
    front: bool = False,
    field: tuple[float, float] = (0.0, 0.0),
    size: int | None = None,
) -> Float[Tensor, "k k"]:
    """The spot of a lens for a CoC radius in px (≥ 0) behind the focus, or in front: turned by half a turn.

    It is the light's footprint (what a lone point becomes), so a convolution by correlation needs it flipped.
    field is the place in the picture (x, y) from its middle, in units of the distance to the corner. k is odd,
    the smallest that holds the spot unless `size` is given, which may cut it. Differentiable in radius_px, whose
    dtype and device are kept; a plain number gives float64. Raises InputError for a radius below 0 or an even size.
    """
    given = torch.as_tensor(radius_px, dtype=None if isinstance(radius_px, Tensor) else torch.float64)
    radius, wanted = _checked(given, size)
    half = max(wanted, spot_reach(float(radius.detach())))
    share = moment_share(lens, field)
    moment = share * radius**2
    own, squeeze = _without_pixel(radius, share, lens.squeeze)
    spot = spot_light(lens, own, half, field, squeeze)
    spot = _with_moment(spot / spot.sum().clamp(min=1e-12), moment)
    part = ((moment - SMALL) / (LARGE - SMALL)).clamp(0, 1)
    spot = part * spot + (1 - part) * five_points(moment, half)
    spot = spot[half - wanted : half + wanted + 1, half - wanted : half + wanted + 1]
    spot = spot / spot.sum()
    return (spot.flip(0, 1) if front else spot).to(given)


def _without_pixel(
    radius: Float[Tensor, ""], share: float, squeeze: float
) -> tuple[Float[Tensor, ""], float | Float[Tensor, ""]]:
    """Radius and squeeze of the shape whose coverage of pixels has the moment wanted: a pixel's own width widens a
    spot alike along both axes."""
    each, wider = share / (1 + 1 / squeeze**2), (1 / 6 + _SLACK) / 2
    tall, wide = ((each * side**2 - wider) / each for side in (radius, radius / squeeze))
    tall = tall.clamp(min=1e-4).sqrt()
    return tall, squeeze if squeeze == 1 else tall / wide.clamp(min=1e-4).sqrt()


def spot_reach(radius_px: float) -> int:
    """Pixels from the middle of the kernel to its edge that hold a spot of this radius."""
    return math.ceil(radius_px + 0.5) if radius_px > 0 else 0


def five_points(moment: Float[Tensor, ""], half: int) -> Float[Tensor, "k k"]:
    """The kernel of the middle pixel and its four neighbours with this second moment, at most 1 px²."""
    middle = torch.zeros(2 * half + 1, 2 * half + 1, dtype=moment.dtype)
    middle[half, half] = 1
    if half == 0:
        return middle
    cross = torch.zeros_like(middle)
    for row, column in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        cross[half + row, half + column] = 0.25
    share = moment.clamp(max=1)
    return middle * (1 - share) + cross * share


def _with_moment(spot: Float[Tensor, "k k"], moment: Tensor) -> Float[Tensor, "k k"]:
    """The spot with its second moment made `moment` px²: a five-point blur where it is a little too small, a
    share of the light moved to the middle where it is too large (only small spots: it would show as a dot)."""
    found = second_moment(spot)
    cross = five_points((moment - found).clamp(0, 0.5), 1)
    blurred = functional.conv2d(spot[None, None], cross[None, None], padding=1)[0, 0]
    share = (1 - moment / found.clamp(min=1e-12)).clamp(0, 1) * ((LOOSE - moment) / LOOSE).clamp(min=0)
    return (1 - share) * blurred + share * five_points(torch.zeros_like(moment), len(spot) // 2)


def _checked(given: Tensor, size: int | None) -> tuple[Float[Tensor, ""], int]:
    """The radius as float64 on the CPU, and half the kernel's size."""
    value = given.detach()
    if given.ndim or not given.is_floating_point() or not bool(value.isfinite() & (value >= 0)):
        raise InputError(f"expected radius_px, one number from 0 up, got {given}, try its absolute value")
    if size is not None and (size < 1 or size % 2 == 0):
        raise InputError(f"expected an odd size above 0, got {size}, try {max(size, 0) + 1}")
    half = spot_reach(float(value)) if size is None else size // 2
    return given.to("cpu", torch.float64), half
