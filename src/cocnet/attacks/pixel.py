"""The plain yardsticks, noise of at most ε on the pixels: FGSM, PGD, MI-FGSM, as the package torchattacks has them.

Enters: a victim, pictures, labels. Leaves: an `AttackResult` with ‖image* − image‖∞ ≤ ε, ε in units of 0..1.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from cocnet.attacks.result import AttackResult, Victim, check_photos, judged
from cocnet.errors import InputError, MissingExtraError

Method = Literal["fgsm", "pgd", "mi-fgsm"]
INSTALL = "pip install --no-deps torchattacks==3.5.1 && pip install scipy"


@dataclass(frozen=True)
class PixelAttack:
    """The attack; called as attack(victim, image, label). A query is one picture with its gradient.

    epsilon, step: 0..1 [8/255 and 2/255]; steps: of PGD and MI-FGSM [10]; seed: of PGD's random start; momentum: of
    MI-FGSM. Raises InputError, MissingExtraError.
    """

    method: Method = "pgd"
    epsilon: float = 8 / 255
    step: float = 2 / 255
    steps: int = 10
    seed: int = 0
    momentum: float = 1.0

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            names = ", ".join(get_args(Method))
            raise InputError(f"expected a method of {names}, got {self.method!r}, try pgd")
        if not (self.epsilon >= 0 and self.step >= 0 and self.steps >= 1):
            got = f"{self.epsilon}, {self.step}, {self.steps}"
            raise InputError(
                f"expected epsilon and step from 0, steps from 1, got {got}, try 8/255, 2/255, 10"
            )

    @property
    def name(self) -> str:
        """As tables have it."""
        return self.method

    @torch.enable_grad()
    def __call__(
        self, victim: Victim, image: Float[Tensor, "b 3 h w"], label: Int64[Tensor, "b"]
    ) -> AttackResult:
        """Attack a batch, in full precision. Raises InputError, MissingExtraError."""
        check_photos(image, label)
        shown = _Shown(victim, image.device)
        attack = self._attack(_torchattacks(), shown)
        with torch.random.fork_rng(devices=_devices(image)):
            torch.manual_seed(self.seed)
            adversarial = attack(image, label)
        adversarial = torch.where(
            adversarial.isnan(), image, adversarial
        )  # MI-FGSM's, where a gradient is zero
        queries = torch.full_like(label, shown.count // len(image))
        return judged(victim, adversarial, label, queries)

    def _attack(self, package: Any, shown: "_Shown") -> Any:
        if self.method == "fgsm":
            return package.FGSM(shown, eps=self.epsilon)
        settings = {"eps": self.epsilon, "alpha": self.step, "steps": self.steps}
        if self.method == "pgd":
            return package.PGD(shown, **settings)
        return package.MIFGSM(shown, **settings, decay=self.momentum)


class _Shown(nn.Module):
    """A victim as the package wants it: a module with a device. Not its parent: the package sets modes."""

    def __init__(self, victim: Victim, device: torch.device) -> None:
        super().__init__()
        self.ask = (victim,)
        self.count = 0
        self.place = nn.Parameter(torch.zeros((), device=device), requires_grad=False)
        self.eval()

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        self.count += len(x)
        return self.ask[0](x)


def _devices(image: Tensor) -> list[torch.device]:
    return [image.device] if image.is_cuda else []


def _torchattacks() -> Any:
    try:
        import torchattacks
    except ImportError as error:
        raise MissingExtraError(
            f"expected the package torchattacks, got none ({error}), try: {INSTALL} (it pins old libraries)"
        ) from error
    return torchattacks
