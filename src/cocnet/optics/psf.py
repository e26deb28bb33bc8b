"""Point spread functions (Eq. 2): the blur spot of a point as it appears in the picture, row = y down, sum 1.

Every aperture of blades is an intersection of discs: one for the circle, n larger ones for n blades (half-planes
where the blades are straight), one more for the cat's eye. So a pixel row of the spot is one interval, and the
coverage of a pixel is exact along the row and a sum over sub-rows across it.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.optics.lens import ThinLens

SUB_ROWS = 16
SMALL_PX, LARGE_PX = 1.0, 1.6  # below, a five-point kernel; above, coverage; between, both
_SLACK = 0.12  # px², by which coverage is too small at first, so that its second moment can be made exact
_STRAIGHT = 1e-4  # curvature of a straight blade, in 1/r


def lens_psf(
    lens: ThinLens,
    radius_px: float | Tensor,
    front: bool = False,
    field: tuple[float, float] = (0.0, 0.0),
    size: int | None = None,
) -> Float[Tensor, "k k"]:
    """The spot of a lens for a CoC radius in px (≥ 0) behind the focus, or in front: turned by half a turn.

    field is the place in the picture (x, y) from its middle, in units of the distance to the corner. k is odd,
    the smallest that holds the spot unless `size` is given. Differentiable in radius_px; float64 throughout.
    """
    radius = torch.as_tensor(radius_px, dtype=torch.float64)
    half = (size or 2 * spot_reach(float(radius.detach())) + 1) // 2
    moment = moment_share(lens.blades, lens.roundness)
    wide = (radius**2 - 1 / (6 * moment) - _SLACK).clamp(min=1e-4).sqrt()
    if lens.aperture_picture is not None:
        spot = picture_coverage(lens.aperture_picture, wide, half)
    else:
        spot = aperture_coverage(
            wide, half, lens.blades, lens.blade_rotation_rad, lens.roundness, lens.cat_eye, field
        )
    if lens.butterworth_order is not None:
        spot = spot * butterworth(wide, half, lens.butterworth_order)
    spot = _widened(spot / spot.sum().clamp(min=1e-12), moment * radius**2)
    share = ((radius - SMALL_PX) / (LARGE_PX - SMALL_PX)).clamp(0, 1)
    spot = share * spot + (1 - share) * five_points(radius, half, moment)
    return spot.flip(0, 1) if front else spot


def _widened(spot: Float[Tensor, "k k"], moment: Tensor) -> Float[Tensor, "k k"]:
    """The spot with its second moment raised to `moment` px² by a five-point blur, where it fell short a little."""
    pixels = torch.arange(len(spot), dtype=spot.dtype) - len(spot) // 2
    lacking = (moment - (spot * (pixels[:, None] ** 2 + pixels**2)).sum()).clamp(0, 0.5)
    cross = five_points((2 * lacking).sqrt(), 1, 0.5)
    return functional.conv2d(spot[None, None], cross[None, None], padding=1)[0, 0]


def spot_reach(radius_px: float) -> int:
    """Pixels from the middle of the kernel to its edge that hold a spot of this radius."""
    return math.ceil(radius_px + 0.5) if radius_px > 0 else 0


def moment_share(blades: int, roundness: float = 0.0) -> float:
    """Second moment ⟨x² + y²⟩ of the spot over r²: ½ for a disk, (2 + cos 2π/n)/6 for n straight blades."""
    straight = (2 + math.cos(2 * math.pi / blades)) / 6 if blades else 0.5
    return straight + roundness * (0.5 - straight)


def five_points(radius: Tensor, half: int, moment: float) -> Float[Tensor, "k k"]:
    """The kernel of the middle pixel and its four neighbours whose second moment is that of the spot."""
    kernel = torch.zeros(2 * half + 1, 2 * half + 1, dtype=torch.float64)
    cross, middle = kernel.clone(), kernel.clone()
    middle[half, half] = 1
    if half == 0:
        return middle
    for row, column in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        cross[half + row, half + column] = 0.25
    share = (moment * radius**2).clamp(max=1)
    return middle * (1 - share) + cross * share


def aperture_coverage(
    radius: Tensor,
    half: int,
    blades: int = 0,
    rotation_rad: float = 0.0,
    roundness: float = 0.0,
    cat_eye: float = 0.0,
    field: tuple[float, float] = (0.0, 0.0),
) -> Float[Tensor, "k k"]:
    """The share of each pixel that the spot covers, k = 2·half + 1.

    Blades are inscribed in the circle of `radius` px, a vertex at (2k + 1)π/n − rotation (x right, y down), as
    Blender has it behind the focus. The cat's eye cuts the outer side: a circle shifted towards the middle.
    """
    pixels = torch.arange(-half, half + 1, dtype=torch.float64)
    rows = (torch.arange(SUB_ROWS, dtype=torch.float64) + 0.5) / SUB_ROWS - 0.5
    y = (pixels[:, None] + rows).flatten()
    discs = _blade_discs(radius, blades, rotation_rad, roundness)
    if cat_eye and any(field):
        discs.append((radius, -cat_eye * field[0] * radius, -cat_eye * field[1] * radius))
    left = torch.full_like(y, -torch.inf)
    right = torch.full_like(y, torch.inf)
    for size, x0, y0 in discs:
        room = size**2 - (y - y0) ** 2
        chord = room.clamp(min=1e-24).sqrt()
        left, right = torch.maximum(left, x0 - chord), torch.minimum(right, x0 + chord)
    edge = pixels - 0.5
    right = torch.maximum(left, right)
    covered = (right[:, None] - edge).clamp(0, 1) - (left[:, None] - edge).clamp(0, 1)
    return covered.view(len(pixels), SUB_ROWS, len(pixels)).mean(1)


def _blade_discs(
    radius: Tensor, blades: int, rotation_rad: float, roundness: float
) -> list[tuple[Tensor, Tensor | float, Tensor | float]]:
    """Discs (radius, centre x, centre y) whose intersection is the aperture."""
    if not blades or roundness >= 1:
        return [(radius, 0.0, 0.0)]
    size = radius / max(roundness, _STRAIGHT)
    half_turn = math.pi / blades
    away = (size**2 - (radius * math.sin(half_turn)) ** 2).sqrt() - radius * math.cos(half_turn)
    angles = [2 * k * half_turn - rotation_rad for k in range(blades)]
    return [(size, -away * math.cos(a), -away * math.sin(a)) for a in angles]


def butterworth(radius: Tensor, half: int, order: float) -> Float[Tensor, "k k"]:
    """B = 1/(1 + (ρ/r)^(2·order)) of Eq. 2, ρ the distance from the middle; order → ∞ is the disk."""
    pixels = torch.arange(-half, half + 1, dtype=torch.float64)
    distance = torch.hypot(pixels[:, None], pixels[None])
    return 1 / (1 + (distance / radius) ** (2 * order))


def picture_coverage(picture: Float[Tensor, "h w"], radius: Tensor, half: int) -> Float[Tensor, "k k"]:
    """A user's aperture picture over the square of side 2·radius px, averaged in each pixel."""
    side, count = 8, 2 * half + 1
    at = ((torch.arange(count * side, dtype=torch.float64) + 0.5) / side - half - 0.5) / radius
    grid = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1)[None]
    fine = functional.grid_sample(picture.double()[None, None].cpu(), grid, align_corners=False)
    return functional.avg_pool2d(fine, side)[0, 0]
