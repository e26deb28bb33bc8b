"""The deblurring hybrid: its filters undo discs, what a pixel sees, what is refused."""

import math

import pytest
import torch
from torch.nn import functional

from cocnet import create_model
from cocnet.errors import InputError
from cocnet.networks.architectures.deblur_hybrid import wiener_filters
from cocnet.optics import ThinLens, lens_psf

LENS = ThinLens(0.05, 1.8, 2.0, 0.036)


def blurred(picture, radius):
    spot = lens_psf(LENS, radius).float()
    wide = functional.pad(picture, [len(spot) // 2] * 4, mode="replicate")
    return functional.conv2d(wide, spot.expand(3, 1, -1, -1), groups=3)


@pytest.fixture
def picture():
    """Squares of 12 px."""
    draws = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    return functional.interpolate(draws, (96, 96), mode="nearest")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_filter_sharpens_its_own_disc_best(picture, number):
    model = create_model("deblur-hybrid")
    soft = blurred(picture, model.radii_px[number])
    inner = (..., slice(24, 72), slice(24, 72))
    errors = [
        float((soft + change - picture)[inner].square().mean()) for change in model.changes(soft).unbind(1)
    ]
    assert errors.index(min(errors)) == number
    assert min(errors) < 0.7 * float((soft - picture)[inner].square().mean())


def test_the_weights_blend_what_the_filters_change(picture):
    model = create_model("deblur-hybrid").eval()
    with torch.no_grad():
        model.last.bias[4 * 3 + 4 : 4 * 3 + 8] = 0.5  # the second filter, all four pixels of a square
        model.last.bias[:4] = 0.1  # red
        found = model(picture) - picture
        expected = math.tanh(0.5) * model.changes(picture)[:, 1] + torch.tensor([0.1, 0, 0]).view(1, 3, 1, 1)
    assert torch.allclose(found, expected, atol=1e-6)


def test_a_pixel_sees_no_further_than_its_margin():
    torch.manual_seed(0)
    model = create_model("deblur-hybrid", widths=(4, 4, 4), blocks=(1, 1, 2), radii_px=(1.0, 2.0)).double()
    torch.nn.init.normal_(model.last.weight)
    assert model.margin_px <= 80
    image = torch.rand(1, 3, 176, 176, dtype=torch.float64, requires_grad=True)
    for at in (80, 83, 87):
        (grad,) = torch.autograd.grad(model(image)[0, 0, at, at].square(), image)
        seen = (grad.abs().sum((0, 1)) > 1e-12 * float(grad.abs().max())).nonzero()
        assert model.margin_px - 14 <= int((seen - at).abs().max()) <= model.margin_px


def test_filters_have_sum_one_and_are_symmetric():
    for kernel in wiener_filters((1.0, 4.0)):
        assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)
        assert torch.allclose(kernel, kernel.flip(0, 1), atol=1e-5)


@pytest.mark.parametrize(
    "bad",
    [
        {"widths": (8,), "blocks": (1,)},
        {"widths": (8, 8), "blocks": (1,)},
        {"widths": (8, 0), "blocks": (1, 1)},
        {"radii_px": ()},
        {"radii_px": (0.2, 3)},
        {"radii_px": (3, 99)},
    ],
)
def test_impossible_sizes_are_refused(bad):
    with pytest.raises(InputError, match="expected"):
        create_model("deblur-hybrid", **bad)
