"""What a step of training is made of, apart from the step: first weights, the learning rate, the network's call.

Enters: a network, a stage, an item. Leaves: weights, a rate, pictures to compare.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.training.engine.batches import Item
from cocnet.training.engine.losses import SQUARE_PX, Loss, remaining, vgg_features
from cocnet.training.recipes.bokeh_recipes import Stage

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


def at_identity(network: nn.Module) -> None:
    """Let the network give back the photo itself (Eq. 17 with zero weights); raises InputError where it can't."""
    start = getattr(network, "start_at_identity", None)
    if start is None:
        name = getattr(network, "name", type(network).__name__)
        raise InputError(
            f"expected a network of Eq. 17 to start at the identity, got {name}, try start 'own'"
        )
    start()


def ready_losses(network: nn.Module, stages: Sequence[Stage], item: Item, device: torch.device) -> list[Loss]:
    """The loss of each stage, tried on an item: what is lacking is said before the first step, not after days.

    Raises FileError (VGG) or InputError (pictures too small for a loss or of no size for a level, items
    without a picture).
    """
    if "image" not in item or "bokeh" not in item:
        raise InputError(f"expected items with image and bokeh, got {sorted(item)}, try a dict of both")
    features = vgg_features() if any(stage.loss.vgg for stage in stages) else None
    losses = [Loss(stage.loss, features).to(device) for stage in stages]
    for stage, loss in zip(stages, losses, strict=True):
        if stage.level is not None:
            _at_level(network, item)
        if stage.loss.fusion:
            _supervised(network)
        if stage.loss.gain or stage.loss.parts:
            _physical(item)
        shrink = 1 if stage.level is None else 2 ** (stage.level + 1)
        size = (item["bokeh"].shape[-2] // shrink, item["bokeh"].shape[-1] // shrink)
        truth = functional.adaptive_avg_pool2d(item["bokeh"][None].to(device), size)
        with torch.no_grad():
            loss(truth, truth)
    return losses


def rate(stage: Stage, step: int) -> float:
    """The learning rate of a step of a stage."""
    if stage.schedule == "constant":
        return stage.learning_rate
    done = step / stage.steps
    return (
        stage.learning_rate * min(1.0, (done + 1 / stage.steps) / RISE) * 0.5 * (1 + math.cos(math.pi * done))
    )


def called(network: nn.Module, item: Item, target: Tensor, stage: Stage) -> tuple[Tensor, Tensor]:
    """The network's picture, or that of one level of PyNET, and what its own supervision adds to the loss."""
    none = target.new_zeros(())
    if stage.loss.fusion:
        picture, loss = _supervised(network)(item["image"], target)
        return picture, stage.loss.fusion * loss
    if stage.loss.gain or stage.loss.parts:
        picture = network(**item)
        pictures = picture, target, _physical(item)
        left = stage.loss.gain * remaining(*pictures)
        parts = stage.loss.parts * remaining(*pictures, SQUARE_PX) if stage.loss.parts else none
        return picture, left + parts
    if stage.level is None:
        return network(**item), none
    return _at_level(network, item)(item["image"], item["depth"], stage.level), none


def _supervised(network: Any) -> Callable[..., tuple[Tensor, Tensor]]:
    """MPFNet's call in training. Raises InputError for another network."""
    if not hasattr(network, "supervised"):
        raise InputError(f"expected mpfnet for a loss of fusion weights, got {network.name}, try fusion 0")
    return network.supervised


def _physical(item: Item) -> Tensor:
    """What a hybrid corrects. Raises InputError where the network is another."""
    if "physical" not in item:
        raise InputError(
            f"expected cocnet-hybrid for a loss of gain, got items of {sorted(item)}, try gain 0"
        )
    return item["physical"]


def _at_level(network: Any, item: Item) -> Callable[..., Tensor]:
    """PyNET's call of one level, which takes no sizes but multiples of the card's. Raises InputError."""
    if not hasattr(network, "at_level"):
        raise InputError(f"expected a network with levels, got {network.name}, try a stage without a level")
    multiple: int = network.card.size_multiple
    sides = list(item["image"].shape[-2:])
    if any(side % multiple or side < 2 * multiple for side in sides):
        wanted = f"sides that are multiples of {multiple} px from {2 * multiple} px"
        raise InputError(f"expected {wanted}, got {sides}, try 256")
    return network.at_level


def sized(target: Tensor, output: Tensor) -> Tensor:
    """The truth at the size of a coarser level: means of its pixels."""
    size = (output.shape[-2], output.shape[-1])
    return target if target.shape[-2:] == size else functional.adaptive_avg_pool2d(target, size)
