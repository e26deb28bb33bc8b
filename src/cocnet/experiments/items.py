"""What a network sees in training, made of pairs of any dataset.

Enters: `LensPair`s or `BokehPair`s, and the card of a network. Leaves: dicts of `image`, `bokeh` [3 h w] (sRGB), and
by the card `depth` [1 h w] (nearness in 0..1, or the signed radius / radius_scale_px) and `physical` [3 h w].
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from cocnet.datasets import BokehPairs, LensPair
from cocnet.errors import DepthError, InputError
from cocnet.experiments.controls import physical
from cocnet.experiments.samples import Sample, sample_of
from cocnet.networks import Card


class Items(Dataset[dict[str, Tensor]]):
    """Items by index, or by (pass, index), for another view of a photo each pass; `among` picks some of the pairs."""

    def __init__(
        self, source: Any, card: Card, radius_scale_px: float = 1.0, among: Sequence[int] | None = None
    ) -> None:
        self.source, self.card, self.radius_scale_px = source, card, radius_scale_px
        self.among: Sequence[int] = range(len(source)) if among is None else among

    def __len__(self) -> int:
        return len(self.among)

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Tensor]:
        turn, index = key if isinstance(key, tuple) else (0, key)
        place = self.among[index]
        pair = self.source[(turn, place) if isinstance(self.source, BokehPairs) else place]
        return item_of(sample_of(pair), self.card, self.radius_scale_px)


class Mixed(Dataset[LensPair]):
    """Two endless sets by turns: a `part` of the pairs is of the second, evenly spread."""

    def __init__(self, first: Dataset[LensPair], second: Dataset[LensPair], part: float) -> None:
        self.first, self.second, self.part = first, second, part

    def __len__(self) -> int:
        return min(len(self.first), len(self.second))  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> LensPair:
        second = int((index + 1) * self.part) > int(index * self.part)
        return (self.second if second else self.first)[index]


def item_of(sample: Sample, card: Card, radius_scale_px: float = 1.0) -> dict[str, Tensor]:
    """One item; networks without a lens see what a file would hold, cut to 0..1. Raises DepthError or InputError."""
    if card.conditioning == "none":
        return {"image": sample.image[0].clamp(0, 1), "bokeh": sample.bokeh[0].clamp(0, 1)}
    if sample.inverse_depth is None or sample.lens is None or sample.nearness is None:
        raise DepthError(
            f"expected depth for {card.name}, got none for '{sample.name}', try a folder of depth files"
        )
    if card.conditioning == "depth":
        cut = {"image": sample.image[0].clamp(0, 1), "bokeh": sample.bokeh[0].clamp(0, 1)}
        return cut | {"depth": sample.nearness[0]}
    if sample.assumed:
        raise InputError(
            f"expected pairs with a known lens for {card.name}, got photos ('{sample.name}'), try scenes (--images)"
        )
    width = sample.image.shape[-1]
    radius = sample.lens.coc_radius_px(sample.inverse_depth, width) / radius_scale_px
    found = {"image": sample.image[0], "bokeh": sample.bokeh[0], "depth": radius[0]}
    if not card.physical:
        return found
    with torch.no_grad():
        return found | {"physical": physical(sample)[0]}
