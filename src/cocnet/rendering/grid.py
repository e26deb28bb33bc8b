"""Tiles of a picture that fit in a processor's cache, cut and put together again with cheap gradients."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

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
        height, width = self.height + 2 * margin, self.width + 2 * margin
        return [
            _window(t, row * self.height - margin, column * self.width - margin, height, width)
            for row in range(self.rows)
            for column in range(self.columns)
        ]

    def cut_doubled(
        self, t: Float[Tensor, "b d i j"], mode: Literal["bilinear", "nearest"] = "bilinear"
    ) -> Iterator[Float[Tensor, "b d th tw"]]:
        """The tiles of a picture at half the scale, each enlarged when its turn comes."""
        for small in replace(self, height=self.height // 2, width=self.width // 2).cut(t, 1):
            yield functional.interpolate(small, scale_factor=2, mode=mode)[..., 2:-2, 2:-2]

    def join(self, tiles: Iterable[Float[Tensor, "b d th tw"]]) -> Float[Tensor, "b d h w"]:
        """The picture of tiles without margin (of any scale), still padded to whole tiles."""
        if torch.is_grad_enabled():
            row = list(tiles)
            rows = [torch.cat(row[i : i + self.columns], 3) for i in range(0, len(row), self.columns)]
            return torch.cat(rows, 2)
        for i, tile in enumerate(tiles):
            height, width = tile.shape[-2:]
            if not i:
                whole = tile.new_empty(*tile.shape[:2], self.rows * height, self.columns * width)
            top, left = i // self.columns * height, i % self.columns * width
            whole[..., top : top + height, left : left + width] = tile
        return whole

    def around(
        self, scale: int, margin: int
    ) -> Callable[[Float[Tensor, "b d h w"]], Float[Tensor, "b d h2 w2"]]:
        """Padding at 1/scale by `margin`: what lies outside the picture goes on as its border, whatever the tiles."""
        height, width = -(-self.whole[0] // scale), -(-self.whole[1] // scale)
        below, right = self.size[0] // scale - height + margin, self.size[1] // scale - width + margin

        def pad(t: Tensor) -> Tensor:
            return functional.pad(t[..., :height, :width], (margin, right, margin, below), mode="replicate")

        return pad


def _window(
    t: Float[Tensor, "b d h w"], top: int, left: int, height: int, width: int
) -> Float[Tensor, "b d th tw"]:
    """A view of a window, or, where that reaches beyond the picture, a copy in which the border goes on."""
    rows, above, below = _span(top, height, t.shape[-2])
    columns, before, after = _span(left, width, t.shape[-1])
    part, around = t[..., rows, columns], (before, after, above, below)
    return functional.pad(part, around, mode="replicate") if any(around) else part


def _span(start: int, length: int, size: int) -> tuple[slice, int, int]:
    """What of a window lies inside a picture of `size` px, at least one, and how much it lacks before and after."""
    inside = slice(min(max(start, 0), size - 1), max(1, min(start + length, size)))
    before = min(max(0, -start), length - 1)
    return inside, before, length - before - (inside.stop - inside.start)


def _even(length: int, multiple: int) -> tuple[int, int]:
    count = max(1, round(length / max(TILE, multiple)))
    side = math.ceil(length / count / multiple) * multiple
    return math.ceil(length / side), side
