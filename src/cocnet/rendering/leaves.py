"""Fragments as the layers see them: which layers each belongs to, and its members of a group of layers.

Enters: fragments with their signed radius of the circle of confusion (px), in tiles. Leaves: one leaf per fragment of
a group, at the group's scale.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.rendering.fragments import Fragments
from cocnet.rendering.grid import Grid
from cocnet.rendering.levels import Group, level_position, level_radius

MARGIN = 2  # px at a layer's own scale, beyond its kernel


class Leaf(NamedTuple):
    """One fragment per pixel: colour times coverage and coverage, its fractional layer, and all layers touched."""

    value: Float[Tensor, "b d h w"]
    level: Float[Tensor, "b 1 h w"]
    touched: frozenset[int]

    @staticmethod
    def of(
        value: Float[Tensor, "b d h w"],
        x: Float[Tensor, "b 1 h w"],
        least: Float[Tensor, "b 1 h w"] | None = None,
    ) -> "Leaf":
        """From the signed radius in px, in no layer before `least`; what covers nothing touches no layer."""
        there = value.detach()[:, -1:] > 0
        if not there.any():
            return Leaf(value, x, frozenset())
        level = level_position(x) if least is None else torch.maximum(level_position(x), least)
        found = level.detach()[there].floor().int()
        lowest = int(found.amin())
        below = torch.bincount(found - lowest).nonzero().flatten().tolist()
        return Leaf(value, level, frozenset(lowest + n + up for n in below for up in (0, 1)))

    def member(self, group: Group, sign: int) -> "Leaf | None":
        """What belongs to the layers of the group on one side (0: both); None if nothing does."""
        low, high = span(group, sign)
        touched = frozenset(number for number in self.touched if low <= number <= high)
        if not touched:
            return None
        if len(touched) == len(self.touched):
            return self
        inside = (self.level - low + 1).clamp(0, 1) * (high + 1 - self.level).clamp(0, 1)
        return Leaf(self.value * inside, self.level.clamp(low, high), touched)

    def pooled(self, scale: int, margin: int) -> Float[Tensor, "b e h w"]:
        """Without its margin, at 1/scale: the values, and the layer times the coverage."""
        height, width = self.level.shape[-2:]
        value = self.value[..., margin : height - margin, margin : width - margin]
        level = self.level[..., margin : height - margin, margin : width - margin]
        return functional.avg_pool2d(torch.cat([value, value[:, -1:] * level], 1), scale)


def leaves_of(parts: Fragments, top: int) -> tuple[Leaf, Leaf]:
    """What is in front and what is behind. They share no layer, in which they would add up: what is behind starts two
    layers further, if need be."""
    front, back = Leaf.of(parts.front, parts.x_front), parts.back
    if not (back.detach()[:, -1:] > 0).any():
        return front, Leaf.of(back, parts.x_back)
    covered = parts.front.detach()[:, -1:] > 0
    least = torch.where(covered, front.level.detach().floor() + 2, -torch.inf).clamp(max=top)
    return front, Leaf.of(back, parts.x_back, least)


def span(group: Group, sign: int) -> tuple[int, int]:
    """The first and the last layer of the group in front of the focus (−1), behind it (1), or of both (0)."""
    if sign == 0:
        return -group.last, group.last
    return (group.first, group.last) if sign > 0 else (-group.last, -group.first)


def gather(tiles: list[tuple[Leaf, Leaf]], group: Group, sign: int, grid: Grid, margin: int) -> list[Leaf]:
    """The group's members of all tiles as one picture per fragment, at the group's scale."""
    found = []
    for leaves in zip(*tiles, strict=True):
        members = [leaf.member(group, sign) for leaf in leaves]
        if all(member is None for member in members):
            continue
        b, d = leaves[0].value.shape[:2]
        empty = leaves[0].value.new_zeros(b, d + 1, grid.height // group.scale, grid.width // group.scale)
        pooled = grid.join(empty if m is None else m.pooled(group.scale, margin) for m in members)
        mass = pooled[:, -2:-1]
        level = pooled[:, -1:] / mass.clamp(min=1e-6)
        around = grid.around(group.scale, reach_of(group))
        touched = frozenset().union(*(m.touched for m in members if m is not None))
        between = frozenset(range(min(touched), max(touched) + 1))
        found.append(Leaf(around(pooled[:, :-1]), around(level), between))
    return found


def reach_of(group: Group) -> int:
    """How far the group's layers spread, and a margin, px at their scale."""
    return math.ceil(level_radius(group.last) / group.scale) + MARGIN
