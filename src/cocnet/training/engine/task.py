"""What is trained: the network, its items, the objective, the recipe and the folder.

A new kind of network is a new `Objective`: its loss on a batch, and its held-out score, a dataclass of numbers.
Items are dicts of tensors; a batch has them stacked, on the network's device.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.utils.data import Dataset

from cocnet.networks import save_checkpoint
from cocnet.training.engine.batches import Item
from cocnet.training.recipes.recipe import Recipe

Score = TypeVar("Score")
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Step:
    """Which step of the training this is, of which stage, and the context to call networks in (autocast)."""

    stage: Any
    number: int
    precision: AbstractContextManager[Any]


class Objective(ABC, Generic[Score]):
    """What a network is trained for."""

    @abstractmethod
    def loss(self, network: nn.Module, batch: Item, step: Step) -> Float[Tensor, ""]:
        """What is minimised; the mean over items, so that the halves of a batch average. Chance may come from
        torch's global generator, which is seeded with the step's number."""

    @abstractmethod
    def score(self, network: nn.Module) -> Score:
        """How the averaged weights do on what is held out; a dataclass whose fields are logged."""

    def check(self, network: nn.Module, item: Item, recipe: Any, device: torch.device) -> None:
        """Try what a later stage needs before the first step; raises CocnetError."""

    def optimiser(self, network: nn.Module) -> Optimizer:
        """Of Adam's kind; a group's `share` [1] is its part of the stage's learning rate."""
        return Adam([p for p in network.parameters() if p.requires_grad])

    def save(self, network: nn.Module, folder: Path, step: int, recipe: Recipe, about: str) -> None:
        """Write the averaged weights and what shows how they do; weights that diverged are refused."""
        save_checkpoint(network, folder / WEIGHTS, recipe=recipe, data=about)
        if recipe.keep_weights:
            path = folder / WEIGHTS
            save_checkpoint(network, path.with_stem(f"{path.stem}-{step:07}"), recipe=recipe, data=about)


@dataclass(frozen=True, eq=False)
class Task(Generic[Score]):
    """One training. `data` has items by (pass, index); `about` says in words what they are; `facts` are saved with
    the settings and must be the same to go on."""

    network: nn.Module
    data: Dataset[Item]
    objective: Objective[Score]
    recipe: Recipe
    folder: Path
    about: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    workers: int = 0
    device: str = "cpu"
    tensorboard: bool = False
