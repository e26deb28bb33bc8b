"""Several processes that train one network, as torchrun starts them; alone where it didn't.

Enters: the environment's RANK, WORLD_SIZE and LOCAL_RANK. Leaves: gradients averaged over all processes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from cocnet.errors import InputError


@dataclass(frozen=True)
class Team:
    """This process's number and how many there are; number 0 writes the files."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()

    @torch.no_grad()
    def average(self, network: nn.Module, loss: Tensor) -> float:
        """Replace gradients by their mean over the team, in one message; returns the mean loss."""
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
def gathered(device: str) -> Iterator[tuple[Team, torch.device]]:
    """The team and this process's device ("auto": a GPU where there is one; with several processes, one each).

    Raises InputError for a device that isn't there.
    """
    local, size = int(os.environ.get("LOCAL_RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    place = _device(device, local)
    if size == 1:
        yield Team(), place
        return
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Team(distributed.get_rank(), size), place
    finally:
        distributed.destroy_process_group()


def _device(name: str, local: int) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device("cuda", local) if name == "cuda" else torch.device(name)
        torch.empty(0, device=place)
        if place.type == "cuda":
            torch.cuda.set_device(place)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"expected a device that is there, got '{name}' ({reason}), try cpu") from error
    return place
