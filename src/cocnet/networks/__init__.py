"""Networks that render bokeh, one file = one paper; all are called the same way: model(image, depth) → image."""

from cocnet.networks.zoo.catalogue import catalogue, parameters_of
from cocnet.networks.zoo.checkpoint import (
    CheckpointInfo,
    checkpoint_info,
    load_model,
    save_checkpoint,
    shipped_weights,
)
from cocnet.networks.zoo.export import export_onnx
from cocnet.networks.zoo.quantise import quantise_onnx
from cocnet.networks.zoo.registry import Card, card_of, create_model, create_seeded, list_models, register

__all__ = [
    "Card",
    "CheckpointInfo",
    "card_of",
    "catalogue",
    "checkpoint_info",
    "create_model",
    "create_seeded",
    "export_onnx",
    "list_models",
    "load_model",
    "parameters_of",
    "quantise_onnx",
    "register",
    "save_checkpoint",
    "shipped_weights",
]
