"""Projected gradient descent (Madry et al. 2018): the one loop of all gradient attacks.

Enters: `make(x, rows) → pictures [n 3 h w]`, which renders photos `rows` of the batch with what is attacked, x [n …];
a victim, picture → logits; the first x [b …]; goals [b]. Leaves: the best x of each photo, its picture, what it cost.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cocnet.attacks.losses import LOSSES, LossName, gained
from cocnet.attacks.result import Victim
from cocnet.compute import strict_float32
from cocnet.errors import InputError

Norm = Literal["linf", "l2"]
Make = Callable[[Tensor, Int64[Tensor, "n"]], Float[Tensor, "n 3 h w"]]


@dataclass(frozen=True)
class Descent:
    """How far and how long.

    epsilon: largest norm of x − its start; step_size [2.5·epsilon/steps]; norm "linf" (steps along the gradient's
    sign) or "l2". A photo that is fooled leaves the batch at once with early_stop; restarts begin at random points,
    the first one too with random_start, and only for photos not fooled yet. targeted: goals are wanted classes.
    Raises InputError for impossible numbers.
    """

    epsilon: float = 3e-4
    steps: int = 50
    step_size: float | None = None
    norm: Norm = "linf"
    loss: LossName = "ce"
    targeted: bool = False
    random_start: bool = False
    restarts: int = 1
    early_stop: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon < float("inf") or self.steps < 1 or self.restarts < 1:
            got = f"{self.epsilon}, {self.steps} and {self.restarts}"
            raise InputError(
                f"expected epsilon from 0, steps and restarts from 1, got {got}, try 3e-4, 50 and 1"
            )
        if self.step_size is not None and not 0 < self.step_size < float("inf"):
            raise InputError(f"expected step_size above 0, got {self.step_size}, try 2.5 * epsilon / steps")
        for name, value, known in (("norm", self.norm, get_args(Norm)), ("loss", self.loss, tuple(LOSSES))):
            if value not in known:
                raise InputError(f"expected {name} {' or '.join(known)}, got {value!r}, try {known[0]}")

    @property
    def stride(self) -> float:
        """The step size that is used."""
        return 2.5 * self.epsilon / self.steps if self.step_size is None else self.step_size


@dataclass
class Best:
    """The best of each photo so far: its x, picture, logits' class and margin; queries of the victim; whether the
    first gradient was zero everywhere."""

    x: Tensor
    goal: Int64[Tensor, "b"]
    targeted: bool = False
    image: Float[Tensor, "b 3 h w"] = field(init=False)
    prediction: Int64[Tensor, "b"] = field(init=False)
    margin: Float[Tensor, "b"] = field(init=False)
    queries: Int64[Tensor, "b"] = field(init=False)
    stalled: Bool[Tensor, "b"] = field(init=False)

    def __post_init__(self) -> None:
        self.x = self.x.clone()
        self.margin = torch.full(self.goal.shape, -torch.inf, device=self.x.device)
        self.prediction, self.queries = torch.full_like(self.goal, -1), torch.zeros_like(self.goal)
        self.stalled = torch.zeros_like(self.goal, dtype=torch.bool)

    @property
    def fooled(self) -> Bool[Tensor, "b"]:
        """Which photos the victim gets as the attacker wants."""
        return self.margin > 0

    @property
    def seen(self) -> Bool[Tensor, "b"]:
        """Which photos the victim has been asked about."""
        return self.queries > 0

    def see(self, rows: Int64[Tensor, "n"], x: Tensor, image: Tensor, logits: Tensor) -> None:
        """Take over what is better than before."""
        x, image, logits = x.detach(), image.detach(), logits.detach()
        if not bool(self.seen.any()):
            self.image = image.new_zeros((len(self.goal), *image.shape[1:]))
        found = gained(logits, self.goal[rows], self.targeted).to(self.margin).nan_to_num(nan=-torch.inf)
        better = (found > self.margin[rows]) | ~self.seen[rows]
        self.queries[rows] += 1
        where = rows[better]
        self.x[where], self.image[where] = x[better], image[better]
        self.margin[where], self.prediction[where] = found[better], logits[better].argmax(1)


def descend(
    make: Make,
    victim: Victim,
    start: Tensor,
    goal: Int64[Tensor, "b"],
    settings: Descent,
    bounded: Callable[[Tensor], Tensor] = lambda x: x,
) -> Best:
    """Attack a batch. `bounded(x)` keeps x where it has a meaning, after the projection onto the ball.

    Computed in strict float32 (TF32 and half precision round away such small steps); parameters of the victim and the
    renderer get no gradients.
    """
    best = Best(start.detach(), goal, settings.targeted)
    made = torch.Generator(start.device).manual_seed(settings.seed)
    with strict_float32(start.device), torch.enable_grad():
        for turn in range(settings.restarts):
            rows = _open(best) if settings.early_stop else torch.arange(len(goal), device=goal.device)
            x = start.detach()[rows]
            if turn or settings.random_start:
                x = bounded(within(x + random_in_ball(start, settings, made)[rows], start[rows], settings))
            _turn(make, victim, x, start.detach(), rows, best, settings, bounded)
    return best


def search(
    make: Make,
    victim: Victim,
    start: Tensor,
    goal: Int64[Tensor, "b"],
    settings: Descent,
    draw: Callable[[torch.Generator], Tensor],
) -> Best:
    """The yardstick of `descend`: as many points drawn at random as that has queries, fooled photos no more."""
    best = Best(start.detach(), goal, settings.targeted)
    made = torch.Generator(start.device).manual_seed(settings.seed)
    with strict_float32(start.device), torch.no_grad():
        for _ in range((settings.steps + 1) * settings.restarts):
            x, rows = draw(made), _open(best)
            if not len(rows):
                break
            image = make(x[rows], rows)
            best.see(rows, x[rows], image, victim(image))
    return best


def _turn(
    make: Make,
    victim: Victim,
    x: Tensor,
    start: Tensor,
    rows: Int64[Tensor, "n"],
    best: Best,
    settings: Descent,
    bounded: Callable[[Tensor], Tensor],
) -> None:
    """All steps from one point, each of which asks the victim once; the last point is only looked at."""
    for step in range(settings.steps + 1):
        if not len(rows):
            return
        x = x.detach().requires_grad_(step < settings.steps)
        image = make(x, rows)
        logits = victim(image)
        best.see(rows, x, image, logits)
        if step == settings.steps:
            return
        loss = LOSSES[settings.loss](logits, best.goal[rows], settings.targeted)
        (gradient,) = torch.autograd.grad(loss.sum(), x)
        if step == 0:
            best.stalled[rows] |= gradient.flatten(1).abs().amax(1) == 0
        gradient = gradient.nan_to_num(0.0)
        on = ~best.fooled[rows] if settings.early_stop else torch.ones_like(rows, dtype=torch.bool)
        rows, moved = rows[on], x.detach()[on] + settings.stride * direction(gradient[on], settings.norm)
        x = bounded(within(moved, start[rows], settings))


def direction(gradient: Float[Tensor, "n ..."], norm: Norm) -> Float[Tensor, "n ..."]:
    """The step of norm 1 that gains most: the sign, or the gradient over its 2-norm (0 where it is zero)."""
    if norm == "linf":
        return gradient.sign()
    return gradient / _norms(gradient).clamp(min=torch.finfo(gradient.dtype).tiny)


def within(x: Float[Tensor, "n ..."], centre: Float[Tensor, "n ..."], settings: Descent) -> Tensor:
    """x, brought back to a distance of epsilon from the centre."""
    away = x - centre
    if settings.norm == "linf":
        return centre + away.clamp(-settings.epsilon, settings.epsilon)
    return centre + away * (settings.epsilon / _norms(away).clamp(min=1e-30)).clamp(max=1)


def _norms(x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
    """2-norms of each photo's part, to divide by."""
    return x.flatten(1).norm(dim=1).view(-1, *[1] * (x.ndim - 1))


def _open(best: Best) -> Int64[Tensor, "n"]:
    """Photos that are not fooled yet."""
    return (~best.fooled).nonzero()[:, 0]


def random_in_ball(x: Float[Tensor, "b ..."], settings: Descent, made: torch.Generator) -> Tensor:
    """A random point of the ball around zero: uniform per value ("linf"), a random direction and length ("l2")."""
    if settings.norm == "linf":
        return (2 * uniform(x, made) - 1) * settings.epsilon
    length = torch.rand((), generator=made, device=x.device, dtype=x.dtype)
    return direction(uniform(x, made) - 0.5, "l2") * length * settings.epsilon


def uniform(like: Float[Tensor, "b ..."], made: torch.Generator) -> Float[Tensor, "b ..."]:
    """Numbers in 0..1, the same for every photo, so that a result doesn't depend on what else is in its batch."""
    drawn = torch.rand(like.shape[1:], generator=made, device=like.device, dtype=like.dtype)
    return drawn.expand_as(like)
