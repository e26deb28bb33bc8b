"""Aperture shapes: the light that each pixel gets from a spot of a radius in px, not yet normalised.

Every aperture of blades is an intersection of discs: one for the circle, n larger ones for n blades (half-planes
where the blades are straight), one more for the cat's eye. So a pixel row of the spot is one interval, and the
coverage of a pixel is exact along the row and a sum over sub-rows across it. Row = y down, column = x right. An
anamorphic squeeze divides all x by it.
"""

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.optics.lens import ThinLens

SUB_ROWS = 16
_STRAIGHT = 1e-4  # curvature of a straight blade, in 1/r
_PROBE_PX = 32  # radius at which the moment of a shape without a formula is measured
Disc = tuple[Tensor, Tensor | float, Tensor | float]  # radius, centre x, centre y, px


def spot_light(
    lens: ThinLens,
    radius: Float[Tensor, ""],
    half: int,
    field: tuple[float, float] = (0.0, 0.0),
    squeeze: float | Float[Tensor, ""] | None = None,
) -> Float[Tensor, "k k"]:
    """The light in each pixel, k = 2·half + 1, of the spot of `lens` behind the focus; differentiable in radius.

    squeeze: in place of the lens's own.
    """
    squeeze = lens.squeeze if squeeze is None else squeeze
    if lens.aperture_picture is not None:
        return _picture_light(_shaded_picture(lens, lens.aperture_picture, field), radius, half, squeeze)
    discs = aperture_discs(lens, radius, field)
    return _coverage(discs, radius, half, lens.butterworth_order, squeeze)


def moment_share(lens: ThinLens, field: tuple[float, float] = (0.0, 0.0)) -> float:
    """⟨x² + y²⟩ of the ideal spot over r²: ½ for a disk, (2 + cos 2π/n)/6 for n straight blades, else measured."""
    if lens.aperture_picture is not None:
        return _picture_moment(_shaded_picture(lens, lens.aperture_picture, field), lens.squeeze)
    plain = lens.butterworth_order is None and not (lens.cat_eye and any(field))
    if plain and (not lens.blades or lens.roundness >= 1):
        return 0.25 + 0.25 / lens.squeeze**2
    if plain and lens.roundness == 0 and lens.squeeze == 1:
        return (2 + math.cos(2 * math.pi / lens.blades)) / 6
    discs = aperture_discs(lens, torch.tensor(float(_PROBE_PX), dtype=torch.float64), field)
    places = tuple((float(size), float(x), float(y)) for size, x, y in discs)
    return _measured_share(places, lens.butterworth_order, lens.squeeze)


@lru_cache(maxsize=4096)
def _measured_share(
    discs: tuple[tuple[float, float, float], ...], order: float | None, squeeze: float
) -> float:
    """The moment of a spot of _PROBE_PX as it is drawn, over its squared radius."""
    radius = torch.tensor(float(_PROBE_PX), dtype=torch.float64)
    placed: list[Disc] = [(radius.new_tensor(size), x, y) for size, x, y in discs]
    light = _coverage(placed, radius, _PROBE_PX + 1, order, squeeze)
    return (float(second_moment(light) / light.sum()) - 1 / 6) / _PROBE_PX**2


