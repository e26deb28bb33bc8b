"""Spots against the aperture drawn point by point: every pixel's light, and the moment of the whole."""

import math

import pytest
import torch

from cocnet.optics import ThinLens, lens_psf, moment_share
from cocnet.optics.shapes import aperture_discs, spot_light

LENS = ThinLens(focal_length_m=0.05, f_number=2.0, focus_distance_m=1.5, sensor_width_m=0.036)
PER_PIXEL = 40
APERTURES = {
    "disk": {},
    "squeezed": {"squeeze": 1.6},
    "triangle": {"blades": 3, "blade_rotation_rad": 0.3},
    "square on the grid": {"blades": 4},
    "pentagon, rounded": {"blades": 5, "roundness": 0.6, "blade_rotation_rad": -0.7},
    "heptagon, squeezed": {"blades": 7, "roundness": 0.2, "squeeze": 1.3},
    "cat's eye": {"cat_eye": 0.9},
    "blades and cat's eye": {"blades": 6, "cat_eye": 0.5, "blade_rotation_rad": 0.2},
    "butterworth": {"butterworth_order": 1.5},
    "butterworth, squeezed, cat's eye": {"butterworth_order": 4.0, "squeeze": 1.4, "cat_eye": 0.4},
    "picture": {"aperture_picture": torch.rand(7, 7, generator=torch.Generator().manual_seed(1))},
    "picture, squeezed": {
        "aperture_picture": torch.rand(4, 4, generator=torch.Generator().manual_seed(2)),
        "squeeze": 1.5,
    },
    "picture, butterworth": {"aperture_picture": torch.ones(120, 120), "butterworth_order": 2.0},
    "picture, cat's eye": {"aperture_picture": torch.ones(120, 120), "cat_eye": 0.8},
}
EVERY = pytest.mark.parametrize("aperture", APERTURES)
FIELDS = pytest.mark.parametrize("field", [(0.6, -0.5), (-0.3, 0.9)], ids=str)


def samples(half):
    """Sample points x, y in px of a square of 2·half + 1 pixels."""
    count = PER_PIXEL * (2 * half + 1)
    at = (torch.arange(count, dtype=torch.float64) + 0.5) / PER_PIXEL - half - 0.5
    return at.expand(count, -1), at[:, None].expand(-1, count)


def aperture_at(lens, x, y, radius, field):
    """The light through each point of the aperture, 0 to 1, by its definition."""
    x, square = x * lens.squeeze, (x * lens.squeeze) ** 2 + y**2
    if lens.aperture_picture is not None:
        side = len(lens.aperture_picture)
        row, column = ((v / radius + 1) / 2 * side for v in (y, x))
        inside = (x.abs() < radius) & (y.abs() < radius)
        light = (
            inside
            * lens.aperture_picture.double()[row.long().clamp(0, side - 1), column.long().clamp(0, side - 1)]
        )
    elif not lens.blades:
        light = (square <= radius**2).double()
    else:
        light = _within_blades(lens, x, y, radius).double()
    if lens.cat_eye:
        light = light * (
            torch.hypot(x + lens.cat_eye * field[0] * radius, y + lens.cat_eye * field[1] * radius) <= radius
        )
    if lens.butterworth_order:
        light = light / (1 + (square.sqrt() / radius).clamp(max=1) ** (2 * lens.butterworth_order))
    return light


