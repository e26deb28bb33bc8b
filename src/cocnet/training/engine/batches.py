"""Batches that follow from their number, made ahead by other processes.

Enters: a dataset of dicts of tensors, `image`, `bokeh` and what else the network is called with, by the keys
(pass, index), so that each pass may see something else of an item. Leaves: batches in order, from any number on, the
same ones whoever makes them.
"""

import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cocnet.training.engine.distributed import Team

Item = dict[str, Tensor]
Key = tuple[int, int]
AHEAD = 4  # batches that each worker holds ready


def drawn(position: int, count: int, seed: int) -> Key:
    """Which of `count` items comes at a position: passes over all, each in its own order."""
    turn, place = divmod(position, count)
    return turn, int(_order(turn, count, seed)[place])


@lru_cache(maxsize=2)
def _order(turn: int, count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 7919 + turn))


class Numbers:
    """The items of this process's part of each batch: of batch n of all, every `team.size`-th."""

    def __init__(self, start: int, batches: int, batch: int, team: Team, count: int, seed: int) -> None:
        self.start, self.batches, self.batch = start, batches, batch
        self.team, self.count, self.seed = team, count, seed

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[Key]]:
        whole = self.batch * self.team.size
        for number in range(self.batches):
            first = self.start + number * whole + self.team.rank
            positions = range(first, first + whole, self.team.size)
            yield [drawn(position, self.count, self.seed) for position in positions]


class Stream:
    """An iterator over batches on a device that knows how long it was waited for, in seconds."""

    def __init__(self, data: Dataset[Item], numbers: Numbers, workers: int, device: torch.device) -> None:
        loader: Any = DataLoader(
            data,
            batch_sampler=numbers,
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            pin_memory=device.type == "cuda",
            worker_init_fn=_one_thread,
            generator=torch.Generator().manual_seed(numbers.seed),
        )
        self._batches, self._device, self.waited = iter(loader), device, 0.0

    def __iter__(self) -> Iterator[Item]:
        while True:
            start = time.monotonic()
            try:
                batch = next(self._batches)
            except StopIteration:
                return
            self.waited += time.monotonic() - start
            yield {name: tensor.to(self._device, non_blocking=True) for name, tensor in batch.items()}


def _one_thread(_: int) -> None:
    """Workers share the cores with the training."""
    torch.set_num_threads(1)
