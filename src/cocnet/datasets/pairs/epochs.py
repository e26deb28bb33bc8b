"""The order in which a training sees a dataset, the same on every machine and after every interruption.

Enters: how many items, a seed, where to begin. Leaves: keys (epoch, index) for a `DataLoader`, for some epochs or
without end; each epoch is its own permutation, of which each of several processes takes its part.
"""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from cocnet.errors import InputError


class EpochSampler(Sampler[tuple[int, int]]):
    """Keys from number `start` on (items that this process has seen before), for `epochs` epochs [without end].

    rank of ranks: the process's number; the last few items of an epoch that don't divide are left out of it.
    Workers get the epoch with each key, so they may live on between epochs. Raises InputError.
    """

    def __init__(
        self,
        count: int,
        seed: int = 0,
        start: int = 0,
        epochs: int | None = None,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if not 0 <= rank < ranks <= count or start < 0:
            got = f"rank {rank} of {ranks}, start {start}, {count} items"
            raise InputError(
                f"expected 0 ≤ rank < ranks ≤ items and start from 0 up, got {got}, try the defaults"
            )
        self.count, self.seed, self.start, self.epochs = count, seed, start, epochs
        self.rank, self.ranks, self.share = rank, ranks, count // ranks

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, place = divmod(self.start, self.share)
        while self.epochs is None or epoch < self.epochs:
            order = np.random.default_rng([self.seed, epoch]).permutation(self.count)
            mine = order[self.rank : self.share * self.ranks : self.ranks]
            yield from ((epoch, int(index)) for index in mine[place:])
            epoch, place = epoch + 1, 0

    def __len__(self) -> int:
        if self.epochs is None:
            raise TypeError("expected a number of epochs for a length, got none, try epochs=1")
        return max(0, self.epochs * self.share - self.start)
