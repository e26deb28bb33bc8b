"""What happens to pictures on the way to a victim: each transform by itself."""

import pytest
import torch

from cocnet.errors import InputError
from cocnet.robustness.transforms import (
    DEPTHS,
    PICTURES,
    deblurred,
    differentiable,
    other_renderer,
    quantised,
)


def picture(side=32):
    made = torch.Generator().manual_seed(0)
    smooth = torch.rand(2, 3, 4, 4, generator=made)
    return torch.nn.functional.interpolate(smooth, (side, side), mode="bilinear")


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("png", 0.5001 / 255), ("jpeg95", 0.1), ("jpeg75", 0.2), ("resize", 0.05), ("deblur", 0.3)],
)
def test_a_picture_stays_about_itself(name, tolerance):
    image = picture()
    out = PICTURES[name](image)
    assert out.shape == image.shape and out.dtype == image.dtype
    assert 0 < (out - image).abs().max() <= tolerance
    grey = torch.full_like(image, 128 / 255)
    assert torch.allclose(PICTURES[name](grey), grey, atol=1e-6)
    assert torch.equal(PICTURES[name](image[1:]), out[1:])


@pytest.mark.parametrize(("name", "bits"), [("depth16", 16), ("depth8", 8)])
def test_depth_is_rounded_to_its_grid(name, bits):
    depth = torch.linspace(0, 1, 1001).view(1, 1, 7, 143)
    out = DEPTHS[name](depth)
    assert (out - depth).abs().max() <= 0.5 / (2**bits - 1) + 1e-7
    assert torch.equal(DEPTHS[name](out), out) and out.min() == 0 and out.max() == 1


@pytest.mark.parametrize("name", PICTURES)
def test_an_attack_sees_the_same_values_and_a_gradient(name):
    image = picture().requires_grad_()
    seen = differentiable(name)(image)
    assert torch.equal(seen, PICTURES[name](image.detach()))
    weight = torch.rand(seen.shape, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((seen * weight).sum(), image)
    if name in ("resize", "deblur"):
        step = 1e-3 * torch.rand(image.shape, generator=torch.Generator().manual_seed(2))
        moved = (PICTURES[name](image.detach() + step) - seen.detach()) * weight
        assert float(moved.sum()) == pytest.approx(float((gradient * step).sum()), rel=0.05)
    else:
        assert torch.equal(gradient, weight)
    with pytest.raises(InputError, match="got 'depth8'"):
        differentiable("depth8")


def test_every_transform_is_tested():
    pictures = {"png", "jpeg95", "jpeg75", "resize", "deblur"}
    assert set(PICTURES) | set(DEPTHS) == pictures | {"depth16", "depth8"}


def test_better_jpeg_is_nearer():
    image = picture()
    far, near = ((PICTURES[name](image) - image).square().mean() for name in ("jpeg75", "jpeg95"))
    assert near < far


def test_deblurring_steepens_an_edge():
    edge = torch.zeros(1, 3, 9, 40)
    edge[..., 20:] = 0.5
    edge[..., 18:22] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    out = deblurred(edge + 0.25)
    assert out.diff(dim=-1).max() > 1.2 * edge.diff(dim=-1).max()
    assert torch.allclose(out[..., :5], torch.tensor(0.25)) and torch.allclose(
        out[..., -5:], torch.tensor(0.75)
    )


def test_eight_bits_kill_a_small_change_exactly_and_sixteen_do_not():
    depth = quantised(torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(1)), 8)
    delta = 3e-4 * (torch.rand(depth.shape, generator=torch.Generator().manual_seed(2)) - 0.5).sign()
    changed = (depth + delta).clamp(0, 1)
    assert torch.equal(quantised(changed, 8), depth)
    assert (quantised(changed, 16) - changed).abs().max() < 1e-5


def test_names():
    assert other_renderer("on:physical-eq8") == "physical-eq8" and other_renderer("jpeg75") is None
    for wrong in ("jpeg50", "on:", ""):
        with pytest.raises(InputError, match="a transform of png, jpeg95"):
            other_renderer(wrong)
