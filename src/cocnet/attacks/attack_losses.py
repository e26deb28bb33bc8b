"""What an attack makes large, per photo: the loss of a victim's logits.

Enters: logits [b n], goals [b] (the true class, or with `targeted` the class wanted). Leaves: [b], the larger, the
nearer to the attacker's aim.
"""

from collections.abc import Callable
from typing import Literal

from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from cocnet.attacks.result import margin

LossName = Literal["ce", "dlr", "margin"]
_TINY = 1e-12


def cross_entropy(
    logits: Float[Tensor, "b n"], goal: Int64[Tensor, " b"], targeted: bool
) -> Float[Tensor, " b"]:
    """J of Eq. 18; targeted: the wanted class's, made small."""
    loss = functional.cross_entropy(logits, goal, reduction="none")
    return -loss if targeted else loss


def dlr(logits: Float[Tensor, "b n"], goal: Int64[Tensor, " b"], targeted: bool) -> Float[Tensor, " b"]:
    """The difference of logits ratio (Croce & Hein 2020), which shifts and scales of the logits leave as it is.

    −(z_y − max_{i≠y} z_i)/(z_π1 − z_π3); targeted, with the class y that leads: (z_t − z_y)/(z_π1 − (z_π3 + z_π4)/2).
    With fewer than three (four) classes the lowest logit stands in; with two the loss is flat.
    """
    ranked = logits.sort(1, descending=True).values
    third, fourth = (ranked[:, min(k, ranked.shape[1] - 1)] for k in (2, 3))
    low = (third + fourth) / 2 if targeted else third
    return margin_loss(logits, goal, targeted) / (ranked[:, 0] - low).clamp(min=_TINY)


def margin_loss(
    logits: Float[Tensor, "b n"], goal: Int64[Tensor, " b"], targeted: bool
) -> Float[Tensor, " b"]:
    """The best other logit minus the true class's; targeted: the wanted class's minus the best other. Above 0 the
    attack has won."""
    return -margin(logits, goal) if targeted else margin(logits, goal)


LOSSES: dict[LossName, Callable[[Tensor, Tensor, bool], Tensor]] = {
    "ce": cross_entropy,
    "dlr": dlr,
    "margin": margin_loss,
}
