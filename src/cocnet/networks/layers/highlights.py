"""Highlights compressed for a network, which learns little from values far above 1.

Enters: sRGB, where lights are above 1. Leaves: the same up to 1, above that 1 + LIGHTS · log.
"""

import torch
from torch import Tensor

LIGHTS = 0.05  # of the logarithm, by which sRGB above 1 is compressed


def compress_highlights(srgb: Tensor) -> Tensor:
    """sRGB whose values above 1 are compressed to 1 + LIGHTS · log."""
    return torch.where(srgb > 1, 1 + LIGHTS * srgb.clamp(min=1).log(), srgb)


def moved(picture: Tensor, by: Tensor) -> Tensor:
    """The sRGB picture, moved on the compressed scale; where it is above 1 it can only get darker."""
    before = compress_highlights(picture)
    now = torch.minimum(before + by, before.clamp(min=1))
    return torch.where(now > 1, ((now.clamp(min=1) - 1) / LIGHTS).exp(), now)
