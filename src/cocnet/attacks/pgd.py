"""Projected gradient descent (Madry et al. 2018): the one loop of all gradient attacks.

Enters: `make(x, rows) → pictures [n 3 h w]`, which renders photos `rows` of the batch with what is attacked, x [n …];
a victim, picture → logits; the first x [b …]; goals [b]. Leaves: the best x of each photo, its picture, what it cost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cocnet.attacks.attack_losses import LOSSES, LossName
from cocnet.attacks.best_so_far import BestSoFar, Judge, Success
from cocnet.attacks.guard import ask, check_gradient, checked_logits, evaluating
from cocnet.attacks.random_numbers import RandomNumbers, Seed
from cocnet.attacks.result import PRECISE
from cocnet.compute import strict_float32
from cocnet.errors import InputError

Norm = Literal["linf", "l2"]
Make = Callable[[Tensor, Int64[Tensor, " n"]], Float[Tensor, "n 3 h w"]]
Loss = Callable[[Any, Tensor], Float[Tensor, " b"]]


@dataclass(frozen=True)
class PGDSettings:
    """How far and how long.

    epsilon: largest norm of x − its start; step_size [2.5·epsilon/steps]; norm "linf" (steps along the gradient's
    sign) or "l2". With early_stop a photo that is fooled leaves the batch at once, for good; restarts begin at random
    points, the first one too with random_start. targeted: goals are wanted classes.
    seed: a number for all photos, or one for each. loss: a name, or loss(output, goal) → [b], made large, of whatever
    the victim returns; then success(output, goal) → [b] of bools is needed, too. Raises InputError.
    """

    epsilon: float = 3e-4
    steps: int = 50
    step_size: float | None = None
    norm: Norm = "linf"
    loss: LossName | Loss = "ce"
    targeted: bool = False
    random_start: bool = False
    restarts: int = 1
    early_stop: bool = True
    seed: Seed = 0
    success: Success | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon < float("inf") or self.steps < 1 or self.restarts < 1:
            got = f"{self.epsilon}, {self.steps} and {self.restarts}"
            raise InputError(
                f"expected epsilon from 0, steps and restarts from 1, got {got}, try 3e-4, 50 and 1"
            )
        if self.step_size is not None and not 0 < self.step_size < float("inf"):
            raise InputError(f"expected step_size above 0, got {self.step_size}, try 2.5 * epsilon / steps")
        if self.norm not in get_args(Norm):
            raise InputError(f"expected norm linf or l2, got {self.norm!r}, try linf")
        if not callable(self.loss) and self.loss not in LOSSES:
            raise InputError(f"expected loss {' or '.join(LOSSES)}, got {self.loss!r}, try ce")
        if callable(self.loss) != (self.success is not None):
            raise InputError(
                "expected loss and success functions together, got one of them, try both or neither"
            )

    @property
    def stride(self) -> float:
        """The step size in use: the given one, else 2.5 · epsilon / steps."""
        return 2.5 * self.epsilon / self.steps if self.step_size is None else self.step_size

    @property
    def judge(self) -> Judge:
        """How far a victim's outputs are from the attack's aim."""
        return Judge(self.targeted, self.loss if callable(self.loss) else None, self.success)

    def losses(self, output: Any, goal: Tensor) -> Float[Tensor, " b"]:
        """What is made large, of each photo. Raises InputError for outputs that aren't logits."""
        if callable(self.loss):
            return self.loss(output, goal)
        return LOSSES[self.loss](checked_logits(output, len(goal)), goal, self.targeted)


def descend(
    make: Make,
    victim: Callable[[Tensor], Any],
    start: Tensor,
    goal: Int64[Tensor, " b"],
    settings: PGDSettings,
    bounded: Callable[[Tensor], Tensor] = lambda x: x,
) -> BestSoFar:
    """Attack a batch. `bounded(x)` keeps x where it has a meaning, after the projection onto the ball.

    Computed in strict float32 (TF32 and half precision round away such small steps); parameters of the victim and the
    renderer get no gradients, a victim in training mode is put into evaluation mode and back. Raises InputError.
    """
    if start.dtype not in PRECISE or not len(start):
        got = f"{list(start.shape)} {start.dtype}"
        raise InputError(
            f"expected a batch of float32 or float64 to start from, got {got}, try start.float()"
        )
    best = BestSoFar(start.detach(), goal, settings.judge)
    numbers = RandomNumbers.of(settings.seed, len(goal), start.device)
    with strict_float32(start.device), torch.enable_grad(), evaluating(victim):
        for restart in range(settings.restarts):
            rows = best.open if settings.early_stop else torch.arange(len(goal), device=goal.device)
            x = start.detach()[rows]
            if restart or settings.random_start:
                moved = x + random_in_ball(start, settings, numbers)[rows]
                x = bounded(project(moved, start[rows], settings))
            _from_one_start(make, victim, x, start.detach(), rows, best, settings, bounded)
    return best.checked()


