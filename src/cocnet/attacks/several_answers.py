"""An attack on several answers at once: of several victims (an ensemble, Liu et al. 2017), or of one victim to what
becomes of a picture on its way to it (expectation over transformations, Athalye et al. 2018).

Enters: victims, views picture → picture with a gradient. Leaves: a victim that answers for all, the mean of a loss
over the answers, and success where every answer is wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from cocnet.attacks.attack_losses import LOSSES, LossName, margin_loss
from cocnet.attacks.best_so_far import Judge
from cocnet.attacks.guard import ask, checked_logits, evaluating
from cocnet.attacks.result import AttackResult, Victim
from cocnet.compute import strict_float32

View = Callable[[Float[Tensor, "b 3 h w"]], Float[Tensor, "b 3 h w"]]


class SeveralAnswers(nn.Module):
    """Every victim's logits for every view of a picture, in one tuple."""

    def __init__(self, victims: Sequence[Callable[[Tensor], Any]], views: Sequence[View]) -> None:
        super().__init__()
        self.training = False
        self.calls, self.views = tuple(victims), tuple(views)
        self.networks = nn.ModuleList(one for one in victims if isinstance(one, nn.Module))
        self.networks.training = False

    def __len__(self) -> int:
        return len(self.calls) * len(self.views)

    def forward(self, picture: Float[Tensor, "b 3 h w"]) -> tuple[Any, ...]:
        shown = [view(picture) for view in self.views]
        return tuple(ask(call, one) for call in self.calls for one in shown)


@dataclass(frozen=True)
class MeanLoss:
    """The mean of a loss over all answers, of each photo."""

    loss: LossName = "ce"
    targeted: bool = False

    def __call__(self, answers: tuple[Any, ...], goal: Int64[Tensor, " b"]) -> Float[Tensor, " b"]:
        each = [LOSSES[self.loss](checked_logits(one, len(goal)), goal, self.targeted) for one in answers]
        return torch.stack(each).mean(0)


@dataclass(frozen=True)
class AllWon:
    """Whether every answer is what the attack wants."""

    targeted: bool = False

    def __call__(self, answers: tuple[Any, ...], goal: Int64[Tensor, " b"]) -> Bool[Tensor, " b"]:
        each = [margin_loss(checked_logits(one, len(goal)), goal, self.targeted) > 0 for one in answers]
        return torch.stack(each).all(0)


def judged_by(
    result: AttackResult, victim: Victim, goal: Int64[Tensor, " b"], targeted: bool, answers: int
) -> AttackResult:
    """The same pictures, judged by one victim alone as they are; each query was of so many answers."""
    with torch.no_grad(), strict_float32(result.image.device), evaluating(victim):
        lead, won, seen = Judge(targeted)(ask(victim, result.image), goal)
    return replace(result, success=won, prediction=seen, margin=lead, queries=result.queries * answers)
