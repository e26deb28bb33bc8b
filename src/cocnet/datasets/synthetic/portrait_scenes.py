"""Photos whose own subject stays sharp: what a network learns from that sees nothing but the photo.

Enters: photos with masks of their subjects, settings, a seed. Leaves: pair number `index`, always the same one. The
distances are those of `depth.pseudo` (subject, ground, backdrop), the bokeh is the physical renderer's.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.datasets import LensPair
from cocnet.datasets.synthetic import augment
from cocnet.datasets.synthetic.scenes import Scenes
from cocnet.depth.estimators.made_up import SUBJECT, pseudo_disparity
from cocnet.imaging import srgb_to_linear
from cocnet.optics import ThinLens
from cocnet.rendering import PhysicalRenderer

FOCAL_M, SENSOR_M = 0.05, 0.036
NEAREST, FARTHEST = 1.0, 0.1  # 1/m at disparity 1 and 0


class PortraitScenes(Scenes):
    """Views of photos with a subject; of the settings, the side and the largest radius of blur count."""

    @torch.no_grad()
    def made(self, index: int) -> LensPair:
        """View number `index`."""
        draw = np.random.default_rng([self.seed, index, 1])
        planes = self.subject(draw)[None].float() / 255
        generator = torch.Generator().manual_seed(int(draw.integers(2**63)))
        seen = augment.view(planes, self.settings.side_px, augment.FRAMING, generator).clamp(0, 1)
        light = srgb_to_linear(augment.recolour(seen[:, :3], generator))
        disparity = torch.from_numpy(pseudo_disparity(seen[0, 3].numpy()))[None, None]
        inverse = FARTHEST + (NEAREST - FARTHEST) * disparity
        lens = lens_on_subject(inverse, self.settings.radius_px[1])
        bokeh = PhysicalRenderer(lens).from_inverse_depth(light, inverse)
        return LensPair(light[0], bokeh[0], 1 / inverse[0], lens, f"{self.seed}/{index}, portrait")


def lens_on_subject(inverse_depth: Float[Tensor, "1 1 h w"], radius_px: float) -> ThinLens:
    """A lens focused on the subject's plane that blurs the farthest point by a radius of radius_px."""
    focus = FARTHEST + (NEAREST - FARTHEST) * SUBJECT
    farthest = focus - float(inverse_depth.min())
    f_number = FOCAL_M**2 / 2 * farthest * inverse_depth.shape[-1] / SENSOR_M / radius_px
    return ThinLens(
        focal_length_m=FOCAL_M, f_number=f_number, focus_distance_m=1 / focus, sensor_width_m=SENSOR_M
    )
