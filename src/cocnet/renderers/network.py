"""A network as a renderer: it gets of depth and lens what its card says.

Enters and leaves: as `renderers.protocol` says. The network itself sees sRGB, and nothing, nearness in 0..1, or the
signed radius of the circle of confusion (Eq. 1).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, nearness, srgb_to_linear
from cocnet.networks import Card
from cocnet.optics import ThinLens
from cocnet.renderers.protocol import (
    DEPTH,
    DEPTH_AND_LENS,
    NOTHING,
    Reads,
    Renderer,
    finite,
    given_depth,
    given_lens,
)

_READS: dict[str, Reads] = {"none": NOTHING, "depth": DEPTH, "lens": DEPTH_AND_LENS}


class CardOfNetwork:
    """What a renderer with a network says of itself is what that network's card says."""

    network: nn.Module

    @property
    def card(self) -> Card:
        """What the network is and reads: its entry in the list of networks."""
        return self.network.card  # type: ignore[return-value]

    @property
    def name(self) -> str:
        """Name of the network in the list of networks (`cocnet models`)."""
        return self.card.name


@dataclass(frozen=True, eq=False)
class NetworkRenderer(CardOfNetwork):
    """A network that makes the whole picture by itself.

    span: the inverse depths (1/m) that nearness 0 and 1 stand for; None takes the farthest and the nearest of each
    batch, which an attack on depth must not do: its change would be scaled away.
    Raises InputError for a network that corrects the physical renderer (see `HybridRenderer`).
    """

    network: nn.Module
    bfloat16: bool = False
    span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.card.physical:
            raise InputError(
                f"expected a network that renders by itself, got {self.name}, try open_renderer('{self.name}')"
            )

    @property
    def reads(self) -> Reads:
        """What the network's card says that it reads."""
        return _READS[self.card.conditioning]

    def render(
        self,
        light: Float[Tensor, "b 3 h w"],
        inverse_depth: Float[Tensor, "b 1 h w"] | None = None,
        lens: ThinLens | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """Render a batch; a network without a lens sees what a file would hold, cut to 0..1. Raises InputError or
        DepthError.

        A network with a lens sees sRGB's curve also above 1, where its power law goes on (light 100 → 7.1).
        """
        srgb, condition = linear_to_srgb(light), None
        if "lens" in self.reads:
            inverse = given_depth(self, inverse_depth)
            condition = coc_map(self.network, inverse, given_lens(self, lens))
        else:
            srgb = srgb.clamp(0, 1)
            if "depth" in self.reads:
                condition = self._nearness(given_depth(self, inverse_depth))
        with computing(light, self.bfloat16):
            rendered: Tensor = self.network(srgb, condition)
        return finite(self, srgb_to_linear(rendered.to(light.dtype)))

    def _nearness(self, inverse_depth: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
        if self.span is None:
            return torch.stack([nearness(one) for one in inverse_depth])
        far, near = self.span
        return (inverse_depth - far) / (near - far)


def coc_map(
    network: nn.Module, inverse_depth: Float[Tensor, "b 1 h w"], lens: ThinLens
) -> Float[Tensor, "b 1 h w"]:
    """What a network with a lens is conditioned on: Eq. 1's signed radius, px, over its radius_scale_px."""
    scale_px: float = network.config.radius_scale_px  # type: ignore[union-attr, assignment]
    return lens.coc_radius_px(inverse_depth, inverse_depth.shape[-1]) / scale_px


def computing(like: Tensor, bfloat16: bool) -> AbstractContextManager[object]:
    """Within it, convolutions and products of matrices are of bfloat16 where that is wished."""
    return torch.autocast(like.device.type, torch.bfloat16) if bfloat16 else nullcontext()


@contextmanager
def followed(renderer: Renderer, on_progress: Callable[[int, int], None] | None) -> Iterator[None]:
    """Within it, on_progress(done, all) follows a network that works in parts."""
    network: Any = getattr(renderer, "network", None)
    if on_progress is None or not hasattr(network, "on_unit"):
        yield
        return
    done = count(1)
    network.on_unit = lambda: on_progress(next(done), network.units)
    try:
        yield
    finally:
        network.on_unit = None
