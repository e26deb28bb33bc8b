"""Tiles of a picture that fit in a processor's cache, cut and put together again with cheap gradients."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

TILE = 192  # px, about


@dataclass(frozen=True)
class Grid:
    """rows × columns tiles of height × width px that cover a picture of size `whole`."""

    whole: tuple[int, int]
    rows: int
    columns: int
    height: int
    width: int

    @staticmethod
    def of(height: int, width: int, multiple: int) -> "Grid":
        """Even tiles of about TILE px whose sides are multiples of `multiple`, with that much to spare."""
        (rows, tall), (columns, wide) = _even(height + multiple, multiple), _even(width + multiple, multiple)
        return Grid((height, width), rows, columns, tall, wide)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the tiles cover, px."""
        return self.rows * self.height, self.columns * self.width

    def cut(self, t: Float[Tensor, "b d h w"], margin: int) -> list[Float[Tensor, "b d th tw"]]:
        """All tiles, row by row, each with `margin` px around it; the border's pixels go on outside."""
        below, right = self.size[0] - t.shape[-2], self.size[1] - t.shape[-1]
        around = (margin, margin + right, margin, margin + below)
        padded = functional.pad(t, around, mode="replicate") if any(around) else t
        strips = padded.unfold(2, self.height + 2 * margin, self.height)
        return [
            tile
            for strip in strips.unbind(2)
            for tile in strip.transpose(2, 3).unfold(3, self.width + 2 * margin, self.width).unbind(3)
        ]

    def join(self, tiles: list[Float[Tensor, "b d th tw"]]) -> Float[Tensor, "b d h w"]:
        """The picture of tiles without margin (of any scale), still padded to whole tiles."""
        rows = [torch.cat(tiles[i : i + self.columns], 3) for i in range(0, len(tiles), self.columns)]
        return torch.cat(rows, 2)

    def around(
        self, scale: int, margin: int
    ) -> Callable[[Float[Tensor, "b d h w"]], Float[Tensor, "b d h2 w2"]]:
        """Padding at 1/scale by `margin`: what lies outside the picture goes on as its border, whatever the tiles."""
        height, width = -(-self.whole[0] // scale), -(-self.whole[1] // scale)
        below, right = self.size[0] // scale - height + margin, self.size[1] // scale - width + margin

        def pad(t: Tensor) -> Tensor:
            return functional.pad(t[..., :height, :width], (margin, right, margin, below), mode="replicate")

        return pad


def _even(length: int, multiple: int) -> tuple[int, int]:
    count = max(1, round(length / max(TILE, multiple)))
    side = math.ceil(length / count / multiple) * multiple
    return math.ceil(length / side), side
