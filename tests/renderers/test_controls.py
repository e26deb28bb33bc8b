"""One blur for the whole picture."""

import pytest
import torch

from cocnet.renderers.controls import ConstantBlur


@pytest.mark.parametrize("size", [(1, 200), (2, 200), (200, 1), (20, 600)])
def test_the_ends_of_a_thin_picture_do_not_meet(size):
    light = torch.zeros(1, 3, *size)
    axis = 2 + (size[1] > size[0])
    light.narrow(axis, light.shape[axis] - 5, 5).fill_(1)
    out = ConstantBlur(0.016).render(light)
    assert out.narrow(axis, 0, 20).abs().max() < 1e-3
    assert out.narrow(axis, light.shape[axis] - 2, 2).min() > 0.3
