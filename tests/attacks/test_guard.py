"""Code of others can change nothing of ours; what it returns is what it should be, or one line says what is not."""

import functools

import pytest
import torch
from linear import Shade, Victim, batch
from torch import nn

from cocnet.attacks import (
    ACE,
    GDA,
    BackgroundGDA,
    ColorFool,
    DepthOffset,
    LensAttack,
    RandomSearch,
    SmoothGDA,
)
from cocnet.attacks.guard import ask_classes, networks_of
from cocnet.attacks.own_victims import OwnVictim
from cocnet.attacks.pgd import PGDSettings, descend
from cocnet.errors import CocnetWarning, DepthError, InputError

RENDERED = [
    GDA(0.1, 3),
    SmoothGDA(0.1, 3, kernel=3),
    BackgroundGDA(0.1, 3),
    DepthOffset(0.1, 3),
    LensAttack(steps=3),
    RandomSearch(GDA(0.1, 3)),
]
RECOLOURED = [ACE(steps=2), ACE("bmvc", steps=2), ColorFool(trials=3, at_once=2)]
ids = {"ids": lambda attack: attack.name}


class Holder(nn.Module):
    """A victim behind another: by name, in a list, or behind two functions."""

    def __init__(self, how):
        super().__init__()
        self.training = False
        inner = OwnVictim(lambda picture: NETWORK(picture), "mine", 10)
        inside = OwnVictim(asked, "mine", 10)
        self.held = {"a part": inner, "a list": [inner], "two functions": inside}[how]

    def forward(self, picture):
        return (self.held[0] if isinstance(self.held, list) else self.held)(picture)


NETWORK = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.LazyLinear(10))


def helped(picture):
    return NETWORK(picture)


def asked(picture):
    return helped(picture)


@pytest.mark.parametrize("how", ["a part", "a list", "two functions"])
def test_a_network_in_training_mode_is_found_however_it_is_held(how):
    assert NETWORK in networks_of(Holder(how))


def in_place(picture):
    """A victim that overwrites what it gets, as normalising in place does."""
    return Victim(lead=1e3)(picture.mul_(4).sub_(2))


class Overwriting(Shade):
    """A renderer that overwrites what it gets."""

    def __call__(self, image, depth, camera=None):
        return super().__call__(image.mul_(0.5), depth.mul_(0.5), camera).clamp(0, 1)


def attacked(attack, victim, image, depth, label, render=None):
    if isinstance(attack, ACE | ColorFool):
        return attack(victim, image, label)
    return attack(render or Shade(), victim, image, depth, label)


@pytest.mark.parametrize("attack", [*RENDERED, *RECOLOURED], **ids)
def test_a_victim_that_works_in_place_changes_nothing_of_ours(attack):
    image, depth, label = batch()
    image, before = image * 0.5 + 0.4, (image * 0.5 + 0.4, depth.clone())
    found = attacked(attack, in_place, image, depth, label)
    assert torch.equal(image, before[0]) and torch.equal(depth, before[1])
    true = attacked(attack, lambda p: Victim(lead=1e3)(p * 4 - 2), image, depth, label)
    assert torch.equal(found.image, true.image) and found.image.min() > -1


@pytest.mark.parametrize("attack", RENDERED, **ids)
def test_a_renderer_that_works_in_place_changes_nothing_of_ours(attack):
    image, depth, label = batch()
    before = image.clone(), depth.clone()
    found = attack(Overwriting(), Victim(lead=1e3), image, depth, label)
    assert torch.equal(image, before[0]) and torch.equal(depth, before[1])
    assert found.depth is not depth and found.depth.data_ptr() != depth.data_ptr()


