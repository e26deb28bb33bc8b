"""Random numbers that belong to photos, not to batches.

Enters: a seed for all photos, or one for each. Leaves: numbers in 0..1; a photo's are the same whatever else is in
its batch.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.errors import InputError

Seed = int | tuple[int, ...]


@dataclass(frozen=True, eq=False)
class RandomNumbers:
    """One generator for all photos, or one for each."""

    generators: tuple[torch.Generator, ...]

    @classmethod
    def of(cls, seed: Seed, count: int, device: torch.device) -> "RandomNumbers":
        """For a batch of `count` photos. Raises InputError for another number of seeds."""
        seeds = (seed,) if isinstance(seed, int) else seed
        if len(seeds) != count and not isinstance(seed, int):
            raise InputError(f"expected a seed for each of {count} photos, got {len(seeds)}, try one number")
        return cls(tuple(torch.Generator(device).manual_seed(one) for one in seeds))

    def uniform(self, like: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Uniform random numbers in 0..1, of the shape of `like`, a stream of its own for each photo."""
        drawn = [
            torch.rand(like.shape[1:], generator=one, device=like.device, dtype=like.dtype)
            for one in self.generators
        ]
        return drawn[0].expand_as(like) if len(drawn) == 1 else torch.stack(drawn)
