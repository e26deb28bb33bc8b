"""A method of attack as it is spelled: "gda", with another ε "gda@8e-3", with more effort "gda@8e-3:steps=200", one
that reckons with a JPEG on the way "gda@8e-3:eot=jpeg75", one on two victims at once "gda@8e-3:with=resnet50".

Enters: a name and a budget. Leaves: a `Method`, called as method(render, victim, image, depth, label).
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from cocnet.attacks import AttackResult
from cocnet.attacks.guard import evaluating
from cocnet.attacks.render_attack import AnyRender, check_batch
from cocnet.attacks.result import Victim
from cocnet.attacks.several_answers import SeveralAnswers, judged_by
from cocnet.compute import strict_float32
from cocnet.errors import InputError
from cocnet.robustness.budget import Budget
from cocnet.robustness.camera_settings import CameraSetting
from cocnet.robustness.method_table import METHODS, Apply, MethodSpec
from cocnet.robustness.transforms import differentiable

_NEXT = r":(?=(?:steps|restarts|eot|with|stops|dioptres)=|full(?::|$))"


@dataclass(frozen=True)
class Method:
    """A method that is ready, as it was spelled: `NAME[@EPSILON][:steps=N][:restarts=N][:full][:eot=VIEW+VIEW]`
    `[:with=VICTIM+VICTIM]`, or for the camera's settings `camera[:stops=X][:dioptres=X]`."""

    name: str
    base: str
    budget: Budget
    spec: MethodSpec
    call: Apply

    @property
    def epsilon(self) -> float | None:
        """The ε that is used; None where a method has none."""
        return self.budget.epsilon

    @property
    def baseline(self) -> str:
        """The baseline of the same ε and effort, "" for none."""
        return f"{self.spec.baseline}{self.name[len(self.base) :]}" if self.spec.baseline else ""

    def __call__(
        self,
        render: AnyRender,
        victim: Victim,
        image: Tensor,
        depth: Tensor,
        label: Tensor,
        allies: Sequence[Victim] = (),
    ) -> AttackResult:
        """Do it to a batch; allies: the victims that were spelled behind with=. The result is what `victim` says of
        the pictures as they are. Raises InputError, DepthError."""
        check_batch(image, depth, label)
        with strict_float32(image.device), evaluating(render):
            if not self.budget.several:
                return self.call(render, victim, image, depth, label)
            views = [differentiable(name) for name in self.budget.views]
            answers = SeveralAnswers((victim, *allies), (Tensor.clone, *views))
            found = self.call(render, answers, image, depth, label)
            return judged_by(found, victim, label, self.budget.targeted, len(answers))


def open_method(spelled: str, budget: Budget | None = None) -> Method:
    """The method of a name. Raises InputError for an unknown name, an ε that can't be, or a target it can't take."""
    chosen = budget or Budget()
    name, *effort = parts_of(spelled)
    base, at, number = name.partition("@")
    if base not in METHODS:
        near = difflib.get_close_matches(base, METHODS, n=1) or [", ".join(METHODS)]
        raise InputError(f"expected a method, got '{base}', try {near[0]}")
    spec = METHODS[base]
    epsilon = _number(spelled, number) if at else chosen.epsilon
    if epsilon is not None and spec.epsilon is None:
        raise InputError(f"expected a method with an epsilon, got '{spelled}', try {base} alone")
    if chosen.targeted and not spec.targeted:
        raise InputError(f"expected a method that can reach a target, got '{base}', try bg-gda")
    if spec.set:
        setting = CameraSetting.read(spelled, effort)
        used = replace(chosen, epsilon=None, setting=setting)
        return Method(spelled, base, used, spec, spec.make(used))
    if effort and spec.epsilon is None:
        raise InputError(
            f"expected a method with an epsilon for an effort, got '{spelled}', try {base} alone"
        )
    changes = {
        "epsilon": spec.epsilon if epsilon is None else epsilon,
        **_effort(spelled, effort),
        **spec.own,
    }
    used = replace(chosen, **changes)
    return Method(spelled, base, used, spec, spec.make(used))


def swept(methods: Sequence[str], epsilons: Sequence[float]) -> tuple[str, ...]:
    """Names of methods, each that has an ε of its own at all of `epsilons` instead. Raises InputError."""
    names = []
    for spelled in methods:
        base, colon, effort = spelled.partition(":")
        sweeps = epsilons and "@" not in base and open_method(spelled).spec.epsilon is not None
        names += [f"{base}@{epsilon:g}{colon}{effort}" for epsilon in epsilons] if sweeps else [spelled]
    return tuple(dict.fromkeys(names))


def parts_of(spelled: str) -> list[str]:
    """A method's name and what stands behind it; a colon before anything else is a part of a victim's name."""
    name, colon, behind = spelled.partition(":")
    return [name, *re.split(_NEXT, behind)] if colon else [name]


def _number(spelled: str, number: str) -> float:
    try:
        return float(number)
    except ValueError:
        raise InputError(f"expected a number behind @, got '{spelled}', try gda@8e-3") from None


def _effort(spelled: str, parts: Sequence[str]) -> dict[str, Any]:
    """steps=N, restarts=N, full, eot=VIEW+VIEW and with=VICTIM+VICTIM as a budget has them."""
    found: dict[str, Any] = {}
    for part in parts:
        key, _, value = part.partition("=")
        if part == "full":
            found["full"] = True
        elif key in ("steps", "restarts") and value.isdecimal() and int(value):
            found[key] = int(value)
        elif key == "eot" and value:
            found["views"] = tuple(value.split("+"))
            for name in found["views"]:
                differentiable(name)
        elif key == "with" and value:
            found["allies"] = tuple(value.split("+"))
        else:
            raise InputError(
                f"expected steps=N, restarts=N, full, eot=VIEW or with=VICTIM behind ':', got '{spelled}', "
                "try gda@8e-3:steps=200"
            )
    return found