def second_moment(spot: Float[Tensor, "k k"]) -> Float[Tensor, ""]:
    """Σ spot·(x² + y²) about the middle pixel, px²; a pixel's own width adds 1/6 to that of the ideal shape."""
    squares = (torch.arange(len(spot), dtype=spot.dtype, device=spot.device) - len(spot) // 2) ** 2
    return (spot * (squares[:, None] + squares)).sum()


def aperture_discs(
    lens: ThinLens, radius: Float[Tensor, ""], field: tuple[float, float] = (0.0, 0.0)
) -> list[Disc]:
    """Discs whose intersection is the aperture, scaled to `radius` px.

    Blades are inscribed in the circle, a vertex at (2k + 1)π/n − rotation (x right, y down), as Blender has it
    behind the focus. The cat's eye cuts the outer side: an equal circle shifted by cat_eye·radius·field towards
    the middle of the picture, `field` in units of the distance from the middle to the corner.
    """
    discs = _blade_discs(radius, lens.blades, lens.blade_rotation_rad, lens.roundness)
    if lens.cat_eye and any(field):
        discs.append((radius, -lens.cat_eye * field[0] * radius, -lens.cat_eye * field[1] * radius))
    return discs


def _blade_discs(radius: Tensor, blades: int, rotation_rad: float, roundness: float) -> list[Disc]:
    """One disc through each pair of neighbouring vertices, of radius r/roundness."""
    if not blades or roundness >= 1:
        return [(radius, 0.0, 0.0)]
    size = radius / max(roundness, _STRAIGHT)
    half_turn = math.pi / blades
    away = (size**2 - (radius * math.sin(half_turn)) ** 2).sqrt() - radius * math.cos(half_turn)
    angles = [2 * k * half_turn - rotation_rad for k in range(blades)]
    return [(size, -away * math.cos(a), -away * math.sin(a)) for a in angles]


def _coverage(
    discs: list[Disc], radius: Tensor, half: int, order: float | None, squeeze: float | Float[Tensor, ""]
) -> Float[Tensor, "k k"]:
    """The share of each pixel within all discs, squeezed; with an order, weighted by Eq. 2's Butterworth filter."""
    pixels = torch.arange(-half, half + 1, dtype=torch.float64)
    y, height = _sub_rows(discs, pixels)
    left, right = torch.full_like(y, -torch.inf), torch.full_like(y, torch.inf)
    for size, x0, y0 in discs:
        chord = (size**2 - (y - y0) ** 2).clamp(min=1e-24).sqrt()
        left, right = torch.maximum(left, x0 - chord), torch.minimum(right, x0 + chord)
    left, right = left / squeeze, torch.maximum(left, right) / squeeze
    edge = pixels - 0.5
    start, stop = (left[:, None] - edge).clamp(0, 1), (right[:, None] - edge).clamp(0, 1)
    covered = (stop - start) * height[:, None]
    if order is not None:
        middle = (
            edge + (start + stop) / 2
        )  # of the covered part, so that order → ∞ is the disk to the outline
        covered = covered * butterworth(((squeeze * middle) ** 2 + y[:, None] ** 2) / radius**2, order)
    return covered.view(len(pixels), SUB_ROWS, len(pixels)).sum(1)


def _sub_rows(
    discs: list[Disc], pixels: Float[Tensor, " k"]
) -> tuple[Float[Tensor, " s"], Float[Tensor, " s"]]:
    """Middle and height, px, of the part of each sub-row that lies between the tops and the bottoms of all discs:
    a straight blade along the rows is exact, too."""
    top = (pixels[:, None] - 0.5 + torch.arange(SUB_ROWS, dtype=torch.float64) / SUB_ROWS).flatten()
    bottom = top + 1 / SUB_ROWS
    for size, _, y0 in discs:
        top, bottom = torch.maximum(top, y0 - size), torch.minimum(bottom, y0 + size)
    return (top + bottom) / 2, (bottom - top).clamp(min=0)


def butterworth(square: Float[Tensor, "*s"], order: float) -> Float[Tensor, "*s"]:
    """B = 1/(1 + (ρ/r)^(2·order)) of Eq. 2 from (ρ/r)², within the disk: ½ at its rim, order → ∞ is the disk."""
    return 1 / (1 + square.clamp(max=1) ** order)


def _shaded_picture(
    lens: ThinLens, picture: Float[Tensor, "n n"], field: tuple[float, float]
) -> Float[Tensor, "n n"]:
    """The user's picture under the lens's Butterworth filter and cat's eye, cell by cell."""
    light = picture.detach().to("cpu", torch.float64)
    at = (2 * torch.arange(len(light), dtype=torch.float64) + 1) / len(light) - 1
    if lens.butterworth_order is not None:
        light = light * butterworth(at[:, None] ** 2 + at**2, lens.butterworth_order)
    if lens.cat_eye and any(field):
        x, y = at + lens.cat_eye * field[0], at[:, None] + lens.cat_eye * field[1]
        light = light * ((1 - torch.hypot(x, y)) * len(light) / 2 + 0.5).clamp(0, 1)
    return light


def _picture_light(
    picture: Float[Tensor, "n n"], radius: Tensor, half: int, squeeze: float | Float[Tensor, ""]
) -> Float[Tensor, "k k"]:
    """A picture stretched over the square of side 2·radius px, squeezed; each pixel gets exactly what falls on it."""
    edges = (2 * torch.arange(len(picture) + 1, dtype=torch.float64) / len(picture) - 1) * radius
    pixels = torch.arange(-half, half + 1, dtype=torch.float64)[:, None]
    overlap = torch.minimum(edges[1:], pixels + 0.5) - torch.maximum(edges[:-1], pixels - 0.5)
    narrow = torch.minimum(edges[1:] / squeeze, pixels + 0.5) - torch.maximum(
        edges[:-1] / squeeze, pixels - 0.5
    )
    return overlap.clamp(min=0) @ picture @ narrow.clamp(min=0).T


def _picture_moment(picture: Float[Tensor, "n n"], squeeze: float) -> float:
    """⟨x² + y²⟩ of a picture of half height 1, its cells being squares before the squeeze."""
    cell = 2 / len(picture)
    squares = ((torch.arange(len(picture), dtype=torch.float64) + 0.5) * cell - 1) ** 2
    spread = (picture * (squares[:, None] + squares / squeeze**2)).sum() / picture.sum().clamp(min=1e-12)
    return float(spread) + cell**2 / 12 * (1 + 1 / squeeze**2)
