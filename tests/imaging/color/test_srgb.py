import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cocnet.imaging.color.srgb import codes_to_linear, linear_to_codes, linear_to_srgb, srgb_to_linear


@pytest.mark.parametrize(
    ("display", "linear"),
    [(0.0, 0.0), (1.0, 1.0), (0.5, 0.21404114), (0.04, 0.04 / 12.92), (10 / 255, 0.0030352698)],
)
def test_known_values(display, linear):
    x = torch.tensor([display], dtype=torch.float64)
    assert srgb_to_linear(x).item() == pytest.approx(linear, rel=1e-6)
    assert linear_to_srgb(srgb_to_linear(x)).item() == pytest.approx(display, abs=1e-6)


@given(st.floats(0, 64))
def test_round_trip_also_above_white(value):
    x = torch.tensor(value, dtype=torch.float64)
    assert srgb_to_linear(linear_to_srgb(x)).item() == pytest.approx(value, rel=1e-4, abs=1e-7)


def test_negative_becomes_black_and_shape_and_dtype_stay():
    x = -torch.rand(2, 1, 5, dtype=torch.float64)
    for function in (srgb_to_linear, linear_to_srgb):
        assert function(x).shape == x.shape
        assert function(x).dtype == x.dtype
        assert torch.count_nonzero(function(x)) == 0


def test_strictly_rising():
    x = torch.linspace(0, 4, 10_001, dtype=torch.float64)
    for function in (srgb_to_linear, linear_to_srgb):
        assert np.all(np.diff(function(x).numpy()) > 0)


def test_gradients_match_finite_differences():
    x = torch.tensor([0.001, 0.02, 0.3, 0.9, 1.7], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(srgb_to_linear, x)
    assert torch.autograd.gradcheck(linear_to_srgb, x, eps=1e-7)


def test_tables_of_codes_are_the_curve():
    codes = torch.arange(256).to(torch.uint8).view(16, 16)
    assert torch.equal(codes_to_linear(codes), srgb_to_linear(codes / 255))
    assert torch.equal(linear_to_codes(codes_to_linear(codes)), codes)
    light = torch.linspace(-0.1, 1.2, 300_001)
    exact = 255 * linear_to_srgb(light.double()).clamp(0, 1)
    off = (linear_to_codes(light).double() - exact).abs().max()
    assert 0.49 < float(off) <= 0.5 + 1e-4
