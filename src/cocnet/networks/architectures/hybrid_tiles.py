"""How cocnet-hybrid's correction comes onto a picture tile by tile, to the same result as whole, in bounded memory.

Enters: photo, radius of blur (px) and physical picture [b c h w], in whatever values they come; what finds the
correction. Leaves: the corrected picture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.networks.architectures.hybrid_planes import SeenPlanes
from cocnet.networks.layers.highlights import moved
from cocnet.networks.layers.padding import crop
from cocnet.networks.layers.scales import enlarged
from cocnet.networks.layers.tiles import Tile

STRIP_ROWS = 128  # of the picture, encoded at a time


class Curve(NamedTuple):
    """How the values that enter and leave are those that the network sees, sRGB, and back."""

    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]

    def moved(
        self, physical: Float[Tensor, "b 3 h w"], by: Float[Tensor, "b 3 i j"]
    ) -> Float[Tensor, "b 3 h w"]:
        """The picture, moved on the network's scale; what is beyond it is left out."""
        return self.decode(moved(self.encode(physical), crop(by, *physical.shape[-2:])))


AS_IT_IS = Curve(lambda x: x, lambda x: x)
LINEAR_LIGHT = Curve(linear_to_srgb, srgb_to_linear)


@dataclass(frozen=True, eq=False)
class InTiles:
    """A correction that find(seen, tile) gives of a tile within what is seen, at a scale halved that many times.

    margin: px that it sees around a tile. asked: how much of it is taken at each cell of `cell` px (None: all).
    on_tile is called after each tile.
    """

    find: Callable[[SeenPlanes, Tile], Tensor]
    curve: Curve
    halvings: int
    margin: int
    asked: Float[Tensor, "b 1 i j"] | None
    cell: int
    on_tile: Callable[[], None] | None

    def corrected(
        self,
        tiles: list[Tile],
        image: Float[Tensor, "b 3 h w"],
        radius: Float[Tensor, "b 1 h w"],
        physical: Float[Tensor, "b 3 h w"],
    ) -> Float[Tensor, "b 3 h w"]:
        """The physical picture, corrected in these tiles of the scale that is seen."""
        factor, full, out = 2**self.halvings, physical.shape[-2:], physical.clone()
        size = (-(-full[0] // factor), -(-full[1] // factor))
        small = self._seen_small(image, radius, physical) if self.halvings and tiles else None
        for tile in tiles:
            outer, inner = tile.grown(self.margin, *size), tile.grown(min(self.halvings, 1), *size)
            if small is None:
                seen = self._seen(*(outer.of(x) for x in (image, radius, physical)))
            else:
                seen = SeenPlanes(*(outer.of(x) for x in small))
            found = self.find(seen, inner.within(outer))
            if self.asked is not None:
                found = found * shares(self.asked, inner, self.cell)
            self._move(out, physical, tile, found, inner)
            if self.on_tile is not None:
                self.on_tile()
        return out

    def _move(self, out: Tensor, physical: Tensor, tile: Tile, found: Tensor, place: Tile) -> None:
        """Write a tile, strip by strip; found: the correction in its place, a little larger than the tile."""
        factor, size = 2**self.halvings, out.shape[-2:]
        step = max(1, STRIP_ROWS // factor)
        for top in range(tile.rows.start, tile.rows.stop, step):
            strip = Tile(slice(top, min(top + step, tile.rows.stop)), tile.columns)
            around = strip.grown(1, place.rows.stop, place.columns.stop)
            around = Tile(*(slice(max(a.start, b.start), a.stop) for a, b in zip(around, place, strict=True)))
            into = strip.scaled(factor).grown(0, *size)
            by = enlarged(around.within(place).of(found), factor)
            made = self.curve.moved(into.of(physical), into.within(around.scaled(factor)).of(by))
            out[..., into.rows, into.columns] = made

    def _seen(self, image: Tensor, radius: Tensor, physical: Tensor) -> SeenPlanes:
        encode = self.curve.encode
        return SeenPlanes.of(encode(image), encode(physical), radius, self.halvings)

    def _seen_small(self, image: Tensor, radius: Tensor, physical: Tensor) -> SeenPlanes:
        """Strip by strip, without ever holding the whole pictures as sRGB."""
        step = max(STRIP_ROWS, 2**self.halvings)
        tops = range(0, image.shape[2], step)
        strips = [self._seen(*(x[:, :, top : top + step] for x in (image, radius, physical))) for top in tops]
        return SeenPlanes(*(torch.cat(planes, 2) for planes in zip(*strips, strict=True)))


def shares(asked: Float[Tensor, "b 1 i j"], tile: Tile, cell: int) -> Float[Tensor, "b 1 h w"]:
    """How much each pixel of a tile is asked for, from shares of cells of `cell` px: bilinear between middles."""
    cells = tile.smaller(cell).grown(1, *asked.shape[-2:])
    return tile.within(cells.scaled(cell)).of(enlarged(cells.of(asked), cell))
