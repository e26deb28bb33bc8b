"""Aperture shapes: rounded blades, Butterworth, the cat's eye, a user's picture."""

import math

import pytest
import torch

from cocnet.errors import InputError
from cocnet.optics import ThinLens, butterworth, lens_psf, moment_share

LENS = ThinLens(focal_length_m=0.05, f_number=2.0, focus_distance_m=1.5, sensor_width_m=0.036)


def disc_picture(side):
    """Coverage of the inscribed disc, by 8 × 8 samples a cell."""
    at = (2 * torch.arange(8 * side) + 1) / (8 * side) - 1
    inside = (at[:, None] ** 2 + at**2 <= 1).float()
    return torch.nn.functional.avg_pool2d(inside[None], 8)[0]


def axes(spot):
    at = torch.arange(len(spot), dtype=spot.dtype) - len(spot) // 2
    return at.expand(len(spot), -1), at[:, None].expand(-1, len(spot))


def test_full_roundness_is_the_disk():
    round_blades = LENS.at(blades=6, roundness=1.0)
    assert torch.equal(lens_psf(round_blades, 7.7), lens_psf(LENS, 7.7))
    nearly = lens_psf(LENS.at(blades=6, roundness=0.999), 7.7)
    assert float((nearly - lens_psf(LENS, 7.7)).abs().sum()) < 0.02


def test_roundness_grows_the_polygon_towards_the_circle():
    shares = [moment_share(LENS.at(blades=5, roundness=r)) for r in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert shares == sorted(shares) and len(set(shares)) == 5


@pytest.mark.parametrize("radius", [1.4, 5.0, 18.6])
def test_butterworth_becomes_the_disk(radius):
    disk = lens_psf(LENS, radius)
    apart = [
        float((lens_psf(LENS.at(butterworth_order=n), radius) - disk).abs().sum()) for n in (2.0, 10.0, 1e4)
    ]
    assert apart[0] > apart[1] > apart[2] and apart[2] < 0.01


def test_butterworth_is_eq2():
    """Within the disk the spot is in proportion to 1/(1 + (ρ/r)^(2n)); half at the rim."""
    spot = lens_psf(LENS.at(butterworth_order=2.0), 30.0)
    middle = len(spot) // 2
    profile = spot[middle, middle : middle + 27] / spot[middle, middle]
    at = torch.arange(27, dtype=torch.float64) / 30
    assert torch.allclose(profile, butterworth(at**2, 2.0), atol=0.01)
    assert float(butterworth(torch.tensor(1.0), 5.0)) == 0.5


def test_cats_eye_leaves_the_middle_and_shrinks_to_the_corner():
    lens = LENS.at(cat_eye=0.6)
    assert torch.equal(lens_psf(lens, 20.0), lens_psf(LENS, 20.0))
    areas = []
    for place in (0.0, 0.5, 1.0):
        spot = lens_psf(lens, 20.0, field=(0.8 * place, 0.6 * place))
        areas.append(1 / float(spot[spot > spot.max() / 2].median()))
    shift = 0.6 / 2
    overlap = 2 * math.acos(shift) - 2 * shift * math.sqrt(1 - shift**2)
    assert areas[0] > areas[1] > areas[2]
    assert areas[2] / areas[0] == pytest.approx(overlap / math.pi, rel=0.01)


@pytest.mark.parametrize("front", [False, True])
def test_cats_eye_cuts_the_outer_side_behind_the_focus(front):
    spot = lens_psf(LENS.at(cat_eye=0.6), 20.0, front, (1.0, 0.0))
    x, y = axes(spot)
    across, along = float((spot * x).sum()), float((spot * y).sum())
    assert across == pytest.approx(6.0 if front else -6.0, abs=0.1) and abs(along) < 1e-9


@pytest.mark.parametrize("radius", [2.0, 6.5, 20.0])
@pytest.mark.parametrize("side", [33, 64])
def test_picture_of_a_disc_is_the_disk(radius, side):
    spot = lens_psf(LENS.at(aperture_picture=disc_picture(side)), radius)
    assert float((spot - lens_psf(LENS, radius)).abs().sum()) < 0.06


def test_picture_keeps_its_orientation():
    """A light at the picture's top right stays there behind the focus, and goes to the bottom left in front."""
    picture = torch.zeros(4, 4)
    picture[0, 3] = 1
    lens = LENS.at(aperture_picture=picture)
    for front, sign in ((False, 1), (True, -1)):
        spot = lens_psf(lens, 12.0, front)
        x, y = axes(spot)
        assert float((spot * x).sum()) == pytest.approx(9 * sign, rel=0.03)
        assert float((spot * y).sum()) == pytest.approx(-9 * sign, rel=0.03)


@pytest.mark.parametrize("of", [{}, {"blades": 6}, {"aperture_picture": disc_picture(32)}])
def test_a_squeezed_spot_is_so_many_times_taller_than_wide(of):
    lens = LENS.at(squeeze=2.0, **of)
    spot = lens_psf(lens, 24.0)
    x, y = axes(spot)
    tall, wide = float((spot * y**2).sum()), float((spot * x**2).sum())
    upright = lens_psf(LENS.at(**of), 24.0)
    assert float(spot.sum()) == pytest.approx(1)
    assert tall == pytest.approx(float((upright * y**2).sum()), rel=0.01)
    assert wide == pytest.approx(float((upright * x**2).sum()) / 4, rel=0.03)
    for radius in (0.3, 1.0, 5.0):
        small, share = lens_psf(lens, radius), moment_share(lens)
        x, y = axes(small)
        assert float((small * (x**2 + y**2)).sum()) == pytest.approx(share * radius**2, rel=0.02)


def test_no_squeeze_below_1():
    with pytest.raises(InputError, match="squeeze"):
        LENS.at(squeeze=0.5)