def moody():
    """A network whose answers in training mode are others, and change its statistics."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten())
    return nn.Sequential(body, nn.Linear(4 * 36, 3))


@pytest.mark.parametrize("attack", [*RENDERED, *RECOLOURED], **ids)
def test_training_mode_is_left_for_the_attack_and_put_back(attack, untouched):
    image, depth, label = batch()
    victim = moody()
    victim[0][2].eval()
    with untouched(victim), pytest.warns(CocnetWarning, match="in training mode"):
        found = attacked(attack, victim, image, depth, label)
    assert torch.equal(found.image, attacked(attack, victim.eval(), image, depth, label).image)


def test_a_renderer_in_training_mode_too():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(3)

        def forward(self, image, depth):
            return self.norm(image) - 0.3 * depth

    render = Network()
    with pytest.warns(CocnetWarning, match="in training mode"):
        GDA(0.1, 2)(render, Victim(), *batch())
    assert render.training and not render.norm.running_mean.any()


def test_modes_are_put_back_after_an_error():
    victim = moody()
    victim[1].register_forward_hook(lambda *_: (_ for _ in ()).throw(ValueError("broken")))
    with pytest.warns(CocnetWarning), pytest.raises(ValueError, match="broken"):
        GDA(0.1, 2)(Shade(), victim, *batch())
    assert all(part.training for part in victim.modules())


@pytest.mark.parametrize("attack", [GDA(0.1, 2), RandomSearch(GDA(0.1, 2)), *RECOLOURED], **ids)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, d, y: (i.half(), d.half(), y), r"try image\.float\(\)"),
        (lambda i, d, y: (i.bfloat16(), d.bfloat16(), y), r"try image\.float\(\)"),
        (lambda i, d, y: (i * 1.5, d, y), "pictures of 0..1"),
        (lambda i, d, y: (i - 0.5, d, y), "pictures of 0..1"),
        (lambda i, d, y: (i * float("nan"), d, y), "pictures of 0..1"),
        (lambda i, d, y: (i, d, y - 1), "label of int64 from 0"),
        (lambda i, d, y: (i, d, y.int()), "label of int64 from 0"),
        (lambda i, d, y: (i[:0], d[:0], y[:0]), "pictures"),
        (lambda i, d, y: (i, d, y + 3), "classes that the victim has"),
    ],
)
def test_what_can_not_be_attacked_is_one_line(attack, change, message):
    image, depth, label = change(*batch())
    with pytest.raises(InputError, match=message) as error:
        attacked(attack, Victim(), image, depth, label)
    assert "\n" not in str(error.value)


def test_depth_of_another_type():
    image, depth, label = batch()
    with pytest.raises(DepthError, match=r"of torch\.float32, got"):
        GDA()(Shade(), Victim(), image, depth.double(), label)


@pytest.mark.parametrize(
    ("victim", "message"),
    [
        (lambda p: {"out": Victim()(p)}, "got a dict, try: wrap the victim"),
        (lambda p: (Victim()(p), 0), "got a tuple, try: wrap the victim"),
        (lambda p: Victim()(p)[:, 0], "expected logits"),
        (lambda p: p, "expected logits"),
        (lambda p: Victim()(p)[:1], "expected logits"),
        (lambda p: Victim()(p).argmax(1, keepdim=True).expand(-1, 3), "of floats"),
        (lambda p: Victim()(p).detach(), "a victim with a gradient"),
    ],
)
@pytest.mark.parametrize("attack", [GDA(0.1, 2), ACE(steps=1)], **ids)
def test_outputs_that_are_no_logits_say_what_to_do(attack, victim, message):
    with pytest.raises(InputError, match=message):
        attacked(attack, victim, *batch())


def test_a_renderer_without_a_gradient_is_named():
    class Flat(Shade):
        def __call__(self, *inputs):
            return super().__call__(*inputs).detach()

    with pytest.raises(InputError, match="a renderer with a gradient"):
        GDA(0.1, 2)(Flat(), Victim(), *batch())


@pytest.mark.parametrize("name", ["gda", "l2", "random", "colorfool"])
def test_seeds_belong_to_photos(name):
    attack = {
        "gda": lambda seed: GDA(0.1, 2, seed=seed, restarts=2, early_stop=False),
        "l2": lambda seed: GDA(0.1, 2, seed=seed, norm="l2", early_stop=False),
        "random": lambda seed: RandomSearch(GDA(0.1, 2, seed=seed)),
        "colorfool": lambda seed: ColorFool(trials=5, seed=seed),
    }[name]
    image, depth, label = batch()
    image = image[:1].expand_as(image)
    whole = attacked(attack((5, 6, 7)), Victim(lead=1e3), image, depth, label)
    parts = [
        attacked(attack(seeds), Victim(lead=1e3), image[rows], depth[rows], label[rows])
        for seeds, rows in (((5,), slice(0, 1)), ((6, 7), slice(1, 3)))
    ]
    assert torch.allclose(whole.image, torch.cat([one.image for one in parts]), atol=1e-6)
    assert not torch.equal(whole.image[0], whole.image[1])
    same = attacked(attack(5), Victim(lead=1e3), image, depth, label)
    assert torch.allclose(same.image[0], whole.image[0], atol=1e-6) and torch.equal(
        same.image[0], same.image[2]
    )
    with pytest.raises(InputError, match="a seed for each of 3 photos"):
        attacked(attack((1, 2)), Victim(), image, depth, label)


def test_a_loss_and_a_success_of_ones_own_attack_any_output():
    """A victim that returns maps in a dict, as a segmenter does; goals are maps, too."""

    def segmenter(picture):
        return {"out": torch.stack([picture.mean(1), 1 - picture.mean(1)], 1)}

    def loss(output, goal):
        return nn.functional.cross_entropy(output["out"], goal, reduction="none").flatten(1).mean(1)

    def success(output, goal):
        return (output["out"].argmax(1) != goal).flatten(1).double().mean(1) > 0.5

    x = torch.full((2, 3, 6, 6), 0.45)
    x[1] = 0.05
    goal = segmenter(x)["out"].argmax(1)
    found = descend(lambda x, rows: x, segmenter, x, goal, PGDSettings(0.1, 10, loss=loss, success=success))
    assert found.fooled.tolist() == [True, False] and (found.prediction == -1).all()
    assert found.queries[0] < 11 and (found.x - x).abs().max() <= 0.1 + 1e-6
    result = GDA(0.3, 5, loss=loss, success=success)(Shade(), segmenter, x, torch.ones(2, 1, 6, 6), goal)
    assert result.margin.shape == (2,)
    for wrong in ({"loss": loss}, {"success": success}):
        with pytest.raises(InputError, match="together"):
            PGDSettings(**wrong)
    mean = PGDSettings(0.1, 2, loss=lambda o, g: loss(o, g).mean(), success=success)
    with pytest.raises(InputError, match=r"expected loss \[2\]"):
        descend(lambda x, rows: x, segmenter, x, goal, mean)


def test_a_classifier_of_nan_sees_no_class():
    with pytest.raises(InputError, match="expected logits from function, got NaN"):
        ask_classes(lambda picture: picture.flatten(1)[:, :3] * torch.nan, torch.rand(2, 3, 4, 4))


@pytest.mark.parametrize("attack", [ACE(steps=1), ColorFool(trials=2)], ids=["ace", "colorfool"])
def test_attacks_on_pictures_refuse_a_victim_of_nan(attack):
    image, depth, label = batch()
    with pytest.raises(InputError, match="got NaN"):
        attacked(attack, lambda p: Victim()(p) * torch.nan, image, depth, label)


@pytest.mark.parametrize("spelled", ["method", "partial", "function", "object", "own"])
def test_training_mode_is_seen_behind_what_calls_the_network(spelled):
    network = nn.Sequential(nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    class Holder:
        def __init__(self):
            self.network = network

        def __call__(self, picture):
            return self.network(picture)

    victim = {
        "method": network.forward,
        "partial": functools.partial(network),
        "function": lambda picture: network(picture),
        "object": Holder(),
        "own": OwnVictim(lambda picture: network(picture), "own", 3),
    }[spelled]
    before = network[0].running_mean.clone()
    with pytest.warns(CocnetWarning, match="Sequential is in training mode"):
        GDA(0.1, 2)(Shade(), victim, *batch())
    assert torch.equal(network[0].running_mean, before) and network.training
