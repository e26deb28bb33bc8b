"""EfficientNet-Lite as a classifier: TensorFlow's padding on every size, the head of the published port."""

import pytest
import torch
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.networks.architectures.efficientnet_lite import (
    LiteClassifier,
    SameConv,
    classifier_from_published,
)


@pytest.mark.parametrize("size", [7, 8, 15, 16])
@pytest.mark.parametrize("kernel", [3, 5])
def test_same_padding_of_odd_and_even_sizes(kernel, size):
    """⌈n/2⌉ places; the window of place i starts at 2i − ⌊total/2⌋, total = 2(⌈n/2⌉ − 1) + k − n."""
    conv = SameConv(1, 1, kernel, 2)
    x = torch.rand(1, 1, size, size + 1)
    y = conv(x)
    assert y.shape[-2:] == (-(-size // 2), -(-(size + 1) // 2))
    before = [(2 * (m - 1) + kernel - n) // 2 for n, m in zip(x.shape[-2:], y.shape[-2:], strict=True)]
    wide = functional.pad(x, (before[1], kernel, before[0], kernel))
    i, j = y.shape[2] - 1, y.shape[3] - 1
    window = wide[0, 0, 2 * i : 2 * i + kernel, 2 * j : 2 * j + kernel]
    assert torch.allclose(y[0, 0, i, j], (window * conv.weight[0, 0]).sum() + conv.bias[0], atol=1e-6)


@pytest.mark.parametrize("size", [32, 33, 75])
def test_any_size_gives_logits_and_a_gradient(size):
    network = LiteClassifier("lite0", classes=7).requires_grad_(False)
    x = torch.rand(2, 3, size, size + 5, requires_grad=True)
    y = network(x)
    assert y.shape == (2, 7) and torch.autograd.grad(y.sum(), x)[0].abs().max() > 0


def test_a_state_without_a_head_is_refused():
    with pytest.raises(InputError, match="0 blocks"):
        classifier_from_published({})
