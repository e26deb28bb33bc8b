"""Point spread functions: sum, moment, symmetry, orientation, gradients."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from cocnet.errors import InputError
from cocnet.optics import ThinLens, lens_psf, moment_share, spot_reach

LENS = ThinLens(focal_length_m=0.05, f_number=2.0, focus_distance_m=1.5, sensor_width_m=0.036)
CORNER = (0.8, 0.6)


SHAPES = {
    "disk": {},
    "triangle": {"blades": 3, "blade_rotation_rad": 0.2},
    "square on the grid": {"blades": 4},
    "seven": {"blades": 7},
    "seven rounded": {"blades": 7, "roundness": 0.4, "blade_rotation_rad": 1.0},
    "cat's eye": {"cat_eye": 0.7},
    "blades and cat's eye": {"blades": 5, "cat_eye": 1.0},
    "butterworth": {"butterworth_order": 3.0},
    "picture": {"aperture_picture": torch.rand(9, 9, generator=torch.Generator().manual_seed(0))},
    "picture, butterworth, cat's eye": {
        "aperture_picture": torch.ones(32, 32),
        "butterworth_order": 2.0,
        "cat_eye": 0.5,
    },
}
EVERY = pytest.mark.parametrize("shape", SHAPES)


def axes(spot):
    at = torch.arange(len(spot), dtype=spot.dtype) - len(spot) // 2
    return at.expand(len(spot), -1), at[:, None].expand(-1, len(spot))


def moment(spot):
    x, y = axes(spot)
    return float((spot * (x**2 + y**2)).sum())


def vertex_deg(spot, blades):
    """The angle of a vertex modulo 360°/n: the phase of the n-th harmonic; x right, y down."""
    x, y = axes(spot)
    harmonic = (spot * torch.complex(x, y) ** blades).sum()
    return math.degrees(float(harmonic.angle())) / blades % (360 / blades)


@EVERY
@settings(max_examples=40, deadline=None)
@given(radius=st.floats(0, 40), front=st.booleans())
def test_spot_is_light_with_the_moment_of_its_shape(shape, radius, front):
    lens = LENS.at(**SHAPES[shape])
    spot = lens_psf(lens, radius, front, CORNER)
    assert spot.shape[0] == spot.shape[1] == 2 * spot_reach(radius) + 1
    assert float(spot.sum()) == pytest.approx(1, abs=1e-9)
    assert spot.min() >= 0
    assert moment(spot) == pytest.approx(moment_share(lens, CORNER) * radius**2, rel=0.021, abs=1e-12)


@pytest.mark.parametrize("blades", [0, 3, 4, 5, 6, 9])
@pytest.mark.parametrize("radius", [0.1, 0.9, 1.2, 1.5, 2.0, 3.3, 10.0, 40.0])
def test_moment_of_disk_and_inscribed_polygons(blades, radius):
    share = (2 + math.cos(2 * math.pi / blades)) / 6 if blades else 0.5
    assert moment(lens_psf(LENS.at(blades=blades), radius)) == pytest.approx(share * radius**2, rel=0.01)


@settings(max_examples=200, deadline=None)
@given(radius=st.floats(0, 40))
def test_moment_of_the_disk_is_half_the_squared_radius(radius):
    assert moment(lens_psf(LENS, radius)) == pytest.approx(radius**2 / 2, rel=0.006, abs=1e-12)


@EVERY
def test_continuous_in_the_radius(shape):
    """Steps of 0.01 px from 0 to 6 px move little light."""
    lens = LENS.at(**SHAPES[shape])
    spots = [lens_psf(lens, i / 100, field=CORNER, size=17) for i in range(600)]
    moved = max(float((b - a).abs().sum()) for a, b in pairwise(spots))
    assert moved < 0.05


@pytest.mark.parametrize("radius", [3.0, 8.5, 20.0])
def test_disk_is_flat_and_sharp(radius):
    spot = lens_psf(LENS, radius)
    distance = torch.hypot(*axes(spot))
    inside, outside = spot[distance < radius - 2], spot[distance > radius + 1.2]
    assert torch.allclose(inside, torch.full_like(inside, 1 / (math.pi * radius**2)), rtol=1 / radius**2)
    assert outside.max() < 5e-3 * spot.max()


@pytest.mark.parametrize("radius", [0.7, 1.3, 4.2, 15.0])
def test_disk_has_the_symmetry_of_the_grid(radius):
    spot = lens_psf(LENS, radius)
    for other in (spot.flip(0), spot.flip(1)):
        assert torch.allclose(spot, other, atol=1e-12)
    if radius > 2:  # rows are sampled, columns exact: a quarter turn agrees to the quadrature
        assert float((spot - spot.T).abs().sum()) < 0.01


# n, ρ in degrees, distance in m: √moment and vertex as ray traced (tools/raytrace/README.md)
RAY_TRACED = [
    (0, 0, 20.0, 8.16, None),
    (0, 0, 0.5, 8.62, None),
    (3, 0, 20.0, 5.78, 60.0),
    (3, 0, 0.5, 6.09, 0.2),
    (3, 20, 20.0, 5.76, 40.0),
    (3, 20, 0.5, 6.09, 100.2),
    (4, 0, 20.0, 6.67, 45.1),
    (5, 0, 20.0, 7.12, 35.9),
    (5, 0, 0.5, 7.53, 71.9),
    (5, 20, 20.0, 7.17, 16.1),
    (5, 20, 0.5, 7.53, 52.3),
    (6, 0, 20.0, 7.42, 30.5),
]


@pytest.mark.parametrize(("blades", "turn", "distance", "root", "vertex"), RAY_TRACED)
def test_blades_as_ray_traced(blades, turn, distance, root, vertex):
    lens = ThinLens(0.085, 0.8, 1.0, 0.036, blades=blades, blade_rotation_rad=math.radians(turn))
    radius = lens.coc_radius_px(torch.tensor(1 / distance, dtype=torch.float64), 96)
    spot = lens_psf(lens, radius.abs(), front=bool(radius < 0))
    ball = 0.5  # the traced light is a ball of 1 px radius
    assert math.sqrt(moment(spot) + ball) == pytest.approx(root, rel=0.012)
    if vertex is not None:
        apart = (vertex_deg(spot, blades) - vertex) % (360 / blades)
        assert min(apart, 360 / blades - apart) < 1.0


@pytest.mark.parametrize("blades", [3, 5, 7])
@pytest.mark.parametrize("front", [False, True])
def test_vertices_turn_counter_clockwise(blades, front):
    """θ = (2k + 1)π/n − ρ, plus π in front; the odd polygon's vertex at ρ = 0 points left, or right."""
    for rotation in (0.0, 0.15, -0.4):
        spot = lens_psf(LENS.at(blades=blades, blade_rotation_rad=rotation), 25.0, front)
        expected = math.degrees(math.pi / blades - rotation + math.pi * front) % (360 / blades)
        apart = (vertex_deg(spot, blades) - expected) % (360 / blades)
        assert min(apart, 360 / blades - apart) < 0.3
    plain = lens_psf(LENS.at(blades=blades), 25.0, front)
    middle = plain[len(plain) // 2].nonzero() - len(plain) // 2
    assert middle.abs().max() == (middle.max() if front else -middle.min())


@EVERY
def test_front_is_the_point_reflection(shape):
    lens = LENS.at(**SHAPES[shape])
    back, front = (lens_psf(lens, 6.3, side, CORNER) for side in (False, True))
    assert torch.equal(front, back.flip(0, 1))


@EVERY
def test_no_blur_is_the_identity(shape):
    lens = LENS.at(**SHAPES[shape])
    assert lens_psf(lens, 0.0).tolist() == [[1.0]]
    small = lens_psf(lens, 1e-3, field=CORNER)
    assert float(small[1, 1]) == pytest.approx(1, abs=1e-5)


@EVERY
@pytest.mark.parametrize("radius", [0.4, 1.13, 1.37, 2.63, 5.21])
def test_gradient_with_respect_to_the_radius(shape, radius):
    lens = LENS.at(**SHAPES[shape])
    at = torch.tensor(radius, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda r: lens_psf(lens, r, field=CORNER), at, eps=1e-7, atol=1e-5)


@EVERY
def test_gradient_is_finite_everywhere(shape):
    lens = LENS.at(**SHAPES[shape])
    for i in range(40):
        at = torch.tensor(i / 10, dtype=torch.float64, requires_grad=True)
        weight = torch.linspace(0, 1, 13).outer(torch.linspace(1, 2, 13))
        (lens_psf(lens, at, field=CORNER, size=13) * weight).sum().backward()
        assert at.grad is not None and at.grad.isfinite()


def test_type_of_the_radius_is_kept():
    assert lens_psf(LENS, 3.0).dtype == torch.float64
    assert lens_psf(LENS, torch.tensor(3.0)).dtype == torch.float32


@pytest.mark.parametrize("size", [1, 5, 31])
def test_a_size_is_kept_and_sums_to_one(size):
    spot = lens_psf(LENS, 6.0, size=size)
    assert spot.shape == (size, size) and float(spot.sum()) == pytest.approx(1)


@pytest.mark.parametrize("radius", [-1.0, float("nan"), float("inf"), torch.ones(2), torch.tensor(3)])
def test_bad_radius(radius):
    with pytest.raises(InputError, match=r"expected radius_px.*got .*try "):
        lens_psf(LENS, radius)


@pytest.mark.parametrize("size", [0, -3, 4])
def test_bad_size(size):
    with pytest.raises(InputError, match=r"expected an odd size.*got .*try "):
        lens_psf(LENS, 3.0, size=size)
