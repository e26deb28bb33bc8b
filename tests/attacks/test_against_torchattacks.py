"""PGD beside torchattacks' (3.5): from the same start the same path, photo by photo."""

import pytest
import torch
from torch import nn

from cocnet.attacks.pgd import PGDSettings, descend

torchattacks = pytest.importorskip("torchattacks", reason="pip install --no-deps torchattacks==3.5.1")


def network():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2), nn.ReLU(), nn.Flatten())
    return nn.Sequential(body, nn.Linear(8 * 36, 5)).eval().requires_grad_(False)


@pytest.mark.parametrize(("epsilon", "steps"), [(8 / 255, 10), (16 / 255, 20), (0.1, 5)])
def test_the_same_path(epsilon, steps):
    victim, step = network(), 2.5 * epsilon / steps
    image = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    label = victim(image).argmax(1)
    path = []

    def make(x, rows):
        path.append(x.detach().clone())
        return x

    settings = PGDSettings(epsilon, steps, step_size=step, early_stop=False)
    found = descend(make, victim, image, label, settings, lambda x: x.clamp(0, 1))
    attack = torchattacks.PGD(victim, eps=epsilon, alpha=step, steps=steps, random_start=False)
    theirs = attack(image, label)
    assert len(path) == steps + 1 and torch.allclose(path[-1], theirs, atol=1e-6)
    fooled = torch.stack([victim(x).argmax(1) != label for x in path]).any(0)
    assert (
        torch.equal(found.fooled, fooled) and not (~found.fooled & (victim(theirs).argmax(1) != label)).any()
    )
    assert found.fooled.any()


def test_one_step_is_fgsm():
    victim, epsilon = network(), 4 / 255
    image = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    label = victim(image).argmax(1)
    settings = PGDSettings(epsilon, 1, step_size=epsilon, early_stop=False, loss="ce")
    path = []
    descend(
        lambda x, rows: path.append(x.detach().clone()) or x,
        *(victim, image, label, settings),
        lambda x: x.clamp(0, 1),
    )
    assert torch.allclose(path[-1], torchattacks.FGSM(victim, eps=epsilon)(image, label), atol=1e-6)
