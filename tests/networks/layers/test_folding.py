"""A frozen network is the network it was: outputs, gradients by its input, nothing to train."""

import copy

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from cocnet.networks.layers.folding import frozen

FAMILIES = {
    "mobilenet_v2": 52,
    "mobilenet_v3_small": 34,
    "resnet18": 20,
    "resnet50": 53,
    "shufflenet_v2_x0_5": 56,
    "mnasnet0_5": 52,
    "densenet121": 59,
    "efficientnet_b0": 49,
    "regnet_y_400mf": 53,
    "squeezenet1_1": 0,
}


def random_network(name):
    """A network whose norms have statistics, as after a training."""
    torch.manual_seed(0)
    network = get_model(name, num_classes=10).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.double()


def norms(network):
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(("name", "folded"), FAMILIES.items())
def test_outputs_and_gradients_stay(name, folded):
    network = random_network(name)
    quick = frozen(copy.deepcopy(network))
    assert norms(network) - norms(quick) == folded
    x = torch.rand(2, 3, 64, 64, dtype=torch.float64, requires_grad=True)
    results = []
    for each in (network, quick):
        y = each(x)
        results.append((y.detach(), torch.autograd.grad(y.square().sum(), x)[0]))
    (y, g), (z, h) = results
    assert torch.allclose(y, z, rtol=1e-9, atol=1e-12) and g.abs().max() > 0
    assert torch.allclose(g, h, rtol=1e-7, atol=1e-9 * float(g.abs().max()))
    assert not any(p.requires_grad for p in quick.parameters()) and not quick.training


def test_a_norm_without_statistics_stays():
    row = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False))
    assert norms(frozen(row)) == 1
