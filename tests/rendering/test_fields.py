"""Lateral aberration by its formula, windows by their places, and lenses with a value for each picture."""

import pytest
import torch
from scenes import inverse_of, lens_of

from cocnet import PhysicalRenderer
from cocnet.rendering.fields import Window, magnified


def plane(height, width, top=0, left=0):
    """A picture that is linear in the places of its pixels, so that moving it by a part of a pixel is exact."""
    rows, columns = torch.arange(height)[:, None] + top + 0.5, torch.arange(width) + left + 0.5
    return (0.1 + 0.02 * rows + 0.007 * columns).double().expand(1, 3, height, width)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (5, 9)])
@pytest.mark.parametrize("lateral_ca", [0.03, -0.02])
def test_red_is_enlarged_about_the_middle_of_the_whole_and_blue_reduced(top, left, lateral_ca):
    window = Window(top, left, 40, 60)
    found = magnified(plane(30, 44, top, left), lateral_ca, window)[0]
    rows = torch.arange(30)[:, None] + top + 0.5 - 20
    columns = torch.arange(44) + left + 0.5 - 30
    for channel, scale in enumerate((1 + lateral_ca, 1.0, 1 - lateral_ca)):
        expected = 0.1 + 0.02 * (rows / scale + 20) + 0.007 * (columns / scale + 30)
        inside = (slice(2, -2), slice(2, -2))
        assert torch.allclose(found[channel][inside], expected.double()[inside], atol=1e-6)


def test_a_window_of_larger_pixels_covers_the_whole():
    assert Window(8, 12, 41, 60).smaller(2) == Window(4, 6, 21, 30)
    assert Window.of(torch.zeros(1, 3, 5, 7)) == Window(0, 0, 5, 7)


@pytest.mark.parametrize("name", ["f_number", "focus_distance_m"])
def test_pictures_of_a_batch_have_axial_aberration_of_their_own(name):
    image = torch.rand(2, 3, 12, 20, generator=torch.Generator().manual_seed(0))
    inverse = inverse_of(lens_of(), torch.linspace(-2, 2, 20).expand(2, 1, 12, 20), 20)
    values = torch.tensor([1.2, 2.9])
    lens = lens_of(axial_ca=0.1)
    together = PhysicalRenderer(lens.at(**{name: values})).from_inverse_depth(image, inverse)
    for i, value in enumerate(values):
        alone = PhysicalRenderer(lens.at(**{name: float(value)}))
        assert torch.allclose(
            together[i], alone.from_inverse_depth(image[i : i + 1], inverse[i : i + 1])[0], atol=1e-4
        )
