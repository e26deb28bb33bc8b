"""GDepth's units: metres are promised only where the phone names them and a portrait can be at that distance."""

import numpy as np
import pytest

from cocnet.imaging.embedded.gdepth import decode_range, range_coding
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.plan import prepare

SHARE = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)


def decoded(near, far, units=None, form="RangeLinear"):
    fields = {"Near": str(near), "Far": str(far), "Format": form} | (
        {} if units is None else {"Units": units}
    )
    return decode_range(SHARE, range_coding(fields), "a test")


@pytest.mark.parametrize(
    ("units", "metres"),
    [
        ("m", 1.0),
        ("M", 1.0),
        ("Meters", 1.0),
        ("metres", 1.0),
        ("cm", 0.01),
        ("mm", 0.001),
        ("millimeters", 0.001),
        ("Millimetres", 0.001),
    ],
)
def test_units_of_length(units, metres):
    depth = decoded(500, 4000, units)
    assert (depth.kind, depth.accuracy) == ("metric", "absolute")
    assert np.allclose(depth.values, (500 + SHARE * 3500) * metres, rtol=1e-6)


@pytest.mark.parametrize("units", [None, "", "None", "furlongs"])
@pytest.mark.parametrize("form", ["RangeLinear", "RangeInverse"])
def test_without_units_there_is_no_scale_but_proportion(units, form):
    depth = decoded(18.85, 633.3, units, form)
    assert (depth.kind, depth.accuracy) == ("relative_depth", "relative")
    assert depth.span_m == pytest.approx((1.0, 633.3 / 18.85), rel=1e-5)
    placed = depth.depth_m(*depth.span_m)
    assert np.allclose(placed, depth.values / 18.85, rtol=1e-3)


def test_a_flower_without_units_is_not_27_m_away(make, open_bytes):
    codes = np.full((48, 64), 240, np.uint8)
    codes[10:48, 20:44] = 63
    photo = make.encoded(np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8), "JPEG")
    xmp = make.gdepth_xmp(make.encoded(codes, "PNG"), "18.85", "633.3")
    phone = open_bytes(make.with_xmp(photo, xmp.replace(b'GDepth:Units="m"', b"")))
    settings = prepare(phone, None, RenderOptions(focus_point=(0.5, 0.6), f_number=1.4)).settings
    assert settings.depth_kind == "relative_depth" and settings.focus_m.value == pytest.approx(1.0, rel=0.01)
    assert settings.largest_blur_radius_px > 5


def test_diopters_are_inverse_metres():
    depth = decoded(0.2, 2.0, "Diopters")
    assert (depth.kind, depth.accuracy) == ("disparity", "absolute")
    assert np.allclose(depth.inverse_depth(), 0.2 + SHARE * 1.8, rtol=1e-5)


@pytest.mark.parametrize(("near", "far"), [(0.05, 0.12), (0.12, 0.05)])
@pytest.mark.parametrize("form", ["RangeLinear", "RangeInverse"])
def test_diopters_that_give_a_portrait_no_blur_are_relative(near, far, form):
    depth = decoded(near, far, "diopters", form)
    assert (depth.kind, depth.accuracy) == ("relative_disparity", "relative")
    inverse = depth.inverse_depth(1, 10)
    assert inverse.max() == pytest.approx(1.0) and inverse.min() == pytest.approx(0.1)
    assert (inverse[0, 0] < inverse[-1, -1]) == (near < far)


@pytest.mark.parametrize("form", ["RangeLinear", "RangeInverse"])
@pytest.mark.parametrize(
    ("near", "far", "units", "fine"),
    [
        (1, 2, "m", True),
        (1, 1, "m", False),
        (2, 1, "m", False),
        (0, 1, "m", False),
        (-1, 1, "m", False),
        (1e-6, 1, "m", True),
        (1, float("inf"), "m", False),
        (2, 1, "diopters", True),
        (1, 1, "diopters", False),
        (-0.1, 1, "diopters", False),
    ],
)
def test_ranges_that_give_depth(near, far, units, form, fine):
    if fine:
        assert decoded(near, far, units, form).valid.all()
    else:
        with pytest.raises(ValueError, match="impossible"):
            decoded(near, far, units, form)


@pytest.mark.parametrize("form", ["RangeLinear", "RangeInverse"])
def test_zero_diopters_are_infinity_where_the_format_allows(form):
    if form == "RangeLinear":
        assert decoded(0, 0.5, "diopters", form).values[0, 0] == 0
    else:
        with pytest.raises(ValueError, match="RangeInverse from Near 0"):
            decoded(0, 0.5, "diopters", form)


@pytest.mark.parametrize(("spread", "kind"), [(0.21, "disparity"), (0.19, "relative_disparity")])
def test_a_fifth_of_a_diopter_is_the_narrowest_portrait(spread, kind):
    assert decoded(1, 1 + spread, "diopters").kind == kind


def test_one_distance_everywhere():
    flat = np.full((2, 2), 0.5, np.float32)
    coding = range_coding({"Near": "1", "Far": "3", "Units": "diopters", "Format": "RangeLinear"})
    assert decode_range(flat, coding, "x").kind == "disparity"
    coding = range_coding({"Near": "1", "Far": "3", "Format": "RangeLinear"})
    assert decode_range(flat, coding, "x").span_m is None
