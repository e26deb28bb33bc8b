"""How much a picture answers to a small change of depth, and which change a file of 8 bit would still show.

Enters: a renderer on nearness, photos [b 3 h w] (sRGB), nearness [b 1 h w], the size ε of the change. Leaves: a
`DepthGain`, ‖R(D + δ) − R(D)‖ / ε with rms norms of values of 0..1, for |δ| = ε everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from cocnet.attacks.guard import evaluating
from cocnet.attacks.random_numbers import RandomNumbers
from cocnet.attacks.render_attack import check_depth
from cocnet.attacks.result import check_pictures
from cocnet.compute import strict_float32

Render = Callable[[Float[Tensor, "b 3 h w"], Float[Tensor, "b 1 h w"]], Float[Tensor, "b 3 h w"]]
STEP, REACH_PX, ROUNDS = 0.1, 4, 4


@dataclass(frozen=True, eq=False)
class DepthGain:
    """Gains of each photo. random: mean of random signs; largest: the signs that change the picture most, as far as
    `ROUNDS` rounds of the power method find them; edges, elsewhere: the largest one's change within `REACH_PX` px of
    steps of depth of `STEP`, and in the rest; NaN where there is none."""

    random: Float[Tensor, " b"]
    largest: Float[Tensor, " b"]
    edges: Float[Tensor, " b"]
    elsewhere: Float[Tensor, " b"]

    @property
    def seen_from(self) -> Float[Tensor, " b"]:
        """The least ε whose change reaches half a step of 8 bit (1/510) in the mean, if the answer stays linear."""
        return 0.5 / 255 / self.largest


def depth_gain(
    render: Render,
    image: Float[Tensor, "b 3 h w"],
    depth: Float[Tensor, "b 1 h w"],
    epsilon: float = 3e-4,
    draws: int = 4,
    seed: int = 0,
) -> DepthGain:
    """Measure a renderer; δ goes inwards where nearness would leave 0..1. Raises InputError, DepthError."""
    check_pictures(image)
    check_depth(image, depth)
    numbers = RandomNumbers.of((seed,) * len(depth), len(depth), depth.device)
    inside = depth.clamp(epsilon, 1 - epsilon)
    with strict_float32(depth.device), evaluating(render):
        with torch.no_grad():
            natural = render(image, inside)
        signs = [torch.where(numbers.uniform(depth) < 0.5, -1.0, 1.0).to(depth) for _ in range(draws)]
        changes = [_change(render, image, inside, natural, epsilon * sign) for sign in signs]
        worst = _worst(render, image, inside, natural, epsilon, signs[0])
    near = depth_edges(depth).expand_as(natural)
    power = worst.square()
    return DepthGain(
        torch.stack([_rms(change.square()) for change in changes]).mean(0) / epsilon,
        _rms(power) / epsilon,
        _rms(power.masked_fill(~near, float("nan"))) / epsilon,
        _rms(power.masked_fill(near, float("nan"))) / epsilon,
    )


def depth_edges(depth: Float[Tensor, "b 1 h w"]) -> Bool[Tensor, "b 1 h w"]:
    """Pixels within `REACH_PX` px of a step of depth of `STEP`."""
    high = functional.max_pool2d(depth, 3, 1, 1)
    low = -functional.max_pool2d(-depth, 3, 1, 1)
    steps = (high - low >= STEP).to(depth)
    return functional.max_pool2d(steps, 2 * REACH_PX + 1, 1, REACH_PX) > 0


def _worst(
    render: Render, image: Tensor, depth: Tensor, natural: Tensor, epsilon: float, sign: Tensor
) -> Float[Tensor, "b 3 h w"]:
    """The largest change that is found: δ ← ε·sign(∇ ‖R(D + δ) − R(D)‖²), which never makes a linear one smaller."""
    best = _change(render, image, depth, natural, epsilon * sign)
    for _ in range(ROUNDS):
        delta = (epsilon * sign).requires_grad_()
        with torch.enable_grad():
            power = (render(image, depth + delta) - natural).square().sum()
        (gradient,) = torch.autograd.grad(power, delta)
        sign = torch.where(gradient == 0, sign, gradient.sign())
        now = _change(render, image, depth, natural, epsilon * sign)
        better = now.square().flatten(1).sum(1) > best.square().flatten(1).sum(1)
        best = torch.where(better.view(-1, 1, 1, 1), now, best)
    return best


@torch.no_grad()
def _change(render: Render, image: Tensor, depth: Tensor, natural: Tensor, delta: Tensor) -> Tensor:
    return render(image, depth + delta) - natural


def _rms(power: Float[Tensor, "b 3 h w"]) -> Float[Tensor, " b"]:
    """The root of the mean of what is no NaN."""
    return power.flatten(1).nanmean(1).sqrt()
