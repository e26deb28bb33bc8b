"""What a change of depth is, physically: nearness, pixels of blur, dioptres, order, smoothness.

Enters: nearness before and after [b 1 h w] in 0..1, the `Setup` that gives it a meaning; of an attack on the lens
its camera [b 3]. Leaves: a `Perturbation`, one value a photo [b]. In float64: the changes are near float32's spacing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from jaxtyping import Float
from torch import Tensor

from cocnet.errors import DepthError
from cocnet.renderers import Setup


@dataclass(frozen=True, eq=False)
class Perturbation:
    """δ = D* − D of each photo.

    largest, mean: |δ|, nearness; _dioptres: the same in 1/m; _px: |change of the signed CoC radius| of Eq. 1, before
    the renderer bounds it. reversed_pairs: share of neighbouring pixels whose order turned round; split_ties: share
    that were equally deep and no longer are. smoothness: neighbours' correlation Σ δᵢδⱼ / Σ (δᵢ² + δⱼ²)/2,
    1: constant, 0: noise, −1: a chequerboard, NaN: no change.
    """

    largest: Float[Tensor, " b"]
    mean: Float[Tensor, " b"]
    largest_dioptres: Float[Tensor, " b"]
    mean_dioptres: Float[Tensor, " b"]
    largest_px: Float[Tensor, " b"]
    mean_px: Float[Tensor, " b"]
    reversed_pairs: Float[Tensor, " b"]
    split_ties: Float[Tensor, " b"]
    smoothness: Float[Tensor, " b"]

    def rows(self) -> list[dict[str, float]]:
        """Each photo's values by name, without those that are NaN."""
        columns = {one.name: getattr(self, one.name).tolist() for one in fields(self)}
        return [
            {name: column[i] for name, column in columns.items() if column[i] == column[i]}
            for i in range(len(self.largest))
        ]


def perturbation(
    before: Float[Tensor, "b 1 h w"],
    after: Float[Tensor, "b 1 h w"],
    setup: Setup,
    camera: Float[Tensor, "b 3"] | None = None,
) -> Perturbation:
    """Measure a δ. Raises DepthError for unlike shapes."""
    if before.shape != after.shape or before.ndim != 4 or before.shape[1] != 1:
        got = f"{list(before.shape)} and {list(after.shape)}"
        raise DepthError(f"expected nearness [b 1 h w] before and after, got {got}, try depth[None, None]")
    before, after = before.detach().double(), after.detach().double()
    lens = None if camera is None else setup.lens_of(camera.detach().double())
    delta, radius = after - before, setup.radius_px(after, lens) - setup.radius_px(before)
    largest, mean = largest_and_mean(delta)
    span = setup.dioptres
    turned, split = changed_order(before, after)
    return Perturbation(
        largest,
        mean,
        largest * span,
        mean * span,
        *largest_and_mean(radius),
        turned,
        split,
        smoothness(delta),
    )


def largest_and_mean(x: Float[Tensor, "b 1 h w"]) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Largest and mean of |x|."""
    size = x.abs().flatten(1)
    return size.amax(1), size.mean(1)


def changed_order(
    before: Float[Tensor, "b 1 h w"], after: Float[Tensor, "b 1 h w"]
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Shares of all neighbouring pairs: order turned round, ties split."""
    turned, split, pairs = before.new_zeros(len(before)), before.new_zeros(len(before)), 0
    for (a, b), (c, d) in zip(neighbours(before), neighbours(after), strict=True):
        was, now = (a - b).sign().flatten(1), (c - d).sign().flatten(1)
        turned, split = turned + (was * now < 0).sum(1), split + ((was == 0) & (now != 0)).sum(1)
        pairs += was.shape[1]
    return turned / max(pairs, 1), split / max(pairs, 1)


def smoothness(delta: Float[Tensor, "b 1 h w"]) -> Float[Tensor, " b"]:
    """Correlation of neighbours; see `Perturbation`."""
    both = delta.new_zeros(len(delta))
    each = delta.new_zeros(len(delta))
    for a, b in neighbours(delta):
        both = both + (a * b).flatten(1).sum(1)
        each = each + (a**2 + b**2).flatten(1).sum(1) / 2
    return both / each


def neighbours(x: Float[Tensor, "b 1 h w"]) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs one above the other, pairs side by side."""
    yield x[..., :-1, :], x[..., 1:, :]
    yield x[..., :-1], x[..., 1:]
