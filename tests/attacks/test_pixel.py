"""Noise on pixels: a linear victim lands exactly where the sign of its weights says."""

import sys

import pytest
import torch

from cocnet.attacks.pixel import PixelAttack
from cocnet.errors import InputError, MissingExtraError

METHODS = ("fgsm", "pgd", "mi-fgsm")


@pytest.fixture(autouse=True)
def package():
    pytest.importorskip(
        "torchattacks", reason="torchattacks is not installed, see INSTALL of cocnet.attacks.pixel"
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_linear_victim_loses_epsilon_of_what_it_looks_at(method, linear, untouched):
    image = 0.3 + 0.25 * torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    image[:, 0] += 0.1
    label = torch.tensor([0, 0])
    with untouched(linear), torch.no_grad():
        result = PixelAttack(method, epsilon=0.1, step=0.03, steps=10)(linear, image, label)
    change = result.image - image
    assert torch.allclose(change[:, 0], torch.tensor(-0.1), atol=1e-6) and change.abs().max() <= 0.1 + 1e-6
    assert result.success.all() and result.queries.tolist() == ([1, 1] if method == "fgsm" else [10, 10])
    assert linear.seen == result.queries.sum() + 2


@pytest.mark.parametrize("method", METHODS)
def test_no_epsilon_is_no_change_and_a_seed_decides(method, linear):
    image, label = torch.rand(2, 3, 8, 8), torch.tensor([1, 0])
    still = PixelAttack(method, epsilon=0.0)(linear, image, label)
    assert torch.allclose(still.image, image)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, two = (PixelAttack(method, steps=2)(linear, image, label) for _ in range(2))
    assert torch.equal(one.image, two.image) and torch.equal(before, torch.get_rng_state())
    other = PixelAttack(method, steps=2, seed=1)(linear, image, label)
    assert torch.equal(one.image, other.image) == (method != "pgd")


def test_a_function_without_a_gradient_of_use():
    image = torch.rand(1, 3, 8, 8)
    result = PixelAttack("mi-fgsm")(
        lambda x: x.mean((2, 3))[:, :2] * 0 + torch.tensor([1.0, 0]), image, torch.tensor([0])
    )
    assert torch.equal(result.image, image) and not result.success.any()


def test_settings_and_a_missing_package(monkeypatch, linear):
    with pytest.raises(InputError, match="method of fgsm, pgd, mi-fgsm"):
        PixelAttack("cw")
    with pytest.raises(InputError, match="steps from 1"):
        PixelAttack(steps=0)
    monkeypatch.setitem(sys.modules, "torchattacks", None)
    with pytest.raises(MissingExtraError, match="try: pip install --no-deps torchattacks=="):
        PixelAttack()(linear, torch.rand(1, 3, 8, 8), torch.tensor([0]))
