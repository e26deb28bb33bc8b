"""The adversarial loss: each side learns from its own part, and what is told apart is told apart."""

import math

import pytest
import torch

from cocnet.errors import InputError
from cocnet.training.engine.bokeh_objective import BokehObjective
from cocnet.training.engine.discriminator import Discriminator, adversarial_losses
from cocnet.training.recipes.bokeh_recipes import BokehRecipe, BokehStage, LossWeights


@pytest.fixture
def pictures():
    made = torch.Generator().manual_seed(0)
    return [torch.rand(4, 3, 64, 64, generator=made) for _ in range(3)]


@pytest.fixture
def discriminator():
    torch.manual_seed(0)
    return Discriminator()


def test_each_side_has_its_own_gradient(pictures, discriminator):
    photo, output, target = pictures
    output.requires_grad_(True)
    fooling, telling = adversarial_losses(discriminator, photo, output, target)
    telling.backward(retain_graph=True)
    assert output.grad is None
    assert all(torch.as_tensor(p.grad).any() for p in discriminator.parameters())
    before = [torch.as_tensor(p.grad).clone() for p in discriminator.parameters()]
    fooling.backward()
    assert torch.as_tensor(output.grad).any()
    after = [p.grad for p in discriminator.parameters()]
    assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True))


def test_at_first_it_can_t_tell(pictures, discriminator):
    photo, output, _ = pictures
    fooling, telling = adversarial_losses(discriminator, photo, output, output)
    logits = discriminator(photo, output)
    assert logits.shape == (4, 1, 8, 8)
    assert float(telling.detach()) == pytest.approx(2 * math.log(2), abs=0.2)
    assert float(fooling.detach()) == pytest.approx(math.log(2), abs=0.3)


def test_it_learns_to_tell_a_blurred_picture(pictures, discriminator):
    photo, target, _ = pictures
    flat = torch.nn.functional.avg_pool2d(target, 5, 1, 2)
    optimiser = torch.optim.Adam(discriminator.parameters(), 2e-3)
    for _ in range(30):
        optimiser.zero_grad()
        fooling, telling = adversarial_losses(discriminator, photo, flat, target)
        telling.backward()
        optimiser.step()
    assert float(telling.detach()) < 0.5 and float(fooling.detach()) > 1


def test_a_loss_without_its_discriminator_is_refused(pictures):
    item = {"image": pictures[0][0], "bokeh": pictures[1][0]}
    recipe = BokehRecipe((BokehStage(steps=1, loss=LossWeights(adversarial=0.1)),))
    with pytest.raises(InputError, match="expected WithDiscriminator for an adversarial loss, got Identity"):
        BokehObjective([]).check(torch.nn.Identity(), item, recipe, torch.device("cpu"))
