"""What a network sees in training, made of pairs of any dataset.

Enters: `LensPair`s or `BokehPair`s, and the card of a network. Leaves: dicts of `image`, `bokeh` [3 h w] (sRGB), and
by the card `depth` [1 h w] (nearness in 0..1, or the signed radius / radius_scale_px) and `physical` [3 h w].
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.data import Dataset

from cocnet.datasets import BokehPairs
from cocnet.datasets.pairs.raytraced import CroppedScenes
from cocnet.datasets.pairs.sample import Sample, sample_of
from cocnet.datasets.pairs.view import View
from cocnet.datasets.synthetic.poor_depth import poor_depth
from cocnet.errors import DepthError, InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.networks import Card
from cocnet.renderers import Physical

Kind = TypeVar("Kind")
WINDOWS = 4
JUMP_PX = 1.0  # of the radius from a pixel to the next: a silhouette
EXPOSURE, TINT = 0.3, 0.15  # standard deviations of the logarithm of another light


class Items(Dataset[dict[str, Tensor]]):
    """Items by index, or by (pass, index), for another view of a photo each pass; `among` picks some of the pairs.
    A part of them, `poor_depth`, have depth as poor as an estimator's; the truth stays."""

    def __init__(
        self,
        source: Any,
        card: Card,
        radius_scale_px: float = 1.0,
        among: Sequence[int] | None = None,
        poor_depth: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.source, self.card, self.radius_scale_px = source, card, radius_scale_px
        self.among: Sequence[int] = range(len(source)) if among is None else among
        self.poor_depth, self.seed = poor_depth, seed

    def __len__(self) -> int:
        return len(self.among)

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Tensor]:
        turn, index = key if isinstance(key, tuple) else (0, key)
        place = self.among[index]
        by_pass = isinstance(self.source, BokehPairs | CroppedScenes)
        pair = self.source[(turn, place) if by_pass else place]
        return item_of(self._estimated(sample_of(pair), index), self.card, self.radius_scale_px)

    def _estimated(self, sample: Sample, index: int) -> Sample:
        draw = np.random.default_rng([self.seed, index, 5])
        if sample.inverse_depth is None or draw.random() >= self.poor_depth:
            return sample
        return replace(sample, inverse_depth=poor_depth(sample.inverse_depth, sample.image, draw))


class Passes(Dataset[dict[str, Tensor]]):
    """A few items again and again, in another order each time; each is made once, and kept with its pictures as
    float16 (1.4 MB for 256²)."""

    def __init__(self, items: Items, seed: int = 0, count: int = 1_000_000) -> None:
        self.items, self.seed, self.count = items, seed, count
        self._kept: dict[int, dict[str, Tensor]] = {}

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if not 0 <= index < self.count:
            raise IndexError(index)
        turn, place = divmod(index, len(self.items))
        which = int(np.random.default_rng([self.seed, turn, 2]).permutation(len(self.items))[place])
        if which not in self._kept:
            self._kept[which] = {n: x if n == "depth" else x.half() for n, x in self.items[which].items()}
        return {name: x.float() for name, x in self._kept[which].items()}


class Views(Dataset[dict[str, Tensor]]):
    """Windows of side_px² of items with depth, of WINDOWS random ones that with most silhouettes, as `turned`.

    The physical picture is cut like the others: made of the window alone, it would lack the light from outside.
    """

    def __init__(self, items: Dataset[dict[str, Tensor]], side_px: int, radius_scale_px: float, seed: int):
        self.items, self.view, self.seed = items, View(crop=(side_px, side_px)), seed
        self.jump = JUMP_PX / radius_scale_px

    def __len__(self) -> int:
        return len(self.items)  # type: ignore[arg-type]

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Tensor]:
        turn, index = key if isinstance(key, tuple) else (0, key)
        item, draw = self.items[index], np.random.default_rng([self.seed, turn, index, 4])
        torn = _torn(item["depth"], self.jump)
        cuts = [self.view.drawn(torn.shape[1], torn.shape[2], draw) for _ in range(WINDOWS)]
        best = max(cuts, key=lambda cut: int(cut.of(torn).sum()))
        return turned({name: best.of(x) for name, x in item.items()}, draw)


def _torn(depth: Float[Tensor, "1 h w"], jump: float) -> Bool[Tensor, "1 h w"]:
    """Where it jumps to the next pixel, on the right or below."""
    torn = torch.zeros_like(depth, dtype=torch.bool)
    torn[:, :, :-1] |= depth.diff(dim=2).abs() > jump
    torn[:, :-1] |= depth.diff(dim=1).abs() > jump
    return torn


def turned(item: dict[str, Tensor], draw: np.random.Generator) -> dict[str, Tensor]:
    """An item with square pictures mirrored, turned, its colours exchanged, in half of them mixed, in another light.
    All that is exact for a picture and its bokeh, as blur is linear in light."""
    mirrored, turns, mixing = draw.random() < 0.5, int(draw.integers(4)), np.eye(3)[draw.permutation(3)]
    if draw.random() < 0.5:
        mixing += draw.random() * (draw.dirichlet(np.ones(3), size=3) - mixing)
    gains = np.exp(EXPOSURE * draw.normal() + TINT * draw.normal(size=3))
    light = torch.tensor(gains[:, None] * mixing, dtype=item["image"].dtype)

    def one(name: str, x: Tensor) -> Tensor:
        x = torch.rot90(x.flip(2) if mirrored else x, turns, (1, 2))
        return x if name == "depth" else linear_to_srgb(torch.einsum("oc,chw->ohw", light, srgb_to_linear(x)))

    return {name: one(name, x).contiguous() for name, x in item.items()}


class Mixed(Dataset[Kind]):
    """Two endless sets by turns: a `part` of the pairs or items is of the second, evenly spread."""

    def __init__(self, first: Dataset[Kind], second: Dataset[Kind], part: float) -> None:
        self.first, self.second, self.part = first, second, part

    def __len__(self) -> int:
        return min(len(self.first), len(self.second))  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> Kind:
        second = int((index + 1) * self.part) > int(index * self.part)
        return (self.second if second else self.first)[index]


def item_of(sample: Sample, card: Card, radius_scale_px: float = 1.0) -> dict[str, Tensor]:
    """One item; networks without a lens see what a file would hold, cut to 0..1. Raises DepthError or InputError."""
    if card.conditioning == "none":
        return {"image": sample.image[0].clamp(0, 1), "bokeh": sample.bokeh[0].clamp(0, 1)}
    if card.conditioning == "lens" and (sample.assumed or sample.lens is None):
        raise InputError(
            f"expected pairs with a known lens for {card.name}, got photos ('{sample.name}'), try scenes (--images)"
        )
    if sample.inverse_depth is None or sample.lens is None or sample.nearness is None:
        raise DepthError(
            f"expected depth for {card.name}, got none for '{sample.name}', try a folder of depth files"
        )
    if card.conditioning == "depth":
        cut = {"image": sample.image[0].clamp(0, 1), "bokeh": sample.bokeh[0].clamp(0, 1)}
        return cut | {"depth": sample.nearness[0]}
    width = sample.image.shape[-1]
    radius = sample.lens.coc_radius_px(sample.inverse_depth, width) / radius_scale_px
    found = {"image": sample.image[0], "bokeh": sample.bokeh[0], "depth": radius[0]}
    if not card.physical:
        return found
    with torch.no_grad():
        return found | {"physical": sample.rendered_by(Physical())[0]}
