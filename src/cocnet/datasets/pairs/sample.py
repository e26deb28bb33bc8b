"""What a renderer under test sees, whatever dataset it comes from.

Enters: pairs of a dataset. Leaves: `Sample`s, batches of one, with the truth beside them.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.datasets import BokehPair, LensPair
from cocnet.depth.focal_plane import subject_inverse
from cocnet.errors import DepthError
from cocnet.imaging import linear_to_srgb, nearness, srgb_to_linear
from cocnet.optics import ThinLens
from cocnet.renderers import Renderer

NEAR_M, FAR_M = 1.0, 10.0
ASSUMED = "assumed: depth from 1 to 10 m, 50 mm f/1.8 on full frame, in focus what is near the middle"


@dataclass(frozen=True, eq=False)
class Sample:
    """A photo in sRGB (above 1.0 where light was clipped nowhere), the true bokeh, inverse depth (1/m) and the lens.

    `assumed` says that distances and lens aren't known: see ASSUMED.
    """

    name: str
    image: Float[Tensor, "1 3 h w"]
    bokeh: Float[Tensor, "1 3 h w"]
    inverse_depth: Float[Tensor, "1 1 h w"] | None = None
    lens: ThinLens | None = None
    assumed: bool = False

    @property
    def light(self) -> Float[Tensor, "1 3 h w"]:
        """The photo as scene-linear light."""
        return srgb_to_linear(self.image)

    @property
    def nearness(self) -> Float[Tensor, "1 1 h w"] | None:
        """Depth as networks see it, 1 = the nearest of the photo that this may be a part of."""
        if self.inverse_depth is None:
            return None
        if self.assumed:
            return (self.inverse_depth - 1 / FAR_M) / (1 / NEAR_M - 1 / FAR_M)
        return nearness(self.inverse_depth)

    def rendered_by(self, renderer: Renderer) -> Float[Tensor, "1 3 h w"]:
        """What a renderer makes of it, sRGB. Raises DepthError where the renderer reads depth and there is none."""
        if "depth" in renderer.reads and self.inverse_depth is None:
            got = f"none for '{self.name}'"
            raise DepthError(f"expected depth for {renderer.name}, got {got}, try a folder of depth files")
        return linear_to_srgb(renderer.render(self.light, self.inverse_depth, self.lens))

    def to(self, device: str | torch.device) -> "Sample":
        """The same on another device."""
        depth = self.inverse_depth
        moved = None if depth is None else depth.to(device, non_blocking=True)
        return replace(
            self,
            image=self.image.to(device, non_blocking=True),
            bokeh=self.bokeh.to(device, non_blocking=True),
            inverse_depth=moved,
        )


def sample_of(pair: BokehPair | LensPair) -> Sample:
    """The sample of one item of a dataset."""
    if isinstance(pair, LensPair):
        sharp, bokeh = linear_to_srgb(pair.image)[None], linear_to_srgb(pair.bokeh)[None]
        return Sample(pair.name, sharp, bokeh, 1 / pair.depth_m[None], pair.lens)
    if pair.depth is None:
        return Sample(pair.name, pair.image[None], pair.bokeh[None])
    inverse = 1 / FAR_M + pair.depth[None] * (1 / NEAR_M - 1 / FAR_M)
    focus_m = 1 / subject_inverse(inverse[0, 0].numpy())
    lens = ThinLens(focal_length_m=0.050, f_number=1.8, focus_distance_m=focus_m, sensor_width_m=0.036)
    return Sample(pair.name, pair.image[None], pair.bokeh[None], inverse, lens, assumed=True)
