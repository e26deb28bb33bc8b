"""What attacks on a renderer's parameters share; a new one overrides hooks.

Enters: a renderer, a victim, photos [b 3 h w] (sRGB), their nearness [b 1 h w] in 0..1, labels [b]. Leaves: an
`AttackResult`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cocnet.attacks.best_so_far import BestSoFar
from cocnet.attacks.guard import evaluating
from cocnet.attacks.pgd import Make, PGDSettings, descend, random_search
from cocnet.attacks.random_numbers import RandomNumbers
from cocnet.attacks.result import AttackResult, Victim, check_labels, check_pictures
from cocnet.errors import DepthError, InputError

AnyRender = Callable[..., Float[Tensor, "b 3 h w"]]


@dataclass(frozen=True)
class RenderAttack(PGDSettings):
    """PGD on x, from which a picture is rendered. Hooks: `name`, `origin`, `picture`, `bounded`, `draw`, `found`."""

    @property
    def name(self) -> str:
        """In tables and on the command line."""
        raise NotImplementedError

    def origin(self, render: AnyRender, depth: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b ..."]:
        """The x (what the attack changes) of the natural picture."""
        raise NotImplementedError

    def picture(self, render: AnyRender, image: Tensor, depth: Tensor, x: Tensor) -> Float[Tensor, "n 3 h w"]:
        """Photos rendered with x, differentiable in it."""
        raise NotImplementedError

    def bounded(self, x: Tensor) -> Tensor:
        """x, kept where it has a meaning."""
        return x

    def draw(self, origin: Float[Tensor, "b ..."], numbers: RandomNumbers) -> Float[Tensor, "b ..."]:
        """A random x of the same budget."""
        raise NotImplementedError

    def found(self, depth: Tensor, x: Tensor) -> dict[str, Tensor | None]:
        """What the x means: `depth` and `camera` of the result."""
        raise NotImplementedError

    def __call__(
        self,
        render: AnyRender,
        victim: Victim,
        image: Float[Tensor, "b 3 h w"],
        depth: Float[Tensor, "b 1 h w"],
        label: Int64[Tensor, " b"],
    ) -> AttackResult:
        """Attack a batch; labels are true classes, with `targeted` the wanted ones. Raises InputError, DepthError."""
        make, origin = self.prepared(render, image, depth, label)
        with evaluating(render):
            best = descend(make, victim, origin, label, self, self.bounded)
        return self.result(best, depth)

    def prepared(self, render: AnyRender, image: Tensor, depth: Tensor, label: Tensor) -> tuple[Make, Tensor]:
        """What renders photos with an x, and the x of the natural pictures. Raises InputError, DepthError."""
        check_batch(image, depth, label, self.loss)

        def make(x: Tensor, rows: Tensor) -> Tensor:
            return self.picture(render, image[rows], depth[rows], x)

        return make, self.origin(render, depth)

    def result(self, best: BestSoFar, depth: Tensor) -> AttackResult:
        """The pictures, depth and camera of the best point of the search, judged by the victim."""
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
            best.zero_gradient,
        )


@dataclass(frozen=True)
class RandomSearch:
    """The baseline: as many random draws from the same budget as `like` has queries; the best is kept."""

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
        label: Int64[Tensor, " b"],
    ) -> AttackResult:
        """Search a batch at random; arguments, result and errors are those of the attack `like`."""
        make, origin = self.like.prepared(render, image, depth, label)

        def draw(numbers: RandomNumbers) -> Tensor:
            return self.like.bounded(self.like.draw(origin, numbers))

        with evaluating(render):
            best = random_search(make, victim, origin, label, self.like, draw)
        return self.like.result(best, depth)


def check_batch(image: Tensor, depth: Tensor, label: Tensor, loss: object = "ce") -> None:
    """Raise InputError or DepthError where shapes, ranges, types or labels can't be.

    With a loss of one's own, labels may be whatever it takes, a row a photo.
    """
    check_pictures(image)
    if not callable(loss):
        check_labels(image, label)
    elif label.shape[:1] != image.shape[:1]:
        raise InputError(f"expected a goal each photo, got {len(label)} for {len(image)}, try one row each")
    check_depth(image, depth)


def check_depth(image: Tensor, depth: Tensor) -> None:
    """Raise DepthError unless this is nearness of the pictures, of their size and type."""
    if depth.shape != (len(image), 1, *image.shape[2:]) or depth.dtype != image.dtype:
        wanted = f"{[len(image), 1, *image.shape[2:]]} of {image.dtype}"
        raise DepthError(
            f"expected depth {wanted}, got {list(depth.shape)} of {depth.dtype}, try nearness(inverse_depth)"
        )
    if not bool(((depth >= 0) & (depth <= 1)).all()):
        raise DepthError("expected nearness in 0..1, got other values, try nearness(inverse_depth)")
