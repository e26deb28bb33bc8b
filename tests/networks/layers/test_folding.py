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
    assert not any(p.requires_grad for p in quick.parameters())
    assert not any(part.training for part in quick.modules())


def test_a_norm_without_statistics_stays():
    row = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False))
    assert norms(frozen(row)) == 1


class Block(nn.Module):
    """Convolutions and norms named as in torchvision's residual blocks, in the order of `flow`."""

    def __init__(self, flow):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.bn1, self.bn2, self.relu = nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.ReLU()
        self.flow = flow

    def forward(self, x):
        return self.flow(self, x).mean((2, 3))


def pre_activation(b, x):
    return b.conv2(b.relu(b.bn2(b.conv1(b.relu(b.bn1(x))))))


def norm_after_relu(b, x):
    return b.bn2(b.relu(b.conv2(b.bn1(b.relu(b.conv1(x))))))


def output_used_twice(b, x):
    y = b.conv1(x)
    return b.bn1(y) + y


def called_twice(b, x):
    return b.bn2(b.conv1(b.bn1(b.conv1(x))))


def weight_used_elsewhere(b, x):
    return b.bn1(b.conv1(x)) + nn.functional.conv2d(x, b.conv1.weight, padding=1)


def branching_on_values(b, x):
    return b.bn1(b.conv1(x)) if x.mean() > 2 else b.conv2(x)


def plain(b, x):
    return b.bn1(b.conv1(x))


FLOWS = {
    pre_activation: 1,
    norm_after_relu: 0,
    output_used_twice: 0,
    called_twice: 0,
    weight_used_elsewhere: 0,
    branching_on_values: 0,
    plain: 1,
}


@pytest.mark.parametrize(("flow", "folded"), FLOWS.items(), ids=lambda x: getattr(x, "__name__", x))
def test_data_flow_decides_and_names_do_not(flow, folded):
    network = Block(flow)
    for norm in (network.bn1, network.bn2):
        for tensor in (norm.weight, norm.running_var):
            nn.init.uniform_(tensor, 0.3, 3)
        for tensor in (norm.bias, norm.running_mean):
            nn.init.uniform_(tensor, -1, 1)
    quick, x = frozen(network), torch.rand(2, 3, 32, 32)
    assert torch.allclose(quick(x), network.eval()(x), atol=1e-5)
    assert norms(network) - norms(quick) == folded


def test_rows_are_folded_at_any_depth():
    row = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1)), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()))
    assert norms(frozen(row)) == 0


def test_the_network_is_left_as_it_was():
    network = get_model("resnet18", num_classes=3).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    frozen(network)
    after = network.state_dict()
    assert network.training and all(p.requires_grad for p in network.parameters())
    assert list(after) == list(before) and all(torch.equal(after[name], before[name]) for name in before)


def test_a_network_that_takes_no_pictures_is_not_folded():
    row = nn.Sequential(nn.Conv2d(5, 4, 1), nn.BatchNorm2d(4))
    assert norms(frozen(row)) == 1