def _within_blades(lens, x, y, radius):
    """Left of every edge between neighbouring vertices, or within the arc through them that bulges outwards."""
    angles = [(2 * k + 1) * math.pi / lens.blades - lens.blade_rotation_rad for k in range(lens.blades)]
    corners = [(radius * math.cos(a), radius * math.sin(a)) for a in angles]
    within = torch.ones_like(x, dtype=torch.bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        if lens.roundness == 0:
            within &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
            continue
        bend, half_edge = radius / lens.roundness, math.hypot(bx - ax, by - ay) / 2
        middle_x, middle_y = (ax + bx) / 2, (ay + by) / 2
        back = math.sqrt(bend**2 - half_edge**2) / math.hypot(middle_x, middle_y)
        within &= torch.hypot(x - middle_x + back * middle_x, y - middle_y + back * middle_y) <= bend
    return within


@EVERY
@FIELDS
def test_each_pixel_gets_the_light_that_falls_on_it(aperture, field):
    lens, half = LENS.at(**APERTURES[aperture]), 5
    x, y = samples(half)
    drawn = aperture_at(lens, x, y, 4.37, field)
    expected = torch.nn.functional.avg_pool2d(drawn[None], PER_PIXEL)[0]
    found = spot_light(lens, torch.tensor(4.37, dtype=torch.float64), half, field)
    assert torch.allclose(found, expected, atol=0.025 if lens.butterworth_order else 0.012)
    assert float(found.sum()) == pytest.approx(float(expected.sum()), rel=0.008)


@pytest.mark.parametrize("radius", [0.05, 0.3, 0.7, 1.31, 3.5])
def test_a_disk_has_its_area_however_small(radius):
    light = spot_light(LENS, torch.tensor(radius, dtype=torch.float64), 5)
    assert float(light.sum()) == pytest.approx(math.pi * radius**2, abs=0.003, rel=0.003)


@EVERY
@FIELDS
def test_moment_is_that_of_the_drawn_aperture(aperture, field):
    lens = LENS.at(**APERTURES[aperture])
    x, y = (v / 5.5 * 1.01 for v in samples(5))
    drawn = aperture_at(lens, x, y, 1.0, field)
    expected = float((drawn * (x**2 + y**2)).sum() / drawn.sum())
    assert moment_share(lens, field) == pytest.approx(expected, rel=4e-3)


@pytest.mark.parametrize("blades", [3, 4, 5, 6, 9, 16])
def test_moment_of_straight_blades_has_a_formula(blades):
    expected = (2 + math.cos(2 * math.pi / blades)) / 6
    assert moment_share(LENS.at(blades=blades)) == pytest.approx(expected, rel=1e-12)


def test_moment_of_round_apertures_has_a_formula():
    for lens in (LENS.at(squeeze=1.7), LENS.at(squeeze=1.7, blades=6, roundness=1.0)):
        assert moment_share(lens) == pytest.approx((1 + 1 / 1.7**2) / 4, rel=1e-12)


@pytest.mark.parametrize("radius", [0.6, 1.2, 6.0])
def test_a_size_below_the_spots_cuts_it(radius):
    lens = LENS.at(blades=5)
    whole = lens_psf(lens, radius)
    for size in (1, 3, len(whole) + 4):
        cut = torch.nn.functional.pad(whole, [(size - len(whole)) // 2] * 4)
        assert torch.allclose(lens_psf(lens, radius, size=size), cut / cut.sum(), atol=1e-12)


@pytest.mark.parametrize("blades", [3, 5, 8])
def test_moment_of_squeezed_blades_shrinks_in_one_direction(blades):
    """A regular polygon spreads alike in both directions, so the squeeze takes its square from one half."""
    upright = (2 + math.cos(2 * math.pi / blades)) / 6
    lens = LENS.at(blades=blades, squeeze=1.5)
    assert moment_share(lens) == pytest.approx(upright * (1 + 1 / 1.5**2) / 2, rel=3e-4)


def test_in_the_middle_of_the_picture_there_is_no_cats_eye():
    lens, radius = LENS.at(cat_eye=0.9), torch.tensor(4.0, dtype=torch.float64)
    assert moment_share(lens) == 0.5
    assert len(aperture_discs(lens, radius)) == 1
    assert torch.equal(spot_light(lens, radius, 5), spot_light(LENS, radius, 5))
    assert torch.equal(lens_psf(lens, 4.0), lens_psf(LENS, 4.0))


@pytest.mark.parametrize("blades", [3, 5, 6])
def test_blades_that_are_not_turned_are_alike_above_and_below(blades):
    spot = lens_psf(LENS.at(blades=blades), 7.3)
    assert torch.allclose(spot, spot.flip(0), atol=1e-9)
    assert (spot - spot.flip(1)).abs().max() < 1e-9 or blades % 2
