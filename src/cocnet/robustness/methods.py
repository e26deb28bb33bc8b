"""What is done to photos, by name: nothing, blur, attacks and their yardsticks.

Enters: how a method is spelled, "gda" or, with another ε, "gda@8e-3", and what it may cost. Leaves: a `Method`,
called as method(render, victim, image, depth, label). Those that know no depth change the natural bokeh picture, so
that all start from the same one. A new method is a row of `ROWS`.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.attacks import GDA, AttackResult, BackgroundGDA, DepthOffset, LensAttack, Random, SmoothGDA
from cocnet.attacks.ace import ACE
from cocnet.attacks.base import AnyRender, RenderAttack
from cocnet.attacks.colorfool import ColorFool
from cocnet.attacks.pgd import Descent, descend
from cocnet.attacks.result import Victim, judged
from cocnet.errors import InputError
from cocnet.renderers.nearness import Physical, Setup

Apply = Callable[[AnyRender, Victim, Tensor, Tensor, Tensor], AttackResult]
Recolour = Callable[[Victim, Tensor, Tensor], AttackResult]


@dataclass(frozen=True)
class Budget:
    """What a method may cost. epsilon None: the method's own; full: no photo stops early, so that all go as far as
    they can; targeted: labels are wanted classes."""

    epsilon: float | None = None
    steps: int = 50
    seed: int = 0
    full: bool = False
    targeted: bool = False
    setup: Setup = field(default_factory=Setup)


@dataclass(frozen=True)
class Row:
    """One method: in words, how it is made, its ε and what that is of, its yardstick, whether it can be targeted or
    needs a renderer with a camera."""

    about: str
    make: Callable[[Budget], Apply]
    epsilon: float | None = None
    unit: str = ""
    yardstick: str = ""
    targeted: bool = False
    camera: bool = False


@dataclass(frozen=True)
class Method:
    """A method that is ready; `name` is as it was spelled, `yardstick` that of the same ε, "" for none."""

    name: str
    base: str
    epsilon: float | None
    row: Row
    call: Apply

    @property
    def yardstick(self) -> str:
        """Its name, spelled with the same ε."""
        _, at, number = self.name.partition("@")
        return f"{self.row.yardstick}{at}{number}" if self.row.yardstick else ""

    def __call__(
        self, render: AnyRender, victim: Victim, image: Tensor, depth: Tensor, label: Tensor
    ) -> AttackResult:
        """Do it to a batch. Raises InputError, DepthError."""
        return self.call(render, victim, image, depth, label)


def open_method(spelled: str, budget: Budget | None = None) -> Method:
    """The method of a name. Raises InputError for an unknown name, an ε that can't be, or a target it can't take."""
    chosen = budget or Budget()
    base, at, number = spelled.partition("@")
    if base not in ROWS:
        near = difflib.get_close_matches(base, ROWS, n=1) or [", ".join(ROWS)]
        raise InputError(f"expected a method, got '{base}', try {near[0]}")
    row = ROWS[base]
    epsilon = _number(spelled, number) if at else chosen.epsilon
    if epsilon is not None and row.epsilon is None:
        raise InputError(f"expected a method with an epsilon, got '{spelled}', try {base} alone")
    if chosen.targeted and not row.targeted:
        raise InputError(f"expected a method that can reach a target, got '{base}', try bg-gda")
    used = row.epsilon if epsilon is None else epsilon
    return Method(spelled, base, used, row, row.make(replace(chosen, epsilon=used)))


def _number(spelled: str, number: str) -> float:
    try:
        return float(number)
    except ValueError:
        raise InputError(f"expected a number behind @, got '{spelled}', try gda@8e-3") from None


D = TypeVar("D", bound=Descent)


def within_budget(like: D, budget: Budget) -> D:
    """An attack with a budget's numbers."""
    return replace(
        like,
        epsilon=like.epsilon if budget.epsilon is None else budget.epsilon,
        steps=budget.steps,
        seed=budget.seed,
        early_stop=not budget.full,
        targeted=budget.targeted,
    )


