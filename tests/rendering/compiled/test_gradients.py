"""The way back through the compiled loops, against the reference and differences of renders in float64."""

import pytest
import torch
from rendering.compiled.test_compiled import LENS, RENDERERS, scene
from torch import Tensor

from cocnet import PhysicalRenderer
from cocnet.errors import InputError
from cocnet.rendering.compiled import step_gradients


def rough(height: int, width: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    """The scene with a depth of its own for every pixel: no layer fills its room exactly, which would be a kink."""
    image, inverse = scene(height, width, batch=batch)
    made = torch.Generator().manual_seed(3)
    return image, inverse + 0.25 * torch.rand(inverse.shape, generator=made)


def gradients(renderer: PhysicalRenderer, image: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The picture, and gradients of a random sum of it with respect to light and inverse depth."""
    image, inverse = image.clone().requires_grad_(), inverse.clone().requires_grad_()
    picture = renderer.from_inverse_depth(image, inverse)
    weight = torch.rand(picture.shape, generator=torch.Generator().manual_seed(1)).to(picture)
    (picture * weight).sum().backward()
    assert image.grad is not None and inverse.grad is not None
    return picture.detach(), image.grad, inverse.grad


@pytest.mark.parametrize("name", RENDERERS)
@pytest.mark.parametrize("size", [(96, 160), (77, 51)])
def test_equal_the_references(monkeypatch: pytest.MonkeyPatch, name: str, size: tuple[int, int]) -> None:
    found = gradients(RENDERERS[name], *rough(*size))
    monkeypatch.setenv("COCNET_COMPILED", "0")
    reference = gradients(RENDERERS[name], *rough(*size))
    assert (found[0] - reference[0]).abs().max() < 1e-5
    for one, other in zip(found[1:], reference[1:], strict=True):
        off = (one - other).abs() > 1e-3 * other.abs().max()
        assert other.abs().max() > 0 and off.float().mean() < 1e-3  # rounding decides at a few kinks


def test_of_batches_are_those_of_their_pictures() -> None:
    image, inverse = rough(40, 56, batch=2)
    both = gradients(RENDERERS["defaults"], image, inverse)[2]
    renderer = RENDERERS["defaults"]
    weight = torch.rand(image.shape, generator=torch.Generator().manual_seed(1))
    for i in range(2):
        depth = inverse[i : i + 1].clone().requires_grad_()
        (renderer.from_inverse_depth(image[i : i + 1], depth) * weight[i]).sum().backward()
        assert torch.allclose(depth.grad, both[i : i + 1], atol=1e-6)


@pytest.mark.parametrize("flat", [False, True])
def test_are_the_slope_of_renders_in_float64(flat: bool) -> None:
    """Along random directions, also at the kinks of flat surfaces, which fill their room exactly."""
    image, inverse = scene(48, 64) if flat else rough(48, 64)
    renderer = PhysicalRenderer(LENS, max_radius_px=40)
    _, _, gradient = gradients(renderer, image, inverse)
    weight = torch.rand(image.shape, generator=torch.Generator().manual_seed(1)).double()
    step = 1e-6

    def loss(moved: Tensor) -> float:
        return float((renderer.from_inverse_depth(image.double(), moved) * weight).sum())

    made = torch.Generator().manual_seed(8)
    ways = [torch.randn(inverse.shape, generator=made).double() for _ in range(12)]
    slopes = [(loss(inverse + step * way) - loss(inverse - step * way)) / (2 * step) for way in ways]
    found = [float((gradient * way).sum()) for way in ways]
    off = torch.tensor(slopes) - torch.tensor(found)
    assert off.norm() < (0.05 if flat else 0.005) * torch.tensor(slopes).norm()


def test_are_the_same_whether_blurred_layers_are_kept_or_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = gradients(RENDERERS["wide open"], *rough(77, 51))
    monkeypatch.setattr(step_gradients, "KEPT_BYTES", 0)
    again = gradients(RENDERERS["wide open"], *rough(77, 51))
    assert all(torch.equal(one, other) for one, other in zip(kept, again, strict=True))


def test_may_be_asked_for_twice() -> None:
    image, inverse = rough(40, 56)
    depth = inverse.requires_grad_()
    lit = RENDERERS["defaults"].from_inverse_depth(image, depth).square().sum()
    first, again = (torch.autograd.grad(lit, depth, retain_graph=True)[0] for _ in range(2))
    assert first.abs().max() > 0 and torch.equal(first, again)


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads_gives_the_same(threads: int) -> None:
    before = torch.get_num_threads()
    found = []
    try:
        for count in (1, threads):
            torch.set_num_threads(count)
            found.append(gradients(RENDERERS["wide open"], *rough(150, 140))[2])
    finally:
        torch.set_num_threads(before)
    assert torch.allclose(*found, atol=1e-5 * float(found[0].abs().max()))


def test_of_gradients_need_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    image, inverse = rough(24, 32)

    def twice() -> Tensor:
        depth = inverse.clone().requires_grad_()
        lit = RENDERERS["defaults"].from_inverse_depth(image, depth).square().sum()
        (slope,) = torch.autograd.grad(lit, depth, create_graph=True)
        (curve,) = torch.autograd.grad(slope.square().sum(), depth)
        return curve

    with pytest.raises(InputError, match="COCNET_COMPILED=0"):
        twice()
    monkeypatch.setenv("COCNET_COMPILED", "0")
    assert twice().abs().max() > 0
