"""What every renderer is: light, inverse depth and a lens in, light with bokeh out.

Enters and leaves: scene-linear light [b 3 h w]; inverse depth [b 1 h w] in 1/m and a `ThinLens` where the
renderer reads them. Differentiable in all that it reads.
"""

from typing import Literal, Protocol

from jaxtyping import Float
from torch import Tensor

from cocnet.compute import finite_output
from cocnet.errors import DepthError, InputError
from cocnet.optics import ThinLens

Reads = frozenset[Literal["depth", "lens"]]
NOTHING: Reads = frozenset()
DEPTH: Reads = frozenset({"depth"})
DEPTH_AND_LENS: Reads = frozenset({"depth", "lens"})


class Renderer(Protocol):
    """A way to render bokeh: the physical model, a network, both, or a control that they have to beat."""

    @property
    def name(self) -> str:
        """The name in tables and on the command line."""
        ...

    @property
    def reads(self) -> Reads:
        """Which of depth and lens have an effect; the others may be None."""
        ...

    def render(
        self,
        light: Float[Tensor, "b 3 h w"],
        inverse_depth: Float[Tensor, "b 1 h w"] | None = None,
        lens: ThinLens | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """Render a batch of scene-linear pictures. Raises InputError, or DepthError where depth is missing."""
        ...


def given_depth(renderer: Renderer, inverse_depth: Tensor | None) -> Float[Tensor, "b 1 h w"]:
    """The inverse depth of a renderer that reads it; raises DepthError for none."""
    if inverse_depth is None:
        raise DepthError(
            f"expected inverse depth for {renderer.name}, got none, try render(light, 1 / depth_m, lens)"
        )
    return inverse_depth


def given_lens(renderer: Renderer, lens: ThinLens | None) -> ThinLens:
    """The lens of a renderer that reads it; raises InputError for none."""
    if lens is None:
        raise InputError(
            f"expected a lens for {renderer.name}, got none, try render(light, inverse_depth, ThinLens(…))"
        )
    return lens


def finite(renderer: Renderer, light: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """A network's picture itself; raises InputError for one with NaN or infinity, which would be saved as black."""
    return finite_output(light, renderer.name)
