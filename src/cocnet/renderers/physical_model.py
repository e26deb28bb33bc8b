"""The physical model as a renderer: one `PhysicalRenderer` for whatever lens comes.

Enters and leaves: as `renderers.protocol` says.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from cocnet.optics import ThinLens
from cocnet.renderers.protocol import DEPTH_AND_LENS, Reads, given_depth, given_lens
from cocnet.rendering import Highlights, PhysicalRenderer
from cocnet.rendering.physical import Mode
from cocnet.rendering.spot_cache import SpotCache


@dataclass(frozen=True, eq=False)
class Physical:
    """Layers under the lens's point spread function. Mode "eq8" is the paper's Eq. 8 to the letter.

    largest_radius bounds the blur radius, as a share of the picture's width; the other fields are those of
    `PhysicalRenderer`.
    """

    mode: Mode = "over"
    highlights: Highlights | None = None
    preview: bool = False
    sharp_lights: bool | None = None
    largest_radius: float | None = None
    spots: SpotCache = field(default_factory=SpotCache, kw_only=True, repr=False)

    reads: ClassVar[Reads] = DEPTH_AND_LENS

    @property
    def name(self) -> str:
        """Name of the renderer: physical, or physical-eq8 for the paper's Eq. 8."""
        return "physical" if self.mode == "over" else f"physical-{self.mode}"

    def at(self, lens: ThinLens, width_px: int) -> PhysicalRenderer:
        """The renderer of one lens, for pictures of this width."""
        limit = None if self.largest_radius is None else self.largest_radius * width_px
        return PhysicalRenderer(
            lens, self.mode, self.highlights, self.preview, limit, self.sharp_lights, spots=self.spots
        )

    def render(
        self,
        light: Float[Tensor, "b 3 h w"],
        inverse_depth: Float[Tensor, "b 1 h w"] | None = None,
        lens: ThinLens | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """Render a batch. Raises InputError or DepthError."""
        renderer = self.at(given_lens(self, lens), light.shape[-1])
        return renderer.from_inverse_depth(light, given_depth(self, inverse_depth))
