"""What attacks on a renderer's parameters share; a new one overrides hooks.

Enters: a renderer, a victim, photos [b 3 h w] (sRGB), their nearness [b 1 h w] in 0..1, labels [b]. Leaves: an
`AttackResult`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cocnet.attacks.pgd import Best, Descent, Make, descend, search
from cocnet.attacks.result import AttackResult, Victim
from cocnet.errors import DepthError, InputError

AnyRender = Callable[..., Float[Tensor, "b 3 h w"]]


@dataclass(frozen=True)
class RenderAttack(Descent):
    """PGD on x, from which a picture is rendered. Hooks: `name`, `origin`, `picture`, `bounded`, `draw`, `found`."""

    @property
    def name(self) -> str:
        """In tables and on the command line."""
        raise NotImplementedError

    def origin(self, render: AnyRender, depth: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b ..."]:
        """x of the natural picture."""
        raise NotImplementedError

    def picture(self, render: AnyRender, image: Tensor, depth: Tensor, x: Tensor) -> Float[Tensor, "n 3 h w"]:
        """Photos rendered with x, differentiable in it."""
        raise NotImplementedError

    def bounded(self, x: Tensor) -> Tensor:
        """x, kept where it has a meaning."""
        return x

    def draw(self, origin: Float[Tensor, "b ..."], made: torch.Generator) -> Float[Tensor, "b ..."]:
        """A random x of the same budget."""
        raise NotImplementedError

    def found(self, depth: Tensor, x: Tensor) -> dict[str, Tensor | None]:
        """`depth` and `camera` of the result."""
        raise NotImplementedError

    def __call__(
        self,
        render: AnyRender,
        victim: Victim,
        image: Float[Tensor, "b 3 h w"],
        depth: Float[Tensor, "b 1 h w"],
        label: Int64[Tensor, "b"],
    ) -> AttackResult:
        """Attack a batch; labels are true classes, with `targeted` the wanted ones. Raises InputError, DepthError."""
        make, origin = self._ready(render, image, depth, label)
        best = descend(make, victim, origin, label, self, self.bounded)
        return self._result(best, depth)

    def _ready(self, render: AnyRender, image: Tensor, depth: Tensor, label: Tensor) -> tuple[Make, Tensor]:
        checked(image, depth, label)

        def make(x: Tensor, rows: Tensor) -> Tensor:
            return self.picture(render, image[rows], depth[rows], x)

        return make, self.origin(render, depth)

    def _result(self, best: Best, depth: Tensor) -> AttackResult:
        with torch.no_grad():
            changed = self.found(depth, best.x)
        return AttackResult(
            best.image,
            changed["depth"],
            best.fooled,
            best.queries,
            best.prediction,
            best.margin,
            changed["camera"],
            best.stalled,
        )


@dataclass(frozen=True)
class Random:
    """The yardstick: as many random draws from the same budget as `like` has queries; the best is kept."""

    like: RenderAttack

    @property
    def name(self) -> str:
        """With the attack that lends its budget."""
        return "random" if self.like.name == "gda" else f"random {self.like.name}"

    def __call__(
        self,
        render: AnyRender,
        victim: Victim,
        image: Float[Tensor, "b 3 h w"],
        depth: Float[Tensor, "b 1 h w"],
        label: Int64[Tensor, "b"],
    ) -> AttackResult:
        """As the attack that it is a yardstick for."""
        make, origin = self.like._ready(render, image, depth, label)

        def draw(made: torch.Generator) -> Tensor:
            return self.like.bounded(self.like.draw(origin, made))

        return self.like._result(search(make, victim, origin, label, self.like, draw), depth)


def checked(image: Tensor, depth: Tensor, label: Tensor) -> None:
    """Raises InputError or DepthError where shapes, ranges or labels can't be."""
    if image.ndim != 4 or image.shape[1] != 3 or not image.is_floating_point():
        raise InputError(f"expected image [b 3 h w] of floats, got {list(image.shape)}, try image[None]")
    if depth.shape != (len(image), 1, *image.shape[2:]) or depth.dtype != image.dtype:
        wanted = f"{[len(image), 1, *image.shape[2:]]} of {image.dtype}"
        raise DepthError(
            f"expected depth {wanted}, got {list(depth.shape)} of {depth.dtype}, try nearness(inverse_depth)"
        )
    if not bool(((depth >= 0) & (depth <= 1)).all()):
        raise DepthError("expected nearness in 0..1, got other values, try nearness(inverse_depth)")
    if label.shape != (len(image),) or label.dtype != torch.int64:
        got = f"{list(label.shape)} of {label.dtype}"
        raise InputError(f"expected labels [{len(image)}] of torch.int64, got {got}, try labels.long()")
