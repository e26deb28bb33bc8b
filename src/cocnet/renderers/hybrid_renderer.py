"""A network that corrects the physical renderer, which it brings along.

Enters and leaves: as `renderers.protocol` says. The network sees what a file would hold of the photo, the physical
renderer's picture, and the signed radius of the circle of confusion (Eq. 1).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.errors import InputError
from cocnet.networks.architectures.base import check_input
from cocnet.optics import ThinLens
from cocnet.renderers.asked_cells import asked_cells
from cocnet.renderers.network import CardOfNetwork, coc_map, computing
from cocnet.renderers.protocol import DEPTH_AND_LENS, Reads, finite, given_depth, given_lens
from cocnet.rendering import Highlights, PhysicalRenderer, render_tiled


@dataclass(frozen=True, eq=False)
class HybridRenderer(CardOfNetwork):
    """The physical renderer's picture, corrected at silhouettes by a network such as cocnet-hybrid.

    highlights restores clipped light before the physical renderer and undoes that after it. bfloat16 is for the
    network; the physical renderer stays in float32. everywhere: the network corrects all of the picture, not only
    where `asked_cells` says that this matters. Raises InputError for a network that renders by itself.
    """

    network: nn.Module
    highlights: Highlights | None = None
    bfloat16: bool = False
    everywhere: bool = False

    reads: ClassVar[Reads] = DEPTH_AND_LENS

    def __post_init__(self) -> None:
        if not self.card.physical:
            raise InputError(
                f"expected a network that corrects the physical renderer, got {self.name}, try cocnet-hybrid"
            )

    def render(
        self,
        light: Float[Tensor, "b 3 h w"],
        inverse_depth: Float[Tensor, "b 1 h w"] | None = None,
        lens: ThinLens | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """Render a batch; without gradients the physical renderer works in tiles. Raises InputError or DepthError."""
        inverse, lens = given_depth(self, inverse_depth), given_lens(self, lens)
        check_input(self.card, light, inverse)
        physical = self._physical(light, inverse, lens)
        with computing(light, self.bfloat16):
            coc = coc_map(self.network, inverse, lens)
            asked = None if self.everywhere else self._asked(coc, physical)
            corrected: Tensor = self.network.correct_light(light, coc, physical, asked)  # type: ignore[operator]
        return finite(self, corrected if self.highlights is None else corrected.clamp(min=0))

    def _asked(
        self, coc: Float[Tensor, "b 1 h w"], physical: Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, "b 1 i j"]:
        """How much of the correction is taken in the network's cells."""
        network: Any = self.network
        radius_px = coc.detach() * network.config.radius_scale_px
        scale: int = network.seen_smaller(coc)
        return asked_cells(radius_px, physical.detach(), network.card.size_multiple * scale, scale)

    def _physical(
        self, light: Float[Tensor, "b 3 h w"], inverse: Float[Tensor, "b 1 h w"], lens: ThinLens
    ) -> Float[Tensor, "b 3 h w"]:
        if not torch.is_grad_enabled():
            return _tiled(lens, light, inverse, self.highlights)
        if self.highlights is None:
            return PhysicalRenderer(lens).from_inverse_depth(light, inverse)
        restored = self.highlights.restore(light)
        return self.highlights.undo(PhysicalRenderer(lens).from_inverse_depth(restored, inverse).clamp(min=0))


def _tiled(
    lens: ThinLens,
    light: Float[Tensor, "b 3 h w"],
    inverse: Float[Tensor, "b 1 h w"],
    highlights: Highlights | None,
) -> Float[Tensor, "b 3 h w"]:
    """The physical renderer's pictures in bounded memory; highlights are restored and undone tile by tile."""
    out = torch.empty_like(light)
    renderer = PhysicalRenderer(lens)
    apart = max(float(torch.as_tensor(one).abs().max()) for one in lens.channel_offset_m())
    apart *= light.shape[-1] / lens.sensor_width_m
    radius = float(lens.coc_radius_px(inverse, light.shape[-1]).abs().max()) + apart
    for number, (one, where, into) in enumerate(zip(light, inverse, out, strict=True)):
        read, write = _windows(one, where, into, highlights)
        brightest = one.amax().view(1, 1, 1, 1)
        if highlights is not None:
            brightest = highlights.restore(brightest)
        own = replace(renderer, lens=lens.of(number), sharp_lights=bool(brightest > 1))
        render_tiled(own, light.shape[2], light.shape[3], read, write, radius)
    return out


def _windows(
    light: Float[Tensor, "3 h w"],
    inverse: Float[Tensor, "1 h w"],
    into: Float[Tensor, "3 h w"],
    highlights: Highlights | None,
) -> tuple[Callable[[slice, slice], tuple[Tensor, Tensor]], Callable[[slice, slice, Tensor], None]]:
    def read(rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        window = light[:, rows, columns]
        if highlights is not None:
            window = highlights.restore(window[None])[0]
        return window, inverse[:, rows, columns]

    def write(rows: slice, columns: slice, made: Tensor) -> None:
        into[:, rows, columns] = made if highlights is None else highlights.undo(made[None].clamp(min=0))[0]

    return read, write
