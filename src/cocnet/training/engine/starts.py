"""Initial weights. Enters: a network, a recipe's start, a seed. Leaves: the network with those weights."""

from typing import Literal

import torch
from torch import nn

from cocnet.errors import InputError


def initialise(network: nn.Module, start: Literal["xavier", "own", "identity"], seed: int) -> None:
    """Xavier's weights with zero biases, the network's own, or Eq. 17 at the photo itself. Raises InputError."""
    if start == "xavier":
        xavier(network, seed)
    elif start == "identity":
        at_identity(network)


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
    network = getattr(network, "model", network)  # not what is trained beside it
    start = getattr(network, "start_at_identity", None)
    if start is None:
        name = getattr(network, "name", type(network).__name__)
        raise InputError(
            f"expected a network of Eq. 17 to start at the identity, got {name}, try start 'own'"
        )
    start()
