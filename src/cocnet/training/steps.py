"""What a step of training is made of, apart from the step: first weights, the learning rate, the network's call.

Enters: a network, a stage, an item. Leaves: weights, a rate, pictures to compare.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.training.batches import Item
from cocnet.training.recipes import Stage

RISE = 0.02  # part of a cosine schedule over which the learning rate rises


def xavier(network: nn.Module, seed: int) -> None:
    """Xavier weights and zero biases for every convolution and linear layer, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            fresh = torch.empty(part.weight.shape)
            nn.init.xavier_uniform_(fresh, generator=generator)
            with torch.no_grad():
                part.weight.copy_(fresh)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def rate(stage: Stage, step: int) -> float:
    """The learning rate of a step of a stage."""
    if stage.schedule == "constant":
        return stage.learning_rate
    done = step / stage.steps
    return (
        stage.learning_rate * min(1.0, (done + 1 / stage.steps) / RISE) * 0.5 * (1 + math.cos(math.pi * done))
    )


def called(network: nn.Module, item: Item, level: int | None) -> Tensor:
    """The network's picture; of one level of PyNET, whose call takes no sizes but multiples of the card's."""
    if level is None:
        return network(**item)
    at_level: Any = getattr(network, "at_level", None)
    if at_level is None:
        raise InputError(f"expected a network with levels, got {network.name}, try a stage without a level")
    card: Any = network.card
    multiple: int = card.size_multiple
    if any(side % multiple or side < 2 * multiple for side in item["image"].shape[-2:]):
        got = list(item["image"].shape[-2:])
        raise InputError(
            f"expected sides that are multiples of {multiple} px from {2 * multiple} px, got {got}, try 256"
        )
    return at_level(item["image"], item["depth"], level)


def sized(target: Tensor, output: Tensor) -> Tensor:
    """The truth at the size of a coarser level: means of its pixels."""
    size = (output.shape[-2], output.shape[-1])
    return target if target.shape[-2:] == size else functional.adaptive_avg_pool2d(target, size)
