"""Every method by name: what is done to photos, from nothing to attacks and their baselines.

Enters: a `Budget`. Leaves: what is called as (render, victim, image, depth, label). Methods that know no depth change
the natural bokeh picture, so that all start from the same one. A new method is a row of `METHODS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.attacks import (
    GDA,
    AttackResult,
    BackgroundGDA,
    DepthOffset,
    LensAttack,
    RandomSearch,
    SmoothGDA,
)
from cocnet.attacks.ace import ACE
from cocnet.attacks.colorfool import ColorFool
from cocnet.attacks.pgd import PGDSettings, descend
from cocnet.attacks.render_attack import AnyRender, RenderAttack
from cocnet.attacks.result import Victim, judged
from cocnet.renderers import NearnessView, Physical, Setup
from cocnet.robustness.budget import Budget, within_budget

ROUNDING = 1e-4  # of nearness
Apply = Callable[[AnyRender, Victim, Tensor, Tensor, Tensor], AttackResult]
Recolour = Callable[[Victim, Tensor, Tensor], AttackResult]


@dataclass(frozen=True)
class MethodSpec:
    """One method: in words, how it is made, its ε and what that is of, its baseline of random draws, whether it
    can be targeted or needs a renderer with a camera; set: it is one setting of that camera; own: parts of a budget
    that it has of its own, whatever is asked for."""

    about: str
    make: Callable[[Budget], Apply]
    epsilon: float | None = None
    unit: str = ""
    baseline: str = ""
    targeted: bool = False
    camera: bool = False
    set: bool = False
    own: Mapping[str, Any] = field(default_factory=dict)


def _attack(like: RenderAttack) -> Callable[[Budget], RenderAttack]:
    return lambda budget: within_budget(like, budget)


def _random_search(like: RenderAttack) -> Callable[[Budget], Apply]:
    return lambda budget: RandomSearch(within_budget(like, budget))


def _lens(budget: Budget) -> LensAttack:
    return within_budget(LensAttack(range=budget.camera_range), budget)


def _offset(budget: Budget) -> Apply:
    return within_budget(DepthOffset(span=budget.setup.dioptres), budget)


def _shown(picture: Callable[[Budget, AnyRender, Tensor, Tensor], Tensor]) -> Callable[[Budget], Apply]:
    """No attack: a picture that the victim is shown."""

    def make(budget: Budget) -> Apply:
        def apply(
            render: AnyRender, victim: Victim, image: Tensor, depth: Tensor, label: Tensor
        ) -> AttackResult:
            with torch.no_grad():
                shown = picture(budget, render, image.clone(), depth.clone())
            return judged(victim, shown, label, torch.zeros_like(label))

        return apply

    return make


def one_blur(
    setup: Setup, image: Float[Tensor, "b 3 h w"], depth: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """Each photo blurred alike everywhere, by a disk of the mean radius (Eq. 1) that its depth gives."""
    mean = setup.radius_px(depth).abs().mean((1, 2, 3), keepdim=True)
    ends = depth.new_tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 1, depth.shape[-1])
    low, high = setup.radius_px(ends)[:, 0, 0, 0]
    span = high - low
    first, second = (mean - low) / span, (-mean - low) / span
    inside = (first >= -ROUNDING) & (first <= 1 + ROUNDING)
    return NearnessView(Physical(), setup)(
        image, torch.where(inside, first, second).clamp(0, 1).expand_as(depth).contiguous()
    )


def _pixels(make: Callable[[Budget], Recolour]) -> Callable[[Budget], Apply]:
    """A method that knows pictures only, on the natural bokeh picture."""

    def made(budget: Budget) -> Apply:
        change = make(budget)

        def apply(
            render: AnyRender, victim: Victim, image: Tensor, depth: Tensor, label: Tensor
        ) -> AttackResult:
            with torch.no_grad():
                natural = render(image.clone(), depth.clone())
            return change(victim, natural, label)

        return apply

    return made


def _rgb(budget: Budget) -> Recolour:
    """PGD on the pixels themselves."""
    settings = within_budget(PGDSettings(), budget)

    def change(victim: Victim, picture: Tensor, label: Tensor) -> AttackResult:
        best = descend(lambda x, rows: x, victim, picture, label, settings, lambda x: x.clamp(0, 1))
        return AttackResult(
            best.image,
            None,
            best.fooled,
            best.queries,
            best.prediction,
            best.margin,
            None,
            best.zero_gradient,
        )

    return change


def _depth_attack(about: str, like: RenderAttack, baseline: str = "") -> MethodSpec:
    return MethodSpec(about, _attack(like), like.epsilon, "of nearness", baseline, targeted=True)


def _random_draws(like: RenderAttack, unit: str = "of nearness", camera: bool = False) -> MethodSpec:
    about = f"the best of as many random draws as {like.name} has queries"
    return MethodSpec(about, _random_search(like), like.epsilon, unit, targeted=True, camera=camera)


def _at_setting(budget: Budget, render: AnyRender, image: Tensor, depth: Tensor) -> Tensor:
    camera = budget.setting.of(budget.setup.camera)
    return render(image, depth, camera.to(depth).expand(len(depth), 3))


_ONE_START = {"restarts": 1, "full": False, "loss": "margin"}
NO_ATTACK = ("aif", "bokeh", "camera")
METHODS: Mapping[str, MethodSpec] = {
    "aif": MethodSpec("the all-in-focus photo", _shown(lambda budget, render, image, depth: image)),
    "bokeh": MethodSpec("natural bokeh", _shown(lambda budget, render, image, depth: render(image, depth))),
    "blur": MethodSpec(
        "one disk of the same mean radius everywhere",
        _shown(lambda budget, render, image, depth: one_blur(budget.setup, image, depth)),
    ),
    "camera": MethodSpec(
        "natural bokeh with the aperture opened by so many stops and the focus moved closer by so many dioptres",
        _shown(_at_setting),
        camera=True,
        set=True,
    ),
    "random": _random_draws(GDA()),
    "gda": _depth_attack("the gradient-based depth attack, Eq. 18", GDA(), "random"),
    "sm-gda": _depth_attack("gda with a smoothed gradient", SmoothGDA(), "random-sm-gda"),
    "bg-gda": _depth_attack("gda behind what is in focus", BackgroundGDA(), "random-bg-gda"),
    "random-sm-gda": _random_draws(SmoothGDA()),
    "random-bg-gda": _random_draws(BackgroundGDA()),
    "offset": MethodSpec(
        "a smooth error of depth", _offset, DepthOffset().epsilon, "dioptres", targeted=True
    ),
    "lens": MethodSpec(
        "focus, aperture and focal length alone",
        _lens,
        LensAttack().epsilon,
        "of each range",
        "random-lens",
        targeted=True,
        camera=True,
    ),
    "random-lens": replace(
        _random_draws(LensAttack(), "of each range", camera=True),
        make=lambda budget: RandomSearch(_lens(budget)),
    ),
    "pgd-rgb": MethodSpec(
        "PGD on the natural bokeh picture's pixels", _pixels(_rgb), 8 / 255, "of 0..1", targeted=True
    ),
    "ace": MethodSpec(
        "curves for its colours (ACE)", _pixels(lambda budget: ACE(steps=budget.steps)), own=_ONE_START
    ),
    "colorfool-unmasked": MethodSpec(
        "random colours, without regions (ColorFool)",
        _pixels(lambda budget: ColorFool(seed=budget.seed)),
        own={"steps": ColorFool.trials} | _ONE_START,
    ),
}
