"""The loop: linear victims know the answer, the ball is kept, each photo leaves when it is fooled."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from cocnet.attacks.attack_losses import cross_entropy, dlr, margin_loss
from cocnet.attacks.pgd import PGDSettings, descend, direction, project, random_in_ball, random_search
from cocnet.attacks.random_numbers import RandomNumbers
from cocnet.errors import CocnetWarning, InputError


class Linear(torch.nn.Module):
    """Logits are W·x + b of the flattened picture."""

    def __init__(self, values, classes=3, seed=0, bias=0.0):
        super().__init__()
        made = torch.Generator().manual_seed(seed)
        self.weight = torch.nn.Parameter(torch.randn(classes, values, generator=made))
        self.bias = torch.zeros(classes)
        self.bias[0] = bias
        self.seen = 0
        self.eval()

    def forward(self, picture):
        self.seen += len(picture)
        return picture.flatten(1) @ self.weight.T + self.bias


def itself(x, rows):
    return x


def start(count=4, side=5):
    return torch.full((count, 3, side, side), 0.5)


def test_a_linear_victim_is_met_at_the_corner():
    victim, x = Linear(75, classes=2, bias=1e4), start()
    goal = torch.zeros(4, dtype=torch.long)
    found = descend(itself, victim, x, goal, PGDSettings(0.01, 20, loss="margin"))
    gradient = (victim.weight[1] - victim.weight[0]).sign().view(3, 5, 5)
    assert torch.equal(found.x, (x + 0.01 * gradient).clamp(0.49, 0.51))
    assert not found.fooled.any() and (found.queries == 21).all() and victim.seen == 84
    toward = descend(itself, victim, x, goal, PGDSettings(0.01, 20, targeted=True, loss="margin"))
    assert torch.equal(toward.x, x) and toward.fooled.all() and (toward.queries == 1).all()


def test_l2_goes_straight():
    victim, x = Linear(75, classes=2, bias=1e4), start()
    found = descend(
        itself, victim, x, torch.zeros(4, dtype=torch.long), PGDSettings(0.3, 20, norm="l2", loss="margin")
    )
    normal = (victim.weight[1] - victim.weight[0]).view(3, 5, 5)
    assert torch.allclose(found.x - x, (0.3 * normal / normal.norm()).expand_as(x), atol=1e-5)


def test_zero_epsilon_changes_nothing():
    x, victim = start(), Linear(75)
    goal = victim(x).argmax(1)
    found = descend(itself, victim, x, goal, PGDSettings(0.0, 3))
    assert torch.equal(found.x, x) and not found.fooled.any()


@settings(max_examples=30, deadline=None)
@given(
    epsilon=st.floats(0, 0.5),
    steps=st.integers(1, 6),
    norm=st.sampled_from(["linf", "l2"]),
    seed=st.integers(0, 9),
)
def test_the_ball_is_kept(epsilon, steps, norm, seed):
    x, victim = start(), Linear(75, seed=seed)
    attack = PGDSettings(
        epsilon, steps, norm=norm, random_start=True, restarts=2, seed=seed, early_stop=False
    )
    found = descend(itself, victim, x, victim(x).argmax(1), attack)
    away = (found.x - x).flatten(1)
    size = away.abs().amax(1) if norm == "linf" else away.norm(dim=1)
    assert (size <= epsilon + 1e-6).all() and (found.queries == 2 * (steps + 1)).all()


def test_photos_leave_when_fooled():
    victim, x = Linear(75), start(6)
    x += torch.linspace(-0.3, 0.3, 6).view(-1, 1, 1, 1) * victim.weight[0].view(3, 5, 5)
    goal = victim(x).argmax(1)
    victim.seen = 0
    found = descend(itself, victim, x, goal, PGDSettings(0.3, 40))
    assert victim.seen == int(found.queries.sum()) < 6 * 41 and found.fooled.any()
    assert torch.equal(victim(found.x).argmax(1), found.prediction)
    assert torch.equal(found.prediction != goal, found.fooled)
    whole = descend(itself, victim, x, goal, PGDSettings(0.3, 40, early_stop=False))
    assert (whole.margin >= found.margin - 1e-5).all() and (whole.queries == 41).all()
    alone = descend(itself, victim, x[2:3], goal[2:3], PGDSettings(0.3, 40))
    assert torch.allclose(alone.x, found.x[2:3]) and alone.queries == found.queries[2]


def test_the_victim_and_the_surroundings_stay_as_they_are():
    victim = Linear(75).train()
    before = victim.weight.detach().clone()
    x, goal = start(), torch.zeros(4, dtype=torch.long)
    settings = PGDSettings(0.1, 5, random_start=True, seed=3)
    with torch.no_grad(), pytest.warns(CocnetWarning, match="put back after it"):
        one = descend(itself, victim, x, goal, settings)
    two = descend(itself, victim.eval(), x, goal, settings)
    victim.train()
    assert torch.equal(one.x, two.x) and torch.equal(x, start())
    assert victim.training and victim.weight.grad is None and torch.equal(victim.weight, before)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_victim_that_answers_without_gradient_is_noticed(steps):
    def deaf(picture):
        return 0 * picture.flatten(1)[:, :3] + torch.eye(3)[:1]

    found = descend(itself, deaf, start(), torch.zeros(4).long(), PGDSettings(0.1, steps))
    assert found.zero_gradient.all() and torch.equal(found.x, start())


def test_a_gradient_that_is_no_number_moves_nothing():
    def make(x, rows):
        return x + (x - x).sqrt()

    found = descend(make, Linear(75, bias=1e4), start(), torch.zeros(4).long(), PGDSettings(0.1, 2))
    assert torch.equal(found.x, start())


def test_search_asks_as_often_and_keeps_the_best():
    victim, x, goal = Linear(75, bias=1e4), start(), torch.zeros(4, dtype=torch.long)

    def draw(numbers):
        return x + (numbers.uniform(x) - 0.5).sign() * 0.1

    found = random_search(itself, victim, x, goal, PGDSettings(0.1, 9), draw)
    assert (found.queries == 10).all() and torch.allclose((found.x - x).abs(), torch.full_like(x, 0.1))
    assert torch.allclose(margin_loss(victim(found.x), goal, False), found.margin)


def test_search_goes_on_after_success_where_attacks_do():
    victim, x = Linear(75), start(6)
    goal = victim(x).argmax(1)

    def draw(numbers):
        return x + (numbers.uniform(x) - 0.5).sign() * 0.3

    short, whole = (
        random_search(itself, victim, x, goal, PGDSettings(0.3, 30, early_stop=stop), draw)
        for stop in (True, False)
    )
    assert short.fooled.any() and (whole.queries == 31).all() and int(short.queries.min()) < 31
    assert torch.equal(short.fooled, whole.fooled) and (whole.margin >= short.margin).all()
    assert (whole.margin > short.margin).any()


def test_losses():
    logits, goal = torch.tensor([[3.0, 1.0, 0.0, -2.0]]), torch.tensor([0])
    assert cross_entropy(logits, goal, False) == functional.cross_entropy(logits, goal)
    assert dlr(logits, goal, False).item() == pytest.approx(-2 / 3)
    assert dlr(logits, torch.tensor([1]), True).item() == pytest.approx(-2 / 4)
    assert dlr(7 * logits + 2, goal, False).item() == pytest.approx(-2 / 3)
    assert math.isfinite(dlr(logits[:, :2], goal, True).item()) and margin_loss(logits, goal, False) == -2


def test_the_random_start_fills_the_ball():
    x, numbers = torch.zeros(500, 40), RandomNumbers.of(tuple(range(500)), 500, torch.device("cpu"))
    box = random_in_ball(x, PGDSettings(0.2), numbers)
    assert box.min() == pytest.approx(-0.2, abs=1e-3) and box.max() == pytest.approx(0.2, abs=1e-3)
    assert abs(box.mean()) < 0.005
    disc = random_in_ball(x, PGDSettings(0.2, norm="l2"), numbers)
    lengths = disc.norm(dim=1)
    assert (
        lengths.min() < 0.01
        and 0.19 < lengths.max() <= 0.2
        and lengths.mean() == pytest.approx(0.1, abs=0.01)
    )
    assert (disc / lengths[:, None]).mean(0).abs().max() < 0.03


@pytest.mark.parametrize("length, kept", [(0.006, 0.006), (0.05, 0.01), (3.0, 0.01)])
def test_the_l2_ball_leaves_what_is_inside(length, kept):
    away = torch.tensor([[0.6, -0.8]]) * length
    found = project(1 + away, torch.ones(1, 2), PGDSettings(0.01, norm="l2")) - 1
    assert torch.allclose(found, away * kept / length, atol=1e-6)


@pytest.mark.parametrize("size", [1e-44, 1e-30, 1e-20, 1.0, 1e20, 3e38])
def test_directions_have_length_1_however_small_the_gradient(size):
    ordinary = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    found = direction((ordinary.sign() * size).float(), "l2")
    assert torch.allclose(found.flatten(1).norm(dim=1), torch.ones(3))
    assert torch.equal(direction(ordinary, "l2"), ordinary / ordinary.flatten(1).norm(dim=1).view(3, 1, 1))


def test_directions_of_nothing_are_nothing():
    assert not direction(torch.zeros(2, 3), "l2").any() and not direction(torch.zeros(2, 3), "linf").any()
    assert torch.equal(
        project(torch.zeros(2, 3), torch.zeros(2, 3), PGDSettings(0.1, norm="l2")), torch.zeros(2, 3)
    )


@pytest.mark.parametrize(
    "wrong",
    [{"epsilon": -1}, {"steps": 0}, {"restarts": 0}, {"step_size": 0.0}, {"norm": "l1"}, {"loss": "kl"}],
)
def test_impossible_settings(wrong):
    with pytest.raises(InputError, match="expected"):
        PGDSettings(**wrong)
