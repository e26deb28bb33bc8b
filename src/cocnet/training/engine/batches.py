"""Batches that follow from their number, made ahead by other processes.

Enters: a dataset of dicts of tensors by the keys (pass, index), so that each pass may see something else of an item.
Leaves: batches in order, from any number on, the same ones whoever makes them.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from cocnet.errors import CocnetError
from cocnet.training.engine.distributed import World

Item = dict[str, Tensor]
Key = tuple[int, int]
PREFETCH = 4  # batches that each worker holds ready


def key_at(position: int, count: int, seed: int) -> Key:
    """Which of `count` items comes at a position: passes over all, each in its own order."""
    turn, place = divmod(position, count)
    return turn, int(_order(turn, count, seed)[place])


@lru_cache(maxsize=2)
def _order(turn: int, count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 7919 + turn))


class BatchSampler:
    """The keys of this process's part of each batch: of each batch of all, every `world.size`-th."""

    def __init__(self, start: int, batches: int, batch: int, world: World, count: int, seed: int) -> None:
        self.start, self.batches, self.batch = start, batches, batch
        self.world, self.count, self.seed = world, count, seed

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[Key]]:
        whole = self.batch * self.world.size
        for number in range(self.batches):
            first = self.start + number * whole + self.world.rank
            positions = range(first, first + whole, self.world.size)
            yield [key_at(position, self.count, self.seed) for position in positions]


class Batches:
    """An iterator over batches on a device that knows how long it was waited for, in seconds.

    A CocnetError of a dataset is raised here as it is, one line, whichever process met it.
    """

    def __init__(
        self, data: Dataset[Item], sampler: BatchSampler, workers: int, device: torch.device
    ) -> None:
        loader: Any = DataLoader(
            _Guarded(data),
            batch_sampler=sampler,
            num_workers=workers,
            prefetch_factor=PREFETCH if workers else None,
            pin_memory=device.type == "cuda",
            collate_fn=_collated,
            worker_init_fn=_one_thread,
            generator=torch.Generator().manual_seed(sampler.seed),
        )
        self._batches, self._device, self.waited = iter(loader), device, 0.0

    def __iter__(self) -> Iterator[Item]:
        while True:
            start = time.monotonic()
            batch = next(self._batches, None)
            if batch is None:
                return
            if isinstance(batch, _Failed):
                raise batch.error
            self.waited += time.monotonic() - start
            yield {name: tensor.to(self._device, non_blocking=True) for name, tensor in batch.items()}


@dataclass(frozen=True)
class _Failed:
    """What a dataset raised, on its way from a worker: PyTorch would wrap it in the worker's traceback."""

    error: CocnetError


class _Guarded(Dataset[Any]):
    """A dataset whose errors are items."""

    def __init__(self, data: Dataset[Item]) -> None:
        self.data = data

    def __getitem__(self, key: Key) -> Item | _Failed:
        try:
            return self.data[key]
        except CocnetError as error:
            return _Failed(error)


def _collated(items: Sequence[Item | _Failed]) -> Any:
    failed = [item for item in items if isinstance(item, _Failed)]
    return failed[0] if failed else default_collate(list(items))


def _one_thread(_: int) -> None:
    """Workers share the cores with the training."""
    torch.set_num_threads(1)
