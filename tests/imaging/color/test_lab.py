"""Lab against scikit-image, and there and back."""

import numpy as np
import pytest
import torch
from skimage import color, data

from cocnet.imaging.color.lab import lab_to_srgb, srgb_to_lab

PICTURE = np.concatenate([data.coffee()[::8, ::8][:40, :40], np.eye(40)[..., None].repeat(3, 2) * 255]) / 255


def planes(array):
    return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)[None]


def test_lab_is_scikit_images():
    assert torch.allclose(srgb_to_lab(planes(PICTURE)), planes(color.rgb2lab(PICTURE)), atol=1e-4)


@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")
def test_and_back_also_outside_the_gamut():
    lab = color.rgb2lab(PICTURE)
    lab[..., 1:] += np.linspace(-120, 120, 80)[:, None, None]
    expected = planes(color.lab2rgb(lab)).clamp(0, 1)
    assert torch.allclose(lab_to_srgb(planes(lab)), expected, atol=1e-4)


def test_there_and_back_and_its_gradient():
    rgb = torch.rand(2, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(lab_to_srgb(srgb_to_lab(rgb)), rgb, atol=1e-6)
    assert torch.autograd.gradcheck(srgb_to_lab, 0.1 + 0.8 * rgb.detach().requires_grad_())
