"""The network of subjects: sizes, features, gradients through frozen kernels, weights of the published port."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.networks.architectures.depth_subject_net import (
    DepthSubjectNet,
    count_parameters,
    padded_multiple,
)
from cocnet.networks.architectures.efficientnet_lite import (
    EfficientNetLite,
    InvertedBlock,
    SameConv,
    from_published,
)


def test_size_and_shape():
    network = DepthSubjectNet().eval()
    assert count_parameters(network) < 4_000_000
    with torch.no_grad():
        rgb = torch.rand(1, 3, 64, 96)
        assert [tuple(x.shape) for x in network(rgb)] == [(1, 1, 64, 96)] * 2
        found = network.outputs(rgb)
    assert [tuple(logits.shape[-2:]) for logits in found.logits] == [(64, 96), (8, 12), (2, 3)]
    assert found.disparity.shape == (1, 1, 16, 24)


def test_the_mask_is_the_mean_of_both_decoders_and_disparity_is_its_own():
    network = DepthSubjectNet("lite0").eval()
    rgb = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        before, parts = network(rgb), network.outputs(rgb)
        network.depth.head.bias += torch.tensor([9.0, 4.0])
        after = network(rgb)
    second = functional.interpolate(parts.second_logits, (32, 32), mode="bilinear", align_corners=False)
    assert torch.allclose(before[0], (parts.logits[0] + second) / 2, atol=1e-5)
    assert torch.allclose(after[0] - before[0], torch.tensor(2.0), atol=1e-4)
    assert torch.allclose(after[1] - before[1], torch.tensor(9.0), atol=1e-4)


def test_features_come_at_five_scales():
    encoder = EfficientNetLite("lite0")
    features = encoder(torch.rand(1, 3, 64, 64))
    assert [f.shape[-1] for f in features] == [32, 16, 8, 4, 2]
    assert tuple(f.shape[1] for f in features) == encoder.channels == (16, 24, 40, 112, 320)
    with pytest.raises(InputError, match="try lite1"):
        EfficientNetLite("lite9")


def test_blocks_are_left_out_in_training_only():
    torch.manual_seed(0)
    block = InvertedBlock(8, 8, 3, 1, 4, dropped=0.5)
    x = torch.rand(64, 8, 4, 4)
    whole = block.eval()(x)
    some = block.train()(x)
    left_out = (some == x).flatten(1).all(1)
    assert 16 < int(left_out.sum()) < 48
    assert torch.allclose((some - x)[~left_out], 2 * (whole - x)[~left_out], atol=1e-6)


def test_dropout_is_that_of_both_decoders():
    drops = [m.p for m in DepthSubjectNet("lite0", dropout=0.3).modules() if isinstance(m, nn.Dropout2d)]
    assert drops == [0.3, 0.3]


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (5, 1), (3, 2), (5, 2)])
def test_gradients_through_a_frozen_depthwise_kernel_are_the_same(kernel, stride):
    torch.manual_seed(0)
    conv = SameConv(6, 6, kernel, stride, kernel // 2 if stride == 1 else 0, groups=6).double()
    x = torch.rand(2, 6, 16, 12, dtype=torch.float64, requires_grad=True)
    weight = torch.rand_like(conv(x))
    expected = torch.autograd.grad((conv(x) * weight).sum(), x)[0]
    conv.requires_grad_(False)
    assert torch.allclose(torch.autograd.grad((conv(x) * weight).sum(), x)[0], expected)


@pytest.mark.parametrize("depthwise", [True, False])
def test_frozen_parts_get_no_gradient_and_the_rest_does(depthwise):
    network = DepthSubjectNet("lite0")
    network.freeze_early(depthwise)
    sum(plane.sum() for plane in network(torch.rand(2, 3, 32, 32))).backward()
    named = dict(network.named_parameters())
    assert named["encoder.stem.weight"].grad is None
    assert (named["encoder.stages.4.0.depthwise.weight"].grad is None) == depthwise
    assert named["encoder.stages.4.0.expand.weight"].grad.abs().sum() > 0


def test_published_weights_fold_their_norms():
    """A port's state with one block's norms at random equals convolution and norm one after the other."""
    encoder = EfficientNetLite("lite0")
    state, norms = {}, {}
    for name, module in encoder.named_modules():
        if isinstance(module, SameConv):
            conv, norm = _port_names(name, encoder)
            norms[name] = nn.BatchNorm2d(module.out_channels, eps=1e-3)
            nn.init.uniform_(norms[name].weight, 0.5, 1.5)
            nn.init.uniform_(norms[name].running_mean, -0.2, 0.2)
            nn.init.uniform_(norms[name].running_var, 0.5, 2)
            state[f"{conv}.weight"] = module.weight.detach().clone()
            state |= {f"{norm}.{key}": value for key, value in norms[name].state_dict().items()}
    folded = from_published(state)
    assert set(folded) == set(encoder.state_dict())
    x = torch.rand(1, 3, 32, 32)
    plain = functional.conv2d(functional.pad(x, (0, 1, 0, 1)), state["_conv_stem.weight"], stride=2)
    encoder.load_state_dict(folded)
    assert torch.allclose(encoder.stem(x), norms["stem"].eval()(plain), atol=1e-5)
    del state["_bn0.weight"]
    with pytest.raises(InputError, match="_bn0"):
        from_published(state)
    with pytest.raises(InputError, match="0 blocks"):
        from_published({})


def _port_names(name, encoder):
    if name == "stem":
        return "_conv_stem", "_bn0"
    _, stage, place, part = name.split(".")
    block = sum(len(encoder.stages[i]) for i in range(int(stage))) + int(place)
    return (
        f"_blocks.{block}._{part}_conv",
        f"_blocks.{block}._bn{('expand', 'depthwise', 'project').index(part)}",
    )


def test_sizes_are_multiples_of_32():
    assert [padded_multiple(n) for n in (1, 40, 49, 320.4)] == [32, 32, 64, 320]
