"""CoCNet: the published parameter counts, Eq. 17's identity, any size, the lens as an input."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from cocnet.errors import DepthError, InputError
from cocnet.networks import create_model
from cocnet.networks.architectures.cocnet import VARIANTS, CoCNet, CoCNetConfig
from cocnet.networks.layers.local_filter import local_filter_reference
from cocnet.networks.layers.norm import norm_relu
from cocnet.optics import ThinLens
from cocnet.renderers import NetworkRenderer
from cocnet.renderers.network import coc_map

PUBLISHED = {
    "cocnet-b3": 7_337_796,
    "cocnet-b2": 5_177_604,
    "cocnet-b3-less": 1_908_468,
    "cocnet-b2-less": 1_367_508,
    "cocnet-b3-dir": 7_071_081,
    "cocnet-b3-depth": 7_607_643,
}
SMALL = CoCNetConfig(channels=(4, 6, 8, 8, 8), groups=2, kernel_size=5)
LENS = ThinLens(0.05, 2.0, 2.0, 0.036)


def small(seed=1, **changes):
    """A small model whose weight maps are tame, so that pictures stay near 0 … 1."""
    model = CoCNet(replace(SMALL, **changes), seed)
    with torch.no_grad():
        model.weigh.weight.mul_(0.02)
    return model


def picture(*shape, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(7), dtype=dtype)


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_parameters(name, count):
    with torch.device("meta"):
        assert sum(p.numel() for p in create_model(name).parameters()) == count


def test_a_lens_costs_one_input_channel():
    with torch.device("meta"):
        for name in VARIANTS:
            if name.endswith("-lens"):
                pair = [sum(p.numel() for p in create_model(n).parameters()) for n in (name, name[:-5])]
                assert pair[0] - pair[1] == 9 * VARIANTS[name].channels[0]


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("gradients", [True, False])
def test_zero_weights_are_the_identity(name, gradients):
    model = create_model(name).start_at_identity()
    image = picture(1, 3, 16, 20)
    depth = None if model.config.conditioning == "none" else image[:, :1]
    with torch.set_grad_enabled(gradients):
        assert torch.equal(model(image, depth), image)


def naive(model, image):
    """Eq. 14–17 in stock modules."""
    levels, x, scaled, skips = len(model.decoders), image, [image], []
    templates: list[torch.Tensor] = []

    def module(parts, y):
        for part in parts:
            norm = part.norm
            y = functional.instance_norm(part.conv(y), weight=norm.weight, bias=norm.bias).relu()
        return y

    def up(y, factor):
        return functional.interpolate(y, scale_factor=factor, mode="bilinear") if factor > 1 else y

    for encoder in model.encoders:
        skips.append(module(encoder, x))
        x = functional.avg_pool2d(skips[-1], 2)
        scaled.append(functional.avg_pool2d(scaled[-1], 2))
    for level in range(levels - 1, -1, -1):
        x = module(
            model.decoders[level], x if level == levels - 1 else torch.cat([up(x, 2), skips[level]], 1)
        )
        kernels = model.phi[level](x).unflatten(1, (3, -1))
        templates.insert(0, up(local_filter_reference(scaled[level], kernels), 2**level))
    weights = model.weigh(torch.cat([image, *templates, x], 1)).chunk(levels, 1)
    return image + sum(w * t for w, t in zip(weights, templates, strict=True))


def test_equals_the_naive_network_and_its_gradients():
    model, image = small().double(), picture(2, 3, 32, 48, dtype=torch.float64)
    found = []
    for forward in (model, lambda x: naive(model, x)):
        out = forward(image)
        found.append([out.detach(), *torch.autograd.grad(out.square().sum(), list(model.parameters()))])
    for fast, slow in zip(*found, strict=True):
        assert torch.allclose(fast, slow, rtol=1e-6, atol=1e-8 * slow.abs().max().item() + 1e-9)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_norm_relu(layout):
    x = torch.randn(2, 3, 4, 3, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    norm = nn.InstanceNorm2d(3, affine=True).double()
    with torch.no_grad():
        norm.weight.uniform_(-1, 1)
        norm.bias.uniform_(-1, 1)
    assert torch.allclose(norm_relu(x, norm), norm(x).relu())
    assert torch.autograd.gradcheck(lambda y, *_: norm_relu(y, norm), (x, norm.weight, norm.bias))
    assert torch.autograd.gradgradcheck(lambda y, *_: norm_relu(y, norm), (x, norm.weight, norm.bias))


@pytest.mark.parametrize("name", ["cocnet-b3-depth", "cocnet-hybrid"])
def test_a_whole_network_is_checkpointed_and_differentiated_twice(name):
    """A step along the gradient of the gradient's norm changes that norm as much as it says."""
    model = create_model(name, channels=[4, 8], groups=1, kernel_size=3).double()
    given = [torch.rand(1, n, 12, 10, dtype=torch.float64) for n in (3, 1, 3)[: 3 if "hybrid" in name else 2]]
    parameters = list(model.parameters())
    if "hybrid" in name:
        with torch.no_grad():
            for parameter in parameters:
                parameter += 0.1 * torch.randn_like(parameter)

    def loss(call=model):
        return call(*given).square().sum()

    plain = torch.autograd.grad(loss(), parameters)
    again = torch.autograd.grad(loss(lambda *x: checkpoint(model, *x, use_reentrant=False)), parameters)
    assert all(torch.allclose(a, b) for a, b in zip(plain, again, strict=True))

    def norm():
        return sum(x.square().sum() for x in torch.autograd.grad(loss(), parameters, create_graph=True))

    before = norm()
    second = torch.autograd.grad(before, parameters)
    step = 1e-9 / float(sum(x.square().sum() for x in second).sqrt())
    with torch.no_grad():
        for parameter, along in zip(parameters, second, strict=True):
            parameter += step * along
    expected = step * float(sum(x.square().sum() for x in second))
    assert float((norm() - before).detach()) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 1), (37, 53)])
