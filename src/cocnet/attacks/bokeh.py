"""Adversarial bokeh by depth alone (Sec. IV-B): gda, sm-gda, bg-gda, and a smooth error of depth.

All attack D* = clip(D + S(δ)), ‖δ‖ ≤ ε (Eq. 18), and differ in S only: `spread`. Open in the paper, and decided here:
S of sm-gda is a binomial kernel (so that the gradient of δ is smoothed too, as the text says), BR of bg-gda is
nearness below a threshold, the norm is L∞, steps are 2.5·ε/steps.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.attacks.pgd import direction
from cocnet.attacks.random_numbers import RandomNumbers
from cocnet.attacks.render_attack import AnyRender, RenderAttack
from cocnet.errors import InputError


@dataclass(frozen=True)
class GDA(RenderAttack):
    """The gradient-based depth attack, Eq. 18: D* = D + δ. epsilon is nearness's, of 0..1.

    It starts at a random point: blur grows with r², so exactly in focus a physical renderer's gradient is zero, and
    the subject's pixels would never move.
    """

    random_start: bool = True

    @property
    def name(self) -> str:
        return "gda"

    def spread(self, delta: Tensor, depth: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
        """S: what δ adds to the depth."""
        return delta

    def moved(self, depth: Float[Tensor, "n 1 h w"], delta: Tensor) -> Float[Tensor, "n 1 h w"]:
        """The attacked depth D* of Eq. 18, kept in 0..1."""
        return StraightClamp.apply(depth + self.spread(delta, depth))

    def origin(self, render: AnyRender, depth: Float[Tensor, "b 1 h w"]) -> Tensor:
        return torch.zeros_like(depth)

    def picture(self, render: AnyRender, image: Tensor, depth: Tensor, x: Tensor) -> Float[Tensor, "n 3 h w"]:
        return render(image, self.moved(depth, x))

    def draw(self, origin: Tensor, numbers: RandomNumbers) -> Tensor:
        """A corner of the ball, ±ε, in patches as large as `spread` makes them; a direction at random for "l2"."""
        if self.norm == "l2":
            return direction(numbers.uniform(origin) - 0.5, "l2") * self.epsilon
        return self.smoothed(numbers.uniform(origin) - 0.5).sign() * self.epsilon

    def smoothed(self, x: Tensor) -> Tensor:
        """x, as smooth as a change is."""
        return x

    def found(self, depth: Tensor, x: Tensor) -> dict[str, Tensor | None]:
        return {"depth": self.moved(depth, x), "camera": None}


@dataclass(frozen=True)
class SmoothGDA(GDA):
    """sm-gda: δ is smoothed by a binomial kernel of `kernel` px, so that depth stays smooth. 1: gda."""

    epsilon: float = 8e-3
    kernel: int = 9

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise InputError(f"expected an odd kernel from 1 px, got {self.kernel}, try 9")

    @property
    def name(self) -> str:
        return "sm-gda"

    def spread(self, delta: Tensor, depth: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
        return self.smoothed(delta)

    def smoothed(self, x: Tensor) -> Float[Tensor, "n 1 h w"]:
        reach = self.kernel // 2
        line = binomial(self.kernel).to(x)
        padded = functional.pad(x, (reach,) * 4, mode="replicate")
        return functional.conv2d(functional.conv2d(padded, line[None, None, None]), line[None, None, :, None])


@dataclass(frozen=True)
class BackgroundGDA(GDA):
    """bg-gda: only where nearness is below `threshold`, so that what is in focus stays as it is."""

    epsilon: float = 6e-4
    threshold: float = 0.5

    @property
    def name(self) -> str:
        return "bg-gda"

    def spread(self, delta: Tensor, depth: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
        return delta * (depth < self.threshold)


@dataclass(frozen=True)
class DepthOffset(GDA):
    """A smooth error of depth, of up to epsilon dioptres: a coarse grid of `grid` × `grid` values, or, with grid 0,
    two numbers (offset and slope over nearness). span: dioptres between nearness 0 and 1, as the renderer has them.
    """

    epsilon: float = 0.05
    grid: int = 4
    span: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.grid < 0 or self.grid == 1 or not self.span > 0:
            raise InputError(
                f"expected a grid of 0 or from 2, and a span above 0, got {self.grid} and {self.span}, "
                "try 4 and 0.9"
            )

    @property
    def name(self) -> str:
        return "offset"

    def origin(self, render: AnyRender, depth: Float[Tensor, "b 1 h w"]) -> Tensor:
        return depth.new_zeros(len(depth), 1, self.grid or 1, self.grid or 2)

    def spread(self, delta: Tensor, depth: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
        delta = delta / self.span
        if self.grid == 0:
            return (delta[..., :1] + delta[..., 1:] * (2 * depth - 1)) / 2
        return functional.interpolate(delta, depth.shape[-2:], mode="bilinear", align_corners=True)


class StraightClamp(torch.autograd.Function):
    """Clamp to 0..1 whose gradient goes through everywhere, so that δ can come back from beyond the range."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        """The gradient as it is: that of the identity, also where x was clamped."""
        return gradient


def binomial(size: int) -> Float[Tensor, " k"]:
    """Row `size` of Pascal's triangle over its sum: a discrete Gaussian of variance (size − 1)/4 px²."""
    line = torch.ones(1, dtype=torch.float64)
    for _ in range(size - 1):
        line = (functional.pad(line, (1, 0)) + functional.pad(line, (0, 1))) / 2
    return line
