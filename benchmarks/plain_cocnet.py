"""The yardstick for CoCNet: the same network as stock modules and an unfolded image would write it."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.networks.layers.local_filter import local_filter_reference


def plain_cocnet(model: Any, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """What `model` gives for a picture whose sides are multiples of 16; no condition."""
    features, scaled = image, [image]
    skips: list[Tensor] = []
    templates: list[Tensor] = []
    for encoder in model.encoders:
        skips.append(_module(encoder, features))
        features = functional.avg_pool2d(skips[-1], 2)
        scaled.append(functional.avg_pool2d(scaled[-1], 2))
    for level in reversed(range(len(model.decoders))):
        if level < len(skips):
            features = torch.cat([_enlarged(features, 2), skips[level]], 1)
        features = _module(model.decoders[level], features)
        kernels = model.phi[level](features).unflatten(1, (3, -1))
        templates.insert(0, _enlarged(local_filter_reference(scaled[level], kernels), 2**level))
    weights = model.weigh(torch.cat([image, *templates, features], 1))
    return image + (weights * torch.cat(templates, 1)).unflatten(1, (-1, 3)).sum(1)


def bare_convolutions(model: Any, height: int, width: int) -> list[tuple[nn.Conv2d, Tensor]]:
    """The network's own 3×3 convolutions, each with an input of the right shape, channels last."""
    found: list[tuple[nn.Conv2d, Tensor]] = []
    for level, module in [*enumerate(model.encoders), *enumerate(model.decoders)]:
        found += [
            (unit.conv, _input(unit.conv, height >> level, width >> level)) for unit in module.children()
        ]
    return [*found, (model.weigh, _input(model.weigh, height, width))]


def _input(conv: nn.Conv2d, height: int, width: int) -> Tensor:
    return torch.rand(1, conv.in_channels, height, width).to(memory_format=torch.channels_last)


def _module(module: Any, x: Tensor) -> Tensor:
    for unit in module.children():
        norm = unit.norm
        x = functional.relu(functional.instance_norm(unit.conv(x), weight=norm.weight, bias=norm.bias))
    return x


def _enlarged(x: Tensor, factor: int) -> Tensor:
    return functional.interpolate(x, scale_factor=float(factor), mode="bilinear") if factor > 1 else x
