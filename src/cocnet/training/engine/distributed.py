"""Several processes that train one network, as torchrun starts them; alone where it didn't.

Enters: the environment's RANK, WORLD_SIZE and LOCAL_RANK. Leaves: gradients averaged over all processes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from cocnet.compute import check_device


@dataclass(frozen=True)
class World:
    """This process's rank and the number of processes; rank 0 writes the files."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until all processes are here (a barrier)."""
        if self.size > 1:
            distributed.barrier()

    def agreed(self, number: float) -> float:
        """The first process's number, in all of them."""
        if self.size == 1:
            return number
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        shared = torch.tensor(number, dtype=torch.float64, device=device)
        distributed.broadcast(shared, 0)
        return float(shared)

    @torch.no_grad()
    def average_gradients(self, network: nn.Module, loss: Tensor) -> float:
        """Replace gradients by their mean over all processes, in one message; returns the mean loss."""
        if self.size == 1:
            return float(loss.detach())
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([*(g.flatten() for g in gradients), loss.detach().view(1)])
        distributed.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(
            gradients, torch.split(flat[:-1], [g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(part.view_as(gradient))
        return float(flat[-1])


@contextmanager
def process_group(device: str) -> Iterator[tuple[World, torch.device]]:
    """The processes, and this one's device ("auto": a GPU where there is one; with several processes, one each).

    Raises InputError for a device that isn't there.
    """
    local, size = int(os.environ.get("LOCAL_RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    place = _device(device, local)
    if size == 1:
        yield World(), place
        return
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield World(distributed.get_rank(), size), place
    finally:
        distributed.destroy_process_group()


def _device(name: str, local: int) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    name = f"cuda:{local}" if name == "cuda" else name
    check_device(name)
    place = torch.device(name)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    return place
