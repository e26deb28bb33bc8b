"""Attacks that have more than one answer to turn: several victims, several views of a picture."""

from dataclasses import replace

import pytest
import torch
from linear import Shade, Victim, batch

from cocnet.attacks import GDA
from cocnet.attacks.attack_losses import cross_entropy
from cocnet.attacks.several_answers import AllWon, MeanLoss, SeveralAnswers, judged_by
from cocnet.errors import CocnetWarning, InputError


def other(lead=0.0):
    victim = Victim(lead=lead)
    victim.weight = torch.randn(victim.weight.shape, generator=torch.Generator().manual_seed(9))
    return victim


def attack(epsilon=0.1, **changes):
    return replace(GDA(epsilon, 4, loss=MeanLoss(), success=AllWon(), random_start=False), **changes)


def test_answers_are_of_all_victims_and_all_views():
    image, _, label = batch()
    first, second = Victim(), other()
    answers = SeveralAnswers((first, second), (torch.clone, lambda x: x.flip(-1)))(image)
    assert len(answers) == 4 == len(SeveralAnswers((first, second), (torch.clone, torch.sqrt)))
    for found, expected in zip(
        answers, (first(image), first(image.flip(-1)), second(image), second(image.flip(-1))), strict=True
    ):
        assert torch.equal(found, expected)
    mean = torch.stack([cross_entropy(one, label, False) for one in answers]).mean(0)
    assert torch.allclose(MeanLoss()(answers, label), mean)
    assert torch.allclose(MeanLoss("ce", True)(answers, label), -mean)


def test_won_is_where_every_answer_is_wrong():
    right, wrong = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    label = torch.tensor([0, 0])
    assert AllWon()((wrong, wrong), label).tolist() == [False, True]
    assert AllWon()((right, wrong), label).tolist() == [False, False]
    assert AllWon(True)((right, right), label).tolist() == [True, True]


def test_a_step_goes_along_the_mean_gradient():
    image, depth, label = batch()
    depth = depth.clamp(0.3, 0.7)
    victims = (Victim(lead=1e3), other(lead=1e3))
    one = replace(attack(), loss=MeanLoss("margin"), steps=1, step_size=0.1, early_stop=False)
    answers = SeveralAnswers(victims, (torch.clone,))
    changed = one(Shade(), answers, image, depth, label).depth

    def margin(delta):
        shown = image - 0.3 * (depth + delta)
        return sum(v(shown).topk(3).values[:, 1].sum() - v(shown)[:, 0].sum() for v in victims)

    delta = torch.zeros_like(depth, requires_grad=True)
    (gradient,) = torch.autograd.grad(margin(delta), delta)
    assert torch.allclose(changed, depth + 0.1 * gradient.sign(), atol=1e-6)


def test_what_one_victim_and_one_view_say_is_the_plain_attack():
    image, depth, label = batch()
    plain = GDA(0.05, 4, random_start=False)(Shade(), Victim(), image, depth, label)
    found = attack(0.05)(Shade(), SeveralAnswers((Victim(),), (torch.clone,)), image, depth, label)
    assert torch.equal(plain.depth, found.depth)
    judged = judged_by(found, Victim(), label, False, 1)
    for name in ("success", "prediction", "queries"):
        assert torch.equal(getattr(plain, name), getattr(judged, name)), name
    assert torch.allclose(plain.margin, judged.margin)
    assert torch.equal(judged_by(found, Victim(), label, False, 3).queries, 3 * found.queries)


def test_victims_in_training_mode_are_put_back():
    image, depth, label = batch()
    answers = SeveralAnswers((Victim().train(),), (torch.clone,))
    with pytest.warns(CocnetWarning, match="training mode"):
        attack()(Shade(), answers, image, depth, label)
    assert answers.networks[0].training and not answers.training


def test_outputs_that_are_no_logits_are_named():
    with pytest.raises(InputError, match="expected logits"):
        attack()(Shade(), SeveralAnswers((lambda x: {"out": x},), (torch.clone,)), *batch())
