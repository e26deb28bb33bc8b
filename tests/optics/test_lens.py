"""The thin lens: Eq. 1 and what follows from it."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from cocnet.errors import InputError
from cocnet.optics import ThinLens, coc_radius_eq1

LENS = ThinLens(focal_length_m=0.05, f_number=2.0, focus_distance_m=1.5, sensor_width_m=0.036)
DISTANCES = torch.tensor([0.3, 0.8, 1.2, 1.5, 2.0, 10.0, 1e4], dtype=torch.float64)
CALIBRATIONS = pytest.mark.parametrize("calibration", ["field-of-view", "paper"])
metres = st.floats(0.2, 1000)
stops = st.floats(0.7, 32)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


@given(focus=metres, stop=stops, focal=st.floats(0.004, 0.15))
def test_eq1_three_ways(focus, stop, focal):
    aperture = focal / stop
    printed = coc_radius_eq1(focal, aperture, focus, DISTANCES)
    image_of_focus, image_of_point = (1 / (1 / focal - 1 / d) for d in (focus, DISTANCES))
    by_images = aperture / 2 * (image_of_point - image_of_focus).abs() / image_of_point
    lens = LENS.at(focal_length_m=focal, f_number=stop, focus_distance_m=focus, calibration="paper")
    ours = lens.coc_radius_m(1 / DISTANCES).abs()
    assert torch.allclose(printed, by_images, rtol=1e-6, atol=1e-12)
    assert torch.allclose(printed, ours, rtol=1e-9, atol=1e-15)


def test_eq1_by_hand():
    """A = 25 mm, f = 50 mm, P = 1 m, D = 2 m: 12.5 mm · 0.025 · 1/0.95."""
    radius = coc_radius_eq1(0.05, 0.025, 1.0, doubles(2.0))
    assert float(radius) == pytest.approx(0.0125 * 0.025 / 0.95)


@CALIBRATIONS
def test_zero_at_focus_positive_behind_negative_in_front(calibration):
    radius = LENS.at(calibration=calibration).coc_radius_m(1 / doubles(1.0, 1.5, 3.0, math.inf))
    assert radius.sign().tolist() == [-1, 0, 1, 1]


@CALIBRATIONS
def test_four_is_half_of_two(calibration):
    lens = LENS.at(calibration=calibration)
    half = lens.at(f_number=4.0).coc_radius_m(1 / DISTANCES)
    assert torch.allclose(2 * half, lens.coc_radius_m(1 / DISTANCES), rtol=1e-12)


@given(
    near=st.floats(0, 10),
    far=st.floats(0, 10),
    mix=st.floats(0, 1),
    name=st.sampled_from(["paper", "field-of-view"]),
)
def test_linear_in_inverse_depth(near, far, mix, name):
    lens = LENS.at(calibration=name)
    ends = lens.coc_radius_m(doubles(near, far))
    between = lens.coc_radius_m(doubles(near + mix * (far - near)))
    assert float(between) == pytest.approx(float(ends[0] + mix * (ends[1] - ends[0])), abs=1e-12)


@pytest.mark.parametrize("distance", [20.0, 0.5])
def test_field_of_view_is_blenders_radius(distance):
    """½·(f/N)·|D − P|/D·f/P, in pixels of sensor width / picture width."""
    lens = ThinLens(0.085, 0.8, 1.0, 0.036)
    expected = 0.5 * (0.085 / 0.8) * abs(distance - 1) / distance * 0.085 / 0.036 * 96
    assert float(lens.coc_radius_px(doubles(1 / distance), 96).abs()) == pytest.approx(expected)


def test_paper_breathes_by_p_over_p_minus_f():
    ratio = LENS.at(calibration="paper").gain_m2 / LENS.gain_m2
    assert ratio == pytest.approx(1.5 / (1.5 - 0.05))


def test_pixels_are_sensor_width_over_picture_width():
    at = doubles(0.2)
    assert torch.allclose(LENS.coc_radius_px(at, 720), LENS.coc_radius_m(at) / (0.036 / 720))


@pytest.mark.parametrize("name", ["f_number", "focus_distance_m"])
def test_a_parameter_per_picture(name):
    values, depth = torch.tensor([2.0, 4.0]), torch.rand(2, 1, 5, 7)
    together = LENS.at(**{name: values}).coc_radius_px(depth, 7)
    assert together.shape == depth.shape
    for i, value in enumerate(values):
        assert torch.allclose(
            together[i], LENS.at(**{name: float(value)}).coc_radius_px(depth[i], 7), atol=1e-6
        )


@CALIBRATIONS
def test_hyperfocal_brings_infinity_to_the_limit(calibration):
    limit, lens = 3e-5, LENS.at(calibration=calibration)
    hyperfocal = lens.hyperfocal_distance_m(limit)
    focused = lens.at(focus_distance_m=hyperfocal)
    assert 2 * float(focused.coc_radius_m(doubles(0.0))) == pytest.approx(limit)
    near, far = lens.at(focus_distance_m=hyperfocal * 1.001).depth_of_field_m(limit)
    assert far == math.inf and near == pytest.approx(hyperfocal / 2, rel=2e-3)


@CALIBRATIONS
@given(focus=st.floats(0.2, 20), stop=stops)
def test_depth_of_field_ends_at_the_limit(calibration, focus, stop):
    limit = 3e-5
    lens = LENS.at(calibration=calibration, focus_distance_m=focus, f_number=stop)
    near, far = lens.depth_of_field_m(limit)
    assert near < focus < far
    ends = [(near, -1)] if far == math.inf else [(near, -1), (far, 1)]
    for distance, sign in ends:
        assert 2 * float(lens.coc_radius_m(doubles(1 / distance))) == pytest.approx(sign * limit, rel=1e-6)
    if far == math.inf:
        assert 2 * float(lens.coc_radius_m(doubles(0.0))) <= limit * (1 + 1e-6)


def test_depth_of_field_of_tensors():
    near, far = LENS.at(
        f_number=torch.tensor([2.0, 32.0]), focus_distance_m=torch.tensor(4.0)
    ).depth_of_field_m(3e-5)
    assert isinstance(far, Tensor) and far.isfinite().tolist() == [True, False]
    assert (near < 4).all() and (far > 4).all()


def test_axial_aberration_moves_the_focus_of_red_and_blue():
    lens = LENS.at(axial_ca=0.05)
    per_px = 600 / lens.sensor_width_m
    assert lens.channel_offset_px(600) == pytest.approx(
        [per_px * offset for offset in lens.channel_offset_m()]
    )
    for offset, sign in zip(lens.channel_offset_m(), (1, 0, -1), strict=True):
        in_focus = 1 / lens.focus_distance_m + sign * lens.axial_ca
        assert float(lens.coc_radius_m(doubles(in_focus))) + offset == pytest.approx(0, abs=1e-15)


@CALIBRATIONS
@pytest.mark.parametrize("of", ["inverse depth", "focus", "f-number"])
def test_gradients(calibration, of):
    depth = doubles(0.1, 0.7, 2.0)
    calls = {
        "inverse depth": (lambda x: LENS.at(calibration=calibration).coc_radius_px(x, 100), depth),
        "focus": (
            lambda p: LENS.at(calibration=calibration, focus_distance_m=p).coc_radius_px(depth, 100),
            torch.tensor(1.3, dtype=torch.float64),
        ),
        "f-number": (
            lambda n: LENS.at(calibration=calibration, f_number=n).coc_radius_px(depth, 100),
            torch.tensor(2.8, dtype=torch.float64),
        ),
    }
    function, at = calls[of]
    assert gradcheck(function, at.requires_grad_())
    assert torch.autograd.grad(function(at).sum(), at)[0].abs().min() > 0


NAN, INF = float("nan"), float("inf")
BAD = [
    *[(name, v) for name in ("focal_length_m", "f_number", "sensor_width_m") for v in (0.0, -1.0, NAN, INF)],
    *[("focus_distance_m", v) for v in (0.0, -2.0, 0.05, 0.049, NAN, INF, torch.tensor([1.0, 0.01]))],
    ("f_number", torch.ones(2, 2)),
    ("f_number", "wide"),
    ("f_number", None),
    *[(name, v) for name in ("roundness", "cat_eye") for v in (-0.1, 1.1, NAN)],
    *[("blades", v) for v in (1, 2, -3, 4.5, 33, float("inf"))],
    *[(name, v) for name in ("axial_ca", "lateral_ca", "blade_rotation_rad") for v in (NAN, INF)],
    *[("lateral_ca", v) for v in (-0.6, 0.6, 1.0)],
    ("calibration", "blender"),
    *[("butterworth_order", v) for v in (0.0, -1.0, NAN)],
    ("aperture_picture", torch.ones(3, 4)),
    ("aperture_picture", torch.ones(3, 3, 3)),
    ("aperture_picture", torch.zeros(3, 3)),
    ("aperture_picture", -torch.eye(3)),
    ("aperture_picture", torch.full((3, 3), NAN)),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda v: str(v).replace("\n", ""))
def test_bad_values_are_named(name, value):
    with pytest.raises(InputError, match=rf"expected .*{name}.*got .*try "):
        LENS.at(**{name: value})


@pytest.mark.parametrize("limit", [0.0, -1e-5, NAN])
def test_bad_limit_of_the_circle(limit):
    for call in (LENS.hyperfocal_distance_m, LENS.depth_of_field_m):
        with pytest.raises(InputError, match="coc_limit_m"):
            call(limit)