def _attack(like: RenderAttack) -> Callable[[Budget], RenderAttack]:
    return lambda budget: within_budget(like, budget)


def _yardstick(like: RenderAttack) -> Callable[[Budget], Apply]:
    return lambda budget: Random(within_budget(like, budget))


def _offset(budget: Budget) -> Apply:
    return within_budget(DepthOffset(span=budget.setup.dioptres), budget)


def _shown(picture: Callable[[Budget, AnyRender, Tensor, Tensor], Tensor]) -> Callable[[Budget], Apply]:
    """No attack: a picture that the victim is shown."""

    def make(budget: Budget) -> Apply:
        def apply(
            render: AnyRender, victim: Victim, image: Tensor, depth: Tensor, label: Tensor
        ) -> AttackResult:
            with torch.no_grad():
                shown = picture(budget, render, image, depth)
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
    inside = (first >= 0) & (first <= 1)
    return Physical(setup)(
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
                natural = render(image, depth)
            return change(victim, natural, label)

        return apply

    return made


def _rgb(budget: Budget) -> Recolour:
    """PGD on the pixels themselves."""
    settings = within_budget(Descent(), budget)

    def change(victim: Victim, picture: Tensor, label: Tensor) -> AttackResult:
        best = descend(lambda x, rows: x, victim, picture, label, settings, lambda x: x.clamp(0, 1))
        return AttackResult(
            best.image, None, best.fooled, best.queries, best.prediction, best.margin, None, best.stalled
        )

    return change


def _depth_row(about: str, like: RenderAttack, yardstick: str = "") -> Row:
    return Row(about, _attack(like), like.epsilon, "of nearness", yardstick, targeted=True)


def _random_row(like: RenderAttack, unit: str = "of nearness", camera: bool = False) -> Row:
    about = f"the best of as many random draws as {like.name} has queries"
    return Row(about, _yardstick(like), like.epsilon, unit, targeted=True, camera=camera)


ROWS: Mapping[str, Row] = {
    "aif": Row("the all-in-focus photo", _shown(lambda budget, render, image, depth: image)),
    "bokeh": Row("natural bokeh", _shown(lambda budget, render, image, depth: render(image, depth))),
    "blur": Row(
        "one disk of the same mean radius everywhere",
        _shown(lambda budget, render, image, depth: one_blur(budget.setup, image, depth)),
    ),
    "random": _random_row(GDA()),
    "gda": _depth_row("the gradient-based depth attack, Eq. 18", GDA(), "random"),
    "sm-gda": _depth_row("gda with a smoothed gradient", SmoothGDA(), "random-sm-gda"),
    "bg-gda": _depth_row("gda behind what is in focus", BackgroundGDA(), "random-bg-gda"),
    "random-sm-gda": _random_row(SmoothGDA()),
    "random-bg-gda": _random_row(BackgroundGDA()),
    "offset": Row("a smooth error of depth", _offset, DepthOffset().epsilon, "dioptres", targeted=True),
    "lens": Row(
        "focus, aperture and focal length alone",
        _attack(LensAttack()),
        LensAttack().epsilon,
        "of each range",
        "random-lens",
        targeted=True,
        camera=True,
    ),
    "random-lens": _random_row(LensAttack(), "of each range", camera=True),
    "pgd-rgb": Row(
        "PGD on the natural bokeh picture's pixels", _pixels(_rgb), 8 / 255, "of 0..1", targeted=True
    ),
    "ace": Row("curves for its colours (ACE)", _pixels(lambda budget: ACE(steps=budget.steps))),
    "colorfool-unmasked": Row(
        "random colours, without regions (ColorFool)", _pixels(lambda budget: ColorFool(seed=budget.seed))
    ),
}
