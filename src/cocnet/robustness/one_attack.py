"""One photo before and after an attack, as tensors; files are `single_photo`'s and the page's.

Enters: a photo's file, an `AttackRun`. Leaves: `Before`, sRGB [1 3 n n] and nearness [1 1 n n] of 0..1 with natural
bokeh; then an `AttackResult`. `top_classes` says what a victim sees.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.attacks import AttackResult
from cocnet.attacks.guard import ask_classes, evaluating
from cocnet.attacks.own_victims import OwnVictim
from cocnet.attacks.victims import Classifier
from cocnet.compute import check_device, strict_float32
from cocnet.datasets import LabelledFile, LabelledPhotos
from cocnet.errors import InputError
from cocnet.renderers import NearnessView
from cocnet.robustness.budget import Budget
from cocnet.robustness.class_names import class_name
from cocnet.robustness.methods import Method, open_method
from cocnet.robustness.photo_depths import photo_depths
from cocnet.robustness.single_photo import AttackRun, Prediction
from cocnet.robustness.sources import classes_of, nearness_of, open_victims, open_view, setup_of

AnyVictim = Classifier | OwnVictim


@dataclass(frozen=True, eq=False)
class Before:
    """The photo, its nearness and its natural bokeh; the method, the renderer and the victim of the attack; the true
    class, and the class that the attack aims at (away from the true one, or at the wanted one); allies: victims that
    it is to fool beside."""

    image: Float[Tensor, "1 3 n n"]
    near: Float[Tensor, "1 1 n n"]
    natural: Float[Tensor, "1 3 n n"]
    method: Method
    render: NearnessView
    victim: AnyVictim
    label: int
    goal: int
    allies: tuple[AnyVictim, ...] = ()

    def attacked(self, on_query: Callable[[], None] = lambda: None) -> AttackResult:
        """The attack; on_query() is called whenever the victim has been shown pictures. Raises InputError."""
        device, watched = self.image.device, _Watched(self.victim, on_query)
        goal = torch.tensor([self.goal]).to(device)
        with strict_float32(device):
            return self.method(self.render, watched, self.image, self.near, goal, self.allies)


class _Watched(nn.Module):
    """A victim that tells of each batch of pictures that it is shown."""

    def __init__(self, victim: AnyVictim, on_query: Callable[[], None]) -> None:
        super().__init__()
        self.victim, self.on_query = victim, on_query
        self.training = False

    def forward(self, rgb: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        logits: Tensor = self.victim(rgb)
        self.on_query()
        return logits


def before_attack(photo: Path, run: AttackRun) -> Before:
    """Open what a run names, and render the natural picture. Raises FileError, InputError, DepthError."""
    check_device(run.device)
    method = open_method(run.method, Budget.of(run, epsilon=run.epsilon, targeted=run.target is not None))
    victims = open_victims(dict.fromkeys((run.victim, *method.budget.allies)), run.size_px, run.device)
    classes_of(victims)
    victim, *allies = victims.values()
    render = open_view(run.renderer, setup_of(run), run.device)
    image, near = _opened(photo, run)
    with strict_float32(image.device), torch.no_grad():
        natural = render(image, near)
    label = top_classes(victim, image, 1)[0].label if run.label is None else run.label
    label = _class(label, victim, "--label")
    goal = label if run.target is None else _class(run.target, victim, "--target")
    if run.target == label:
        raise InputError(f"expected a target other than the photo's class, got {label}, try another --target")
    return Before(image, near, natural, method, render, victim, label, goal, tuple(allies))


def top_classes(victim: AnyVictim, image: Float[Tensor, "1 3 h w"], count: int = 5) -> tuple[Prediction, ...]:
    """The classes that a victim finds likeliest, the first one first."""
    with torch.no_grad(), strict_float32(image.device), evaluating(victim):
        chance = ask_classes(victim, image)[0].softmax(0)
    chances, labels = chance.topk(min(count, len(chance)))
    return tuple(
        Prediction(label, class_name(label, victim.classes), confidence)
        for label, confidence in zip(labels.tolist(), chances.tolist(), strict=True)
    )


def _opened(photo: Path, run: AttackRun) -> tuple[Float[Tensor, "1 3 n n"], Float[Tensor, "1 1 n n"]]:
    """The photo and its nearness. Raises FileError, DepthError."""
    image = LabelledPhotos([LabelledFile(photo.name, photo, 0)], size_px=run.size_px)[0].image
    depth = run.depth
    if depth is not None and depth.is_dir():
        depth = photo_depths(depth, [photo]).of(photo)
    near = nearness_of(image, photo, depth, run.depth_kind, run.estimator, setup_of(run), run.nearest)
    return image[None].to(run.device), near[None].to(run.device)


def _class(label: int, victim: AnyVictim, option: str) -> int:
    if not 0 <= label < victim.classes:
        raise InputError(f"expected a class of 0..{victim.classes - 1}, got {label}, try another {option}")
    return label
