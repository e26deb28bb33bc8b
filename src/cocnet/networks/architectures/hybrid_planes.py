"""What cocnet-hybrid sees, at one scale and at smaller ones.

Enters: photo and physical picture, sRGB [b 3 h w] with highlights compressed; the signed radius, px [b 1 h w].
Leaves: features of about 1 [b 12 h w], the same planes at half the scale.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.networks.layers.scales import halved

SEEN_RADII_PX = (16.0, 2.0)  # of the radius and of its logarithm, one unit


class SeenPlanes(NamedTuple):
    """Photo and physical picture, lights compressed, and the signed radius in px."""

    image: Float[Tensor, "b 3 h w"]
    physical: Float[Tensor, "b 3 h w"]
    radius: Float[Tensor, "b 1 h w"]

    def features(self) -> Float[Tensor, "b 12 h w"]:
        """What the first module sees, each about 1."""
        far, logarithm = SEEN_RADII_PX
        size = self.radius.abs()
        log = self.radius.sign() * size.log1p() / logarithm
        apart = 2 * (self.image - self.physical)
        return torch.cat([self.image, self.physical, apart, self.radius / far, size / far, log], 1)

    def halved(self) -> "SeenPlanes":
        """At half the scale. The radius is one of four, not their mean: a silhouette stays one."""
        return SeenPlanes(halved(self.image), halved(self.physical), self.radius[..., ::2, ::2] / 2)
