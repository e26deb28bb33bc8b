"""CoCNet on top of the physical renderer: it corrects a picture that is nearly right (ours, not in the paper).

Enters: as a "lens" network, and the physical renderer's picture P, sRGB [b 3 h w]. Leaves: sRGB [b 3 h w]. P is one
more template of Eq. 17, and the templates only move light: kernels are a softmax over their taps, the same for all
colours, and the weights of all templates sum to one,

    Î = P + Σ_j w_j ⊙ (T_j − P),   T_0 = I,   w from W(I, T_1 … T_5, P, Dec_1)

so that w = 0, where training starts, is the physical renderer, and a constant picture stays constant. Networks don't
know the renderer: whoever calls this brings P (`cocnet.neural.render_network`, and the data of training).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.networks.base import check_input
from cocnet.networks.cocnet import VARIANTS, CoCNet, CoCNetConfig, by_colour
from cocnet.networks.local_filter import filter_patch, filter_strip, local_filter, padded
from cocnet.networks.padding import crop, pad
from cocnet.networks.registry import Card, register
from cocnet.optics import ThinLens

NAME = "cocnet-hybrid"
CONFIG = VARIANTS["cocnet-b3-less-lens"]
CARD = Card(
    NAME,
    "Natural & Adversarial Bokeh Rendering via Circle-of-Confusion Predictive Network",
    2023,
    None,
    CONFIG.size_multiple,
    "lens",
    physical=True,
    notes="Ours: corrects the physical renderer's picture; untrained, it is that picture.",
)


class Hybrid(CoCNet):
    """CoCNet with kernels that keep energy, and the physical picture as one more template. Differentiable once."""

    def __init__(self, config: CoCNetConfig = CONFIG, seed: int = 0) -> None:
        super().__init__(config, seed, NAME)
        self.card = CARD
        levels, c = len(config.channels), config.channels
        self.phi = nn.ModuleList(nn.Conv2d(n, config.kernel_size**2, 1) for n in c)
        self.weigh = nn.Conv2d(3 + 3 * levels + 3 + c[0], 3 * (levels + 1), 3, padding=1)
        self.initialise(seed)
        self.start_at_identity()

    def forward(
        self,
        image: Float[Tensor, "b 3 h w"],
        depth: Float[Tensor, "b 1 h w"] | None = None,
        physical: Float[Tensor, "b 3 h w"] | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """Correct the physical renderer's picture. depth: `coc_map(…)`. Raises InputError or DepthError."""
        check_input(self.card, image, depth)
        if (
            physical is None
            or physical.shape != image.shape
            or physical.dtype != image.dtype
            or depth is None
        ):
            got = "none" if physical is None else f"{list(physical.shape)} {physical.dtype}"
            raise InputError(
                f"expected the physical renderer's picture {list(image.shape)} {image.dtype}, got {got}, "
                "try cocnet.neural.render_network"
            )
        x = pad(torch.cat([image, depth, physical], 1), self.card.size_multiple)
        return crop(self.rendered(x, [x[:, :3]]), *image.shape[-2:])

    def template(
        self,
        level: int,
        filtered: Sequence[Tensor],
        features: Tensor,
        apply: Callable[..., Tensor] = local_filter,
    ) -> Float[Tensor, "b 3 h w"]:
        """Eq. 15 with kernels that sum to one; strips bring their margin along."""
        phi = self.phi[level]
        assert isinstance(phi, nn.Conv2d)
        whole = apply is not filter_strip
        image = padded(filtered[0], self.config.kernel_size) if whole else filtered[0]
        return filter_patch(image, _kernels(features, phi).to(image.dtype)[:, None])

    def blend(
        self, image: Tensor, templates: Tensor, beside: Tensor, weights: Tensor
    ) -> Float[Tensor, "b 3 h w"]:
        """Eq. 17 with weights that sum to one; what they leave is the physical picture's."""
        own = torch.cat([image, templates], 1)
        return beside + by_colour(weights * (own - beside.repeat(1, weights.shape[1] // 3, 1, 1)))

    def render(  # type: ignore[override]
        self,
        image: Float[Tensor, "b 3 h w"],
        depth_m: Float[Tensor, "b 1 h w"],
        lens: ThinLens,
        physical: Float[Tensor, "b 3 h w"],
    ) -> Float[Tensor, "b 3 h w"]:
        """Scene-linear light, metres and the physical renderer's picture of them → scene-linear light."""
        condition = self.coc_map(depth_m, lens)
        return srgb_to_linear(self(linear_to_srgb(image), condition, linear_to_srgb(physical)))


def _kernels(features: Float[Tensor, "b n h w"], phi: nn.Conv2d) -> Float[Tensor, "b t h w"]:
    """softmax(φ(features)); as a product of matrices, a 1×1 convolution is faster, backward twice."""
    assert phi.bias is not None
    logits = phi.weight.flatten(1) @ features.flatten(2) + phi.bias[:, None]
    return logits.softmax(1).view(len(features), -1, *features.shape[-2:])


@register(CARD)
def hybrid(
    channels: Sequence[int] = CONFIG.channels,
    groups: int = CONFIG.groups,
    kernel_size: int = CONFIG.kernel_size,
    radius_scale_px: float = CONFIG.radius_scale_px,
    seed: int = 0,
) -> nn.Module:
    """The hybrid of this size."""
    changed = replace(CONFIG, channels=tuple(channels), groups=groups, kernel_size=kernel_size)
    return Hybrid(replace(changed, radius_scale_px=radius_scale_px), seed)
