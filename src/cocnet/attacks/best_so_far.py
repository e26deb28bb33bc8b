"""The best that an attack has found of each photo.

Enters: what was tried, the pictures that came of it, the victim's outputs. Leaves: the best of each, its cost.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cocnet.attacks.attack_losses import margin_loss
from cocnet.attacks.guard import checked_logits
from cocnet.errors import InputError

Success = Callable[[Any, Tensor], Bool[Tensor, " b"]]


@dataclass(frozen=True)
class Judge:
    """How near outputs are to an attack's aim: the margin of logits, or a loss and a success of one's own."""

    targeted: bool = False
    loss: Callable[[Any, Tensor], Float[Tensor, " b"]] | None = None
    success: Success | None = None

    def __call__(
        self, output: Any, goal: Tensor
    ) -> tuple[Float[Tensor, " b"], Bool[Tensor, " b"], Int64[Tensor, " b"]]:
        """How much is won, whether it is enough, and the class that is seen (−1 where outputs aren't logits)."""
        if self.loss is None or self.success is None:
            logits = checked_logits(output, len(goal)).detach()
            won = margin_loss(logits, goal, self.targeted)
            return won, won > 0, logits.argmax(1)
        won, enough = self.loss(output, goal).detach(), self.success(output, goal)
        for what, found in (("loss", won), ("success", enough)):
            if not isinstance(found, Tensor) or found.shape != goal.shape[:1]:
                got = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
                raise InputError(
                    f"expected {what} [{len(goal)}], one a photo, got {got}, try .flatten(1).mean(1)"
                )
        return won, enough.bool(), torch.full(goal.shape[:1], -1, device=goal.device)


@dataclass
class BestSoFar:
    """The best of each photo so far: its x, picture, class and margin; queries of the victim; whether the first
    gradient was zero everywhere."""

    x: Tensor
    goal: Tensor
    judge: Judge = Judge()
    image: Float[Tensor, "b 3 h w"] = field(init=False)
    prediction: Int64[Tensor, " b"] = field(init=False)
    margin: Float[Tensor, " b"] = field(init=False)
    fooled: Bool[Tensor, " b"] = field(init=False)
    queries: Int64[Tensor, " b"] = field(init=False)
    zero_gradient: Bool[Tensor, " b"] = field(init=False)

    def __post_init__(self) -> None:
        self.x = self.x.clone()
        count, device = len(self.goal), self.x.device
        self.margin = torch.full((count,), -torch.inf, device=device)
        self.prediction = torch.full((count,), -1, device=device)
        self.queries = torch.zeros(count, dtype=torch.int64, device=device)
        self.fooled = torch.zeros(count, dtype=torch.bool, device=device)
        self.zero_gradient = torch.zeros(count, dtype=torch.bool, device=device)

    @property
    def asked(self) -> Bool[Tensor, " b"]:
        """Which photos the victim has been asked about."""
        return self.queries > 0

    @property
    def open(self) -> Int64[Tensor, " n"]:
        """Photos that are not fooled yet."""
        return (~self.fooled).nonzero()[:, 0]

    def checked(self) -> "BestSoFar":
        """This; raises InputError for photos of which the victim never said anything but NaN."""
        if count := int((self.asked & self.margin.isneginf()).sum()):
            raise InputError(
                f"expected numbers from the victim, got only NaN for {count} of {len(self.goal)} photos, try other "
                "weights, or the victim in float32"
            )
        return self

    def update(self, rows: Int64[Tensor, " n"], x: Tensor, image: Tensor, output: Any) -> None:
        """Take over what is better than before: what fools, else what is nearer to it. NaN is never better."""
        x, image = x.detach(), image.detach()
        if not bool(self.asked.any()):
            self.image = image.new_zeros((len(self.goal), *image.shape[1:]))
        won, enough, prediction = self.judge(output, self.goal[rows])
        enough = enough & ~won.isnan()
        won = won.to(self.margin).nan_to_num(nan=-torch.inf)
        before = self.fooled[rows]
        better = ((won > self.margin[rows]) & (enough == before)) | (enough & ~before) | ~self.asked[rows]
        self.queries[rows] += 1
        where = rows[better]
        self.x[where], self.image[where] = x[better], image[better]
        self.margin[where], self.prediction[where] = won[better], prediction[better]
        self.fooled[where] = enough[better]
