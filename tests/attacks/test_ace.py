"""Colour curves: the formula summed as printed, its laws, and victims whose weak spot is known."""

import pytest
import torch

from cocnet.attacks.ace import ACE, curved
from cocnet.errors import InputError


def as_printed(x, theta):
    """Σ_i clamp(x − i/K, 0, 1/K)·θ_i·K/Σθ."""
    k = theta.shape[-1]
    parts = [(x - i / k).clamp(0, 1 / k) * theta[..., i, None, None] for i in range(k)]
    return sum(parts) * k / theta.sum(-1)[..., None, None]


def test_the_curve_is_the_formula_and_so_is_its_gradient():
    random = torch.Generator().manual_seed(0)
    x = torch.rand(2, 3, 6, 5, generator=random, dtype=torch.float64)
    x[0, 0, 0] = torch.tensor([0, 1, 0.5, 0.25, 0.125])
    theta = torch.rand(2, 3, 8, generator=random, dtype=torch.float64).requires_grad_()
    assert torch.allclose(curved(x, theta), as_printed(x, theta))
    one, two = (torch.autograd.grad(f(x, theta).square().sum(), theta)[0] for f in (curved, as_printed))
    assert torch.allclose(one, two) and one.abs().max() > 0


def test_even_weights_are_the_identity_and_curves_rise_from_0_to_1():
    x = torch.linspace(0, 1, 256)[None, None, None].expand(1, 3, 1, -1)
    assert torch.allclose(curved(x, torch.full((1, 3, 64), 1 / 64)), x, atol=1e-6)
    bent = curved(x, torch.rand(1, 3, 64) + 0.01)
    assert (bent.diff() >= 0).all() and bent[..., 0].abs().max() < 1e-6
    assert torch.allclose(bent[..., -1], torch.ones(1), atol=1e-5)


@pytest.mark.parametrize("attack", [ACE(), ACE("bmvc", rate=0.05)], ids=lambda attack: attack.name)
def test_a_linear_victim_is_fooled_by_the_colour_it_looks_at(attack, linear, untouched):
    image = torch.linspace(0.3, 0.8, 64).reshape(1, 1, 8, 8).expand(2, 3, 8, 8).clone()
    image[1] *= 0.7
    label = torch.tensor([0, 1])
    with untouched(linear), torch.no_grad():
        result = attack(linear, image, label)
    assert result.success.all() and result.prediction.tolist() == [1, 0] and (result.margin > 0).all()
    change = (result.image.mean((2, 3)) - image.mean((2, 3)))[:, 0]
    assert change[0] < -0.01 and change[1] > 0.01
    assert (result.image[:, 1:] - image[:, 1:]).abs().max() <= 0.5 / 255 + 1e-6
    assert torch.equal(result.image, (result.image * 255).round() / 255)


def test_a_finished_photo_costs_no_more(linear):
    image = torch.stack([torch.full((3, 8, 8), value) for value in (0.2, 0.52, 0.9)])
    result = ACE(steps=7)(linear, image, torch.tensor([0, 0, 0]))
    assert result.queries[0] == 1 and result.success[:2].all()
    assert 1 < result.queries[1] <= result.queries[2] <= 7
    assert linear.seen == result.queries.sum() + 3
    again = ACE(steps=7)(linear, image, torch.tensor([0, 0, 0]))
    assert torch.equal(again.image, result.image)


def test_the_first_form_keeps_the_nearest_success(linear):
    image = torch.full((1, 3, 8, 8), 0.55)
    few, many = (ACE("bmvc", steps=n, rate=0.02)(linear, image, torch.tensor([0])) for n in (15, 80))
    assert few.success.all() and many.success.all() and many.queries.item() == 80
    assert (many.image - image).abs().sum() <= (few.image - image).abs().sum()


def test_no_gradient_is_no_change():
    image = torch.rand(2, 3, 8, 8)
    blind = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2))
    blind[1].weight.data.zero_()
    blind[1].bias.data = torch.tensor([1.0, 0.0])
    blind.eval()
    result = ACE()(blind, image, torch.tensor([0, 0]))
    assert not result.success.any() and (result.image - image).abs().max() < 0.51 / 255


@pytest.mark.parametrize("wrong", [{"form": "x"}, {"steps": 0}, {"pieces": 1}, {"largest": 0.5}])
def test_settings_that_cannot_be(wrong):
    with pytest.raises(InputError, match="expected"):
        ACE(**wrong)


@pytest.mark.parametrize(
    ("image", "label", "text"),
    [
        (torch.rand(3, 8, 8), torch.tensor([0]), r"\[b 3 h w\]"),
        (torch.full((1, 3, 8, 8), 255.0), torch.tensor([0]), "of 0..1"),
        (torch.full((1, 3, 8, 8), torch.nan), torch.tensor([0]), "of 0..1"),
        (torch.full((1, 3, 8, 8), 1.01), torch.tensor([0]), "of 0..1"),
        (torch.rand(1, 3, 8, 8), torch.tensor([0.0]), "int64"),
        (torch.rand(1, 3, 8, 8), torch.tensor([-1]), "from 0"),
        (torch.rand(1, 3, 8, 8), torch.tensor([2]), "classes that the victim has, got 2..2 of 2"),
    ],
)
def test_input_that_is_no_batch(image, label, text, linear):
    with pytest.raises(InputError, match=text):
        ACE()(linear, image, label)
