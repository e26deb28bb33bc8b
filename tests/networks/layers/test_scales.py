"""Pictures at twice the scale: their gradients are those of PyTorch's own operation."""

import pytest
import torch
from torch.nn import functional

from cocnet.networks.layers.scales import enlarged

SIZES = [(2, 16, 9, 7), (1, 3, 1, 1), (1, 5, 1, 4), (1, 1, 2, 2)]


def picture(shape):
    made = torch.Generator().manual_seed(1)
    return torch.rand(shape, generator=made).contiguous(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("shape", SIZES)
def test_doubled_has_the_plain_gradient(shape):
    found = []
    for double in (
        lambda x: enlarged(x, 2),
        lambda x: functional.interpolate(x, scale_factor=2.0, mode="bilinear"),
    ):
        x = picture(shape)
        large = double(x)
        found.append([large, *torch.autograd.grad(large.sin().sum(), x)])
    assert found[0][0].shape[2:] == (2 * shape[2], 2 * shape[3])
    assert all(torch.allclose(fast, slow, atol=1e-6) for fast, slow in zip(*found, strict=True))


def test_part_of_a_picture_and_gradients_of_gradients():
    found = []
    for double in (
        lambda x: enlarged(x, 2),
        lambda x: functional.interpolate(x, scale_factor=2.0, mode="bilinear"),
    ):
        x = picture((2, 8, 5, 6))
        joined = torch.cat([double(x), double(x).square()], 1)
        (slope,) = torch.autograd.grad(joined[:, 3:12].sin().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), x)[0])
    assert torch.allclose(*found, rtol=1e-4, atol=1e-5)


def test_autocast_keeps_its_precision():
    x = picture((1, 4, 6, 6))
    (expected,) = torch.autograd.grad(enlarged(x, 2).sin().sum(), x)
    with torch.autocast("cpu", torch.bfloat16):
        (found,) = torch.autograd.grad(enlarged(x, 2).sin().sum(), x)
    assert found.dtype == torch.float32 and torch.allclose(found, expected, atol=1e-5)