@pytest.mark.parametrize("conditioning", ["none", "depth", "lens"])
def test_any_size(size, conditioning):
    model, image = small(conditioning=conditioning), picture(2, 3, *size)
    out = model(image, image[:, :1])
    assert out.shape == image.shape and bool(out.isfinite().all())
    with torch.no_grad():
        assert torch.allclose(model(image, image[:, :1]), out, atol=1e-4)


def test_same_seed_same_weights():
    one, two, other = (small(seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not torch.equal(one["phi.0.weight"], other["phi.0.weight"])


def test_autocast():
    model, image = small(), picture(1, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        out = model(image)
        out.square().mean().backward()
        with torch.no_grad():
            strips = model(image)
    out, exact = out.detach(), model(image).detach()
    assert out.dtype == strips.dtype == torch.float32
    assert float((out - exact).abs().mean()) < 0.05 and float((strips - exact).abs().mean()) < 0.05
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters())


def test_gradient_reaches_depth_focus_and_aperture():
    model = small(conditioning="lens").double()
    image, depth = picture(1, 3, 16, 16, dtype=torch.float64), 1 + picture(1, 1, 16, 16, dtype=torch.float64)

    def loss(depth_m, focus, f_number):
        lens = LENS.at(focus_distance_m=focus, f_number=f_number)
        return NetworkRenderer(model).render(image, 1 / depth_m, lens).square().sum()

    given = [
        depth.requires_grad_(),
        *(torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (1.4, 4)),
    ]
    found = torch.autograd.grad(loss(*given), given)
    step = 1e-6
    for index, gradient in enumerate(found):
        direction = torch.randn(given[index].shape, dtype=torch.float64)
        pair = []
        for sign in (1, -1):
            moved = [x.detach() + (sign * step * direction if k == index else 0) for k, x in enumerate(given)]
            pair.append(loss(*moved).item())
        finite = (pair[0] - pair[1]) / (2 * step)
        assert bool(gradient.any())
        assert float((gradient * direction).sum()) == pytest.approx(finite, rel=1e-3, abs=1e-6)


def test_one_set_of_weights_any_lens():
    model, image, depth = small(conditioning="lens"), picture(2, 3, 16, 16), torch.full((2, 1, 16, 16), 3.0)
    lens = LENS.at(focus_distance_m=torch.tensor([1.0, 5.0]), f_number=torch.tensor([2.0, 8.0]))
    with torch.no_grad():
        both = NetworkRenderer(model).render(image, 1 / depth, lens)
        alone = NetworkRenderer(model).render(
            image[1:], 1 / depth[1:], LENS.at(focus_distance_m=5.0, f_number=8.0)
        )
    assert torch.allclose(both[1:], alone, atol=1e-5)
    half = coc_map(model, 1 / depth, LENS.at(f_number=4.0)) / coc_map(model, 1 / depth, LENS)
    assert torch.allclose(half, torch.tensor(0.5))
    assert torch.allclose(coc_map(model, 1 / depth, LENS) * 32, LENS.coc_radius_px(1 / depth, 16))


def test_light_above_white_survives():
    model = small(conditioning="lens").start_at_identity()
    light, depth = picture(1, 3, 16, 16) * 50, torch.full((1, 1, 16, 16), torch.inf)
    with torch.no_grad():
        assert torch.allclose(
            NetworkRenderer(model).render(light, 1 / depth, LENS), light, rtol=1e-4, atol=1e-5
        )


def test_bad_input_is_named():
    image = picture(1, 3, 16, 16)
    with pytest.raises(InputError, match=r"image \[b 3 h w\]"):
        small()(image[0])
    with pytest.raises(DepthError, match="got none"):
        small(conditioning="depth")(image)
    with pytest.raises(DepthError, match=r"\[1, 1, 16, 16\]"):
        small(conditioning="depth")(image, image)
    with pytest.raises(InputError, match="got none, try"):
        NetworkRenderer(small(conditioning="lens")).render(image, image[:, :1])
    with pytest.raises(DepthError, match="got none, try"):
        NetworkRenderer(small(conditioning="lens")).render(image, lens=LENS)
