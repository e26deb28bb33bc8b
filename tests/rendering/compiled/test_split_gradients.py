"""The way back through compiled fragments, against the reference in float64."""

from collections.abc import Callable

import pytest
import torch
from rendering.compiled.test_compiled import LENS, scene
from torch import Tensor

from cocnet.errors import InputError
from cocnet.rendering.compiled import kernels
from cocnet.rendering.fragments import Fragments, fragments

REACH_PX = 20.0
Split = Callable[[Tensor, Tensor, float], Fragments]


def pictures(height: int, width: int, channels: int = 3, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Light, and the signed radius with a silhouette that ends at the picture's border."""
    image, inverse = scene(height, width, channels, batch)
    inverse[..., height // 2 :, : width // 4] = 1.4
    return image, LENS.coc_radius_px(inverse, 160)


def gradients(split: Split, image: Tensor, x: Tensor, of: str = "both") -> dict[str, Tensor]:
    """Of a random sum of all fragments."""
    image, x = image.clone().requires_grad_(of != "x"), x.clone().requires_grad_(of != "image")
    made = torch.Generator().manual_seed(5)
    loss = sum((t * torch.rand(t.shape, generator=made).to(t)).sum() for t in split(image, x, REACH_PX))
    asked = {name: t for name, t in (("image", image), ("x", x)) if t.requires_grad}
    return dict(zip(asked, torch.autograd.grad(loss, list(asked.values())), strict=True))


@pytest.mark.parametrize("of", ["both", "image", "x"])
@pytest.mark.parametrize(
    ("size", "channels", "batch"), [((96, 160), 3, 2), ((77, 51), 3, 1), ((150, 141), 1, 1)]
)
def test_equal_the_references(size: tuple[int, int], channels: int, batch: int, of: str) -> None:
    image, x = pictures(*size, channels, batch)
    found = gradients(kernels().split, image, x, of)
    expected = gradients(fragments, image.double(), x.double(), of)
    assert found.keys() == expected.keys()
    for name, exact in expected.items():
        assert exact.abs().max() > 5
        assert (found[name] - exact).abs().max() < 2e-4 * exact.abs().max()


def test_smooth_light_has_them_too() -> None:
    """Colours at the rim of what their window shows, and flat ones: where limits decide."""
    image, x = pictures(96, 96)
    smooth = torch.nn.functional.interpolate(image[..., ::12, ::12], size=(96, 96), mode="bilinear")
    found, expected = (
        gradients(split, light, radius)
        for split, light, radius in (
            (kernels().split, smooth, x),
            (fragments, smooth.double(), x.double()),
        )
    )
    for name, exact in expected.items():
        assert (found[name] - exact).abs().max() < 1e-3 * exact.abs().max()


def test_lights_and_pictures_without_silhouettes() -> None:
    image, x = pictures(64, 80)
    image[..., 20:24, 30:33] = 30.0
    for radius in (x, torch.linspace(0, 5, 80).expand(1, 1, 64, 80)):
        found = gradients(kernels().split, image, radius)
        expected = gradients(fragments, image.double(), radius.double())
        for name, exact in expected.items():
            assert (found[name] - exact).abs().max() < 1e-3 * exact.abs().max()


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads_gives_the_same(threads: int) -> None:
    before = torch.get_num_threads()
    found = []
    try:
        for count in (1, threads):
            torch.set_num_threads(count)
            found.append(gradients(kernels().split, *pictures(150, 141)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_of_a_part_is_none_where_nobody_asks() -> None:
    image, x = pictures(64, 80)
    parts = kernels().split(image, x.requires_grad_(), REACH_PX)
    assert parts.x_front.requires_grad and parts.x_back.requires_grad
    assert not parts.front.requires_grad and not parts.back.requires_grad


def test_may_be_asked_for_twice_but_have_none_themselves() -> None:
    image, x = pictures(64, 80)
    x.requires_grad_()
    loss = kernels().split(image, x, REACH_PX).x_front.square().sum()
    first, again = (torch.autograd.grad(loss, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, again)
    with pytest.raises(InputError, match="COCNET_COMPILED=0"):
        torch.autograd.grad(loss, x, create_graph=True)
