"""The hybrid: untrained it is the physical renderer; it keeps constant pictures and light; strips are the whole."""

import pytest
import torch
from scenes import lens_of

from cocnet import Highlights, PhysicalRenderer, create_model
from cocnet.errors import InputError
from cocnet.networks.local_filter import local_filter, local_filter_reference
from cocnet.neural import render_network, with_physics

TINY = {"channels": [4, 8, 8], "groups": 1, "kernel_size": 5}


def stirred(seed=0):
    """A hybrid whose weights of the templates are not zero."""
    model = create_model("cocnet-hybrid", **TINY)
    made = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.weigh.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=made) * 0.3)
    return model.eval()


def given(height=24, width=40):
    made = torch.Generator().manual_seed(1)
    return [torch.rand(2, c, height, width, generator=made) for c in (3, 1, 3)]


@torch.no_grad()
def test_untrained_it_is_the_physical_renderer():
    image, _, _ = given()
    depth = torch.linspace(0.5, 3, 40).expand(2, 1, 24, 40)
    lens = lens_of(sensor_width_m=0.004)
    model = create_model("cocnet-hybrid", **TINY)
    expected = PhysicalRenderer(lens)(image, depth)
    assert torch.allclose(with_physics(model, image, depth, lens), expected, atol=1e-5)
    one = render_network(model, image[0], 1 / depth[0, 0], lens)
    expected = PhysicalRenderer(lens, highlights=Highlights())(image, depth)
    assert torch.allclose(one, expected[0], atol=1e-5)


@torch.no_grad()
def test_constant_colours_stay():
    colour = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None].expand(2, 3, 24, 40)
    out = stirred()(colour, given()[1], colour)
    assert torch.allclose(out, colour, atol=1e-5)


def test_strips_are_the_whole(monkeypatch):
    model, inputs = stirred(), given(48, 32)
    whole = model(*inputs).detach()
    monkeypatch.setattr("cocnet.networks.tiling.STRIP_BYTES", 20_000)
    monkeypatch.setattr("cocnet.networks.local_filter.STRIP_BYTES", 20_000)
    with torch.no_grad():
        assert torch.allclose(model(*inputs), whole, atol=1e-5)


def test_the_first_step_has_a_direction():
    model = create_model("cocnet-hybrid", **TINY).train()
    image, depth, physical = given()
    (model(image, depth, physical) - image).square().mean().backward()
    assert float(model.weigh.weight.grad.abs().max()) > 0


def test_kernels_shared_by_colours():
    made = torch.Generator().manual_seed(2)
    image = torch.rand(2, 3, 6, 7, generator=made, dtype=torch.float64).requires_grad_()
    kernels = torch.rand(2, 1, 9, 6, 7, generator=made, dtype=torch.float64).requires_grad_()
    found = local_filter(image, kernels)
    assert torch.allclose(found, local_filter_reference(image, kernels.expand(-1, 3, -1, -1, -1)))
    assert torch.autograd.gradcheck(local_filter, (image, kernels))


def test_without_the_physical_picture():
    image, depth, _ = given()
    with pytest.raises(InputError, match="expected the physical renderer's picture"):
        stirred()(image, depth)
