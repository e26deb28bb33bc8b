"""Victims without training: linear ones whose answers can be written by hand."""

import pytest
import torch
from torch import nn


class Linear(nn.Module):
    """Logits W·x + b of a picture's mean colours; counts the pictures that it was shown."""

    def __init__(self, weight, bias):
        super().__init__()
        self.layer = nn.Linear(3, len(weight))
        self.layer.weight.data, self.layer.bias.data = torch.tensor(weight), torch.tensor(bias)
        self.seen = 0
        self.eval()

    def forward(self, x):
        self.seen += len(x)
        return self.layer(x.mean((2, 3)))


@pytest.fixture
def linear():
    """Class 0 where red is above 0.5, else class 1; green and blue say nothing."""
    return Linear([[4.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [-2.0, 0.0])


@pytest.fixture
def untouched():
    """A context that asserts that a victim's weights, gradients and mode stay as they are."""
    return Untouched


class Untouched:
    def __init__(self, victim):
        self.victim = victim

    def __enter__(self):
        self.before = {name: tensor.clone() for name, tensor in self.victim.state_dict().items()}
        self.modes = [module.training for module in self.victim.modules()]
        self.asked = [parameter.requires_grad for parameter in self.victim.parameters()]

    def __exit__(self, *_):
        after = self.victim.state_dict()
        assert all(torch.equal(after[name], tensor) for name, tensor in self.before.items())
        assert [module.training for module in self.victim.modules()] == self.modes
        assert [parameter.requires_grad for parameter in self.victim.parameters()] == self.asked
        assert all(parameter.grad is None for parameter in self.victim.parameters())
