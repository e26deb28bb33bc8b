"""What `cocnet models` lists: the cards, with what is counted and what is there.

Leaves: plain facts per network; no weights are made (parameters are counted on torch's meta device).
"""

from dataclasses import asdict
from typing import Any

import torch

from cocnet.errors import MissingExtraError
from cocnet.networks.zoo.checkpoint import checkpoint_info, shipped_weights
from cocnet.networks.zoo.registry import Card, create_model, list_models


def catalogue() -> list[dict[str, Any]]:
    """One dict a network: the card's fields, `parameters` (None: an extra is missing) and `weights_shipped`.

    Where weights ship, `data` is what their file says that they saw.
    """
    return [_facts(card) for card in list_models()]


def _facts(card: Card) -> dict[str, Any]:
    weights = shipped_weights(card.name)
    data = card.data if weights is None else checkpoint_info(weights).data
    counted = {"parameters": parameters_of(card.name), "weights_shipped": weights is not None}
    return asdict(card) | {"data": data} | counted


def parameters_of(name: str) -> int | None:
    """The number of a network's parameters, without making them; None: an extra is missing."""
    try:
        with torch.device("meta"):
            model = create_model(name)
    except MissingExtraError:
        return None
    return sum(parameter.numel() for parameter in model.parameters())
