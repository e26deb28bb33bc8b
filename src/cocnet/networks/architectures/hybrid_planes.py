"""What cocnet-hybrid sees, at one scale and at smaller ones.

Enters: photo and physical picture, sRGB [b 3 h w] with highlights compressed; the signed radius, px [b 1 h w].
Leaves: features of about 1 [b 12 h w], the same planes at half the scale.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.networks.layers.highlights import compress_highlights
from cocnet.networks.layers.scales import halved

SEEN_RADII_PX = (16.0, 2.0)  # of the radius and of its logarithm, one unit


class SeenPlanes(NamedTuple):
    """Photo and physical picture, lights compressed, and the signed radius in px."""

    image: Float[Tensor, "b 3 h w"]
    physical: Float[Tensor, "b 3 h w"]
    radius: Float[Tensor, "b 1 h w"]

    @classmethod
    def of(cls, image: Tensor, physical: Tensor, radius: Tensor, halvings: int = 0) -> "SeenPlanes":
        """What is seen of sRGB pictures and the radius (px) at the scale that many times halved; the last row and
        column are repeated where that doesn't come out even."""
        planes = (compress_highlights(image), compress_highlights(physical), radius)
        if halvings:
            down, across = (-length % 2**halvings for length in radius.shape[-2:])
            planes = tuple(functional.pad(x, (0, across, 0, down), mode="replicate") for x in planes)  # type: ignore[assignment]
        seen = cls(*planes)
        for _ in range(halvings):
            seen = seen.halved()
        return seen

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