def random_search(
    make: Make,
    victim: Callable[[Tensor], Any],
    start: Tensor,
    goal: Int64[Tensor, " b"],
    settings: PGDSettings,
    draw: Callable[[RandomNumbers], Tensor],
) -> BestSoFar:
    """The baseline of `descend`: as many points drawn at random as that has queries; with `early_stop` none of photos
    that are fooled."""
    best = BestSoFar(start.detach(), goal, settings.judge)
    numbers = RandomNumbers.of(settings.seed, len(goal), start.device)
    with strict_float32(start.device), torch.no_grad(), evaluating(victim):
        for _ in range((settings.steps + 1) * settings.restarts):
            x = draw(numbers)
            rows = best.open if settings.early_stop else torch.arange(len(goal), device=goal.device)
            if not len(rows):
                break
            image = make(x[rows], rows)
            best.update(rows, x[rows], image, ask(victim, image))
    return best.checked()


def _from_one_start(
    make: Make,
    victim: Callable[[Tensor], Any],
    x: Tensor,
    start: Tensor,
    rows: Int64[Tensor, " n"],
    best: BestSoFar,
    settings: PGDSettings,
    bounded: Callable[[Tensor], Tensor],
) -> None:
    """All steps from one point, each of which asks the victim once; the last point is only looked at."""
    for step in range(settings.steps + 1):
        if not len(rows):
            return
        x = x.detach().requires_grad_(step < settings.steps)
        image = make(x, rows)
        output = ask(victim, image)
        best.update(rows, x, image, output)
        if step == settings.steps:
            return
        gradient = _gradient(settings.losses(output, best.goal[rows]), image, x).nan_to_num(0.0)
        if step == 0:
            best.zero_gradient[rows] |= gradient.flatten(1).abs().amax(1) == 0
        on = ~best.fooled[rows] if settings.early_stop else torch.ones_like(rows, dtype=torch.bool)
        rows, moved = rows[on], x.detach()[on] + settings.stride * direction(gradient[on], settings.norm)
        x = bounded(project(moved, start[rows], settings))


def _gradient(losses: Float[Tensor, " n"], image: Tensor, x: Tensor) -> Tensor:
    """The losses' gradient with respect to x. Raises InputError where they don't depend on it."""
    check_gradient(image, losses)
    (gradient,) = torch.autograd.grad(losses.sum(), x, allow_unused=True)
    return torch.zeros_like(x) if gradient is None else gradient


def direction(gradient: Float[Tensor, "n ..."], norm: Norm) -> Float[Tensor, "n ..."]:
    """The step of norm 1 that gains most: the sign, or the gradient over its 2-norm (0 where it is zero), however
    small it is."""
    if norm == "linf":
        return gradient.sign()
    largest = gradient.flatten(1).abs().amax(1).view(-1, *[1] * (gradient.ndim - 1))
    power = torch.ldexp(torch.ones_like(largest), largest.frexp().exponent - 1)
    scaled = gradient / power  # a power of two: the squares are as exact, and don't vanish
    return scaled / _norms(scaled).clamp(min=torch.finfo(gradient.dtype).tiny)


def project(x: Float[Tensor, "n ..."], centre: Float[Tensor, "n ..."], settings: PGDSettings) -> Tensor:
    """x, brought back to a distance of epsilon from the centre."""
    away = x - centre
    if settings.norm == "linf":
        return centre + away.clamp(-settings.epsilon, settings.epsilon)
    return centre + away * (settings.epsilon / _norms(away).clamp(min=1e-30)).clamp(max=1)


def _norms(x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
    """2-norms of each photo's part, to divide by."""
    return x.flatten(1).norm(dim=1).view(-1, *[1] * (x.ndim - 1))


def random_in_ball(x: Float[Tensor, "b ..."], settings: PGDSettings, numbers: RandomNumbers) -> Tensor:
    """A random point of the ball around zero: uniform per value ("linf"), a random direction and length ("l2")."""
    if settings.norm == "linf":
        return (2 * numbers.uniform(x) - 1) * settings.epsilon
    length = numbers.uniform(x.new_zeros(len(x), *[1] * (x.ndim - 1)))
    return direction(numbers.uniform(x) - 0.5, "l2") * length * settings.epsilon
