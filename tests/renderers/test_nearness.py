"""A renderer as attacks call it: what nearness and camera mean, gradients, batches."""

import pytest
import torch

from cocnet import create_model
from cocnet.errors import InputError
from cocnet.renderers import NearnessView, NetworkRenderer, Physical, Setup

TINY = {"channels": [4, 8], "groups": 1, "kernel_size": 3}


def world(count=2, side=48):
    made = torch.Generator().manual_seed(0)
    image = torch.rand(count, 3, side, side, generator=made)
    depth = torch.linspace(0, 1, side).view(1, 1, side, 1).repeat(count, 1, 1, side)
    return image, depth


def small(name):
    torch.manual_seed(0)
    network = create_model(name, **TINY)
    with torch.no_grad():
        network.weigh.weight.mul_(0.02)
    return NearnessView(NetworkRenderer(network))


RENDERERS = [
    *(NearnessView(Physical(mode)) for mode in ("over", "eq8")),
    *(small(name) for name in ("cocnet-b3-less-depth", "cocnet-b3-less-lens")),
]


@pytest.mark.parametrize("render", RENDERERS, ids=lambda r: r.name)
def test_pictures_and_gradients(render):
    image, depth = world()
    depth = depth.requires_grad_()
    made = render(image, depth)
    assert made.shape == image.shape and made.detach().min() >= 0 and made.detach().max() <= 1
    ((made - image) ** 2).sum().backward()
    assert depth.grad.isfinite().all() and depth.grad.abs().max() > 0
    with torch.no_grad():
        single = torch.cat([render(image[k : k + 1], depth[k : k + 1]) for k in range(2)])
    assert torch.allclose(made, single, atol=1e-5)


@pytest.mark.parametrize("render", [r for r in RENDERERS if r.camera is not None], ids=lambda r: r.name)
def test_the_natural_camera_is_the_natural_picture(render):
    image, depth = world()
    camera = render.camera.repeat(2, 1).requires_grad_()
    made = render(image, depth, camera)
    assert torch.allclose(made, render(image, depth), atol=1e-5)
    made.square().sum().backward()
    assert camera.grad.isfinite().all() and (camera.grad.abs().amax(0) > 0).all()


def test_nearness_is_linear_in_dioptres():
    setup = Setup(near_m=0.5, far_m=5.0)
    depth = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3)
    assert setup.inverse_depth(depth).flatten().tolist() == pytest.approx([0.2, 1.1, 2.0])
    assert setup.dioptres == pytest.approx(1.8)
    radius = Setup().radius_px(torch.zeros(1, 1, 224, 224))
    assert radius.max() == pytest.approx(5.625)


def test_blur_follows_aperture_and_focal_length():
    setup, depth = Setup(), torch.zeros(1, 1, 8, 224)
    base = setup.radius_px(depth).max()
    for change, factor in (([1.0, 5.6, 0.075], 0.5), ([1.0, 2.8, 0.0375], 0.5), ([0.1, 2.8, 0.075], 0.0)):
        lens = setup.lens_of(torch.tensor([change]))
        assert setup.radius_px(depth, lens).abs().max().item() == pytest.approx(
            factor * base.item(), abs=1e-4
        )


def test_what_can_not_render():
    with pytest.raises(InputError, match="a renderer that reads depth"):
        NearnessView(NetworkRenderer(create_model("cocnet-b3-less", **TINY)))
    with pytest.raises(InputError, match="near_m before far_m"):
        Setup(near_m=5.0, far_m=2.0)
    image, depth = world()
    with pytest.raises(InputError, match="a renderer that reads the lens"):
        small("cocnet-b3-less-depth")(image, depth, torch.ones(2, 3))


def test_a_network_is_left_as_it_was():
    network = create_model("cocnet-b3-less-depth", **TINY).train()
    NearnessView(NetworkRenderer(network))
    assert network.training and all(weight.requires_grad for weight in network.parameters())


def test_a_change_of_depth_is_not_scaled_away():
    """Nearness that spans half of 0..1 reaches a network as it is, not stretched to the whole."""
    seen = []
    network = create_model("cocnet-b3-less-depth", **TINY)
    view = NearnessView(NetworkRenderer(network))
    view.renderer.network.register_forward_pre_hook(lambda _, given: seen.append(given[1]))  # type: ignore[attr-defined]
    image, depth = world()
    view(image, 0.25 + 0.5 * depth)
    assert torch.allclose(seen[0], 0.25 + 0.5 * depth, atol=1e-5)
