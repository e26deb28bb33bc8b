"""Photos whose own subject stays sharp: what a network learns from that sees nothing but the photo.

Enters: photos with masks of their subjects, settings, a seed. Leaves: pair number `index`, always the same one. The
disparity is the built-in network's with its step laid on the mask, the bokeh the physical renderer's.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.datasets import LensPair
from cocnet.datasets.synthetic import augment
from cocnet.datasets.synthetic.scenes import Scenes
from cocnet.depth.estimators.builtin import depth_on_mask
from cocnet.depth.estimators.estimator import as_rgb8
from cocnet.depth.focal_plane import masked_inverse
from cocnet.imaging import srgb_to_linear
from cocnet.optics import ThinLens
from cocnet.rendering import PhysicalRenderer

FOCAL_M, SENSOR_M = 0.05, 0.036
NEAR_M, FAR_M = 1.0, 10.0


class PortraitScenes(Scenes):
    """Views of photos with a subject; of the settings, the side and the largest radius of blur count."""

    @torch.no_grad()
    def made(self, index: int) -> LensPair:
        """View number `index`: photo, bokeh and depth of `settings.side_px`, the same for the same seed."""
        draw = np.random.default_rng([self.seed, index, 1])
        planes = self.subject(draw)[None].float() / 255
        generator = torch.Generator().manual_seed(int(draw.integers(2**63)))
        seen = augment.view(planes, self.settings.side_px, augment.FRAMING, generator).clamp(0, 1)
        rgb, mask = augment.recolour(seen[:, :3], generator), seen[0, 3].numpy()
        light = srgb_to_linear(rgb)
        plane = depth_on_mask(as_rgb8(rgb[0]), mask, "the dataset").inverse_depth(NEAR_M, FAR_M)
        focus = masked_inverse(plane, mask)
        inverse = torch.from_numpy(plane)[None, None]
        lens = lens_on_subject(inverse, focus or float(plane.max()), self.settings.radius_px[1])
        bokeh = PhysicalRenderer(lens).from_inverse_depth(light, inverse)
        return LensPair(light[0], bokeh[0], 1 / inverse[0], lens, f"{self.seed}/{index}, portrait")


def lens_on_subject(inverse_depth: Float[Tensor, "1 1 h w"], focus: float, radius_px: float) -> ThinLens:
    """A lens focused at the inverse distance `focus` (1/m), of which the largest radius of blur is radius_px."""
    largest = max(focus - float(inverse_depth.min()), float(inverse_depth.max()) - focus)
    f_number = FOCAL_M**2 / 2 * largest * inverse_depth.shape[-1] / SENSOR_M / radius_px
    return ThinLens(
        focal_length_m=FOCAL_M, f_number=f_number, focus_distance_m=1 / focus, sensor_width_m=SENSOR_M
    )
