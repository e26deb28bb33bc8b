"""CoCNet on top of the physical renderer: it corrects a picture that is nearly right (ours, not in the paper).

Enters: sRGB [b 3 h w], the signed radius as a "lens" network has it, and the physical renderer's picture P, sRGB
[b 3 h w]. Leaves: sRGB [b 3 h w]. Kernels of Eq. 15 filter the photo I and P at several scales, and what they find
different from P moves it,

    Î = P + Σ_j 𝒰_j(𝒟_j(I) ∗ K_j + 𝒟_j(P) ∗ K'_j − (Σ K_j + Σ K'_j) 𝒟_j(P)),   K_j, K'_j = φ_j(Dec_j(I, P, radius))

so that φ = 0, where training starts, is the physical renderer, and a constant picture stays constant. Unlike
CoCNet's its modules have no norm, which would take away the absolute radius. Light above 1 is compressed on the way
in and never made brighter. Networks don't know the renderer: whoever calls this brings P
(`cocnet.open_renderer('cocnet-hybrid')`, and the data of training).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.networks.architectures.base import check_input
from cocnet.networks.architectures.hybrid_planes import SeenPlanes
from cocnet.networks.layers.highlights import compress_highlights, moved
from cocnet.networks.layers.local_filter import difference_filter
from cocnet.networks.layers.padding import crop, pad
from cocnet.networks.layers.scales import enlarged, halved
from cocnet.networks.layers.tiles import count_tiles, in_tiles
from cocnet.networks.zoo.registry import Card, register

NAME = "cocnet-hybrid"
STEP = 0.3  # of what φ says: so small that training starts gently
TILE_PX = 768  # of pictures without gradients, beside their margins


@dataclass(frozen=True)
class HybridConfig:
    """Every number of the architecture.

    channels: of the levels, finest first; groups of (convolution, ReLU) per module; kernel_size k of the kernels;
    filtered: levels, finest first, that have kernels. radius_scale_px: of the radius that is its input.
    most_radius_px: a picture with larger blurs is corrected at half its scale, or a quarter, …
    """

    channels: tuple[int, ...] = (32, 48, 64, 96, 96)
    groups: int = 2
    kernel_size: int = 5
    filtered: int = 4
    radius_scale_px: float = 32.0
    most_radius_px: float = 28.0

    @property
    def size_multiple(self) -> int:
        """Pictures are padded inside to multiples of this, px."""
        return 2 ** (len(self.channels) - 1)

    @property
    def margin(self) -> int:
        """How far a pixel sees, px, as a multiple of size_multiple: what tiles need around them."""
        scales = [2**level for level in range(len(self.channels))]
        modules = 2 * self.groups * sum(scales[:-1]) + self.groups * scales[-1]
        enlarging, kernels = sum(scales[1:]), (self.kernel_size // 2 + 1) * scales[self.filtered - 1]
        return -(-(modules + enlarging + kernels + 1) // self.size_multiple) * self.size_multiple


CONFIG = HybridConfig()
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


class _Phi(nn.Conv2d):
    """Kernels from features, STEP times what its weights say (that on the weights, which are few): a 1×1 convolution
    as a product of matrices, whose result comes plane by plane whatever the features' memory format."""

    bias: Tensor

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = STEP * self.weight.flatten(1), STEP * self.bias[:, None]
        found = torch.baddbmm(bias, weight.expand(len(x), -1, -1), x.flatten(2))
        return found.view(len(x), -1, *x.shape[2:])


class Hybrid(nn.Module):
    """The correction of a physical picture. Without gradients it works in tiles, to the same result in bounded
    memory; tile_px = None turns that off. on_unit, if set, is called after each of the `units` tiles."""

    def __init__(self, config: HybridConfig = CONFIG, seed: int = 0) -> None:
        super().__init__()
        self.card, self.config = replace(CARD, size_multiple=config.size_multiple), config
        self.tile_px: int | None = TILE_PX
        self.units = 1
        self.on_unit: Callable[[], None] | None = None
        c, levels = config.channels, len(config.channels)
        before = (12, *c[:-1])
        joined = [c[j] + c[j + 1] for j in range(levels - 1)] + [before[-1]]
        self.encoders = nn.ModuleList(_module(before[j], c[j], config.groups) for j in range(levels - 1))
        self.decoders = nn.ModuleList(_module(joined[j], c[j], config.groups) for j in range(levels))
        self.phi = nn.ModuleList(_Phi(n, 2 * config.kernel_size**2, 1) for n in c[: config.filtered])
        self.initialise(seed)

    def initialise(self, seed: int) -> None:
        """Kaiming weights, the same for the same seed, zero biases, and φ = 0: the physical renderer."""
        generator = torch.Generator().manual_seed(seed)
        for part in [*self.encoders.modules(), *self.decoders.modules()]:
            if isinstance(part, nn.Conv2d) and part.bias is not None:
                nn.init.kaiming_normal_(part.weight, generator=generator)
                nn.init.zeros_(part.bias)
        for parameter in self.phi.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self,
        image: Float[Tensor, "b 3 h w"],
        depth: Float[Tensor, "b 1 h w"] | None = None,
        physical: Float[Tensor, "b 3 h w"] | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """Correct the physical renderer's picture. depth: the signed radius of Eq. 1, px, over
        radius_scale_px. Raises InputError or DepthError."""
        return self._in_tiles(self._corrected, 0, *self._checked(image, depth, physical))

    def _checked(
        self, image: Tensor, depth: Tensor | None, physical: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The three planes; raises InputError or DepthError unless they belong together."""
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
                "try cocnet.open_renderer('cocnet-hybrid')"
            )
        return image, depth, physical

    def _in_tiles(
        self, corrected: Callable[..., Tensor], halvings: int, *planes: Tensor
    ) -> Float[Tensor, "b 3 h w"]:
        """corrected(*planes), where no gradients are wanted tile by tile; at the scale that many times halved a pixel
        sees farther."""
        if self.tile_px is None or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return corrected(*planes)
        multiple, margin = self.card.size_multiple << halvings, self.config.margin << halvings
        core = -(-max(self.tile_px, 2 * margin if halvings else 0) // multiple) * multiple
        self.units = count_tiles(planes[0].shape[-2], planes[0].shape[-1], core)
        return in_tiles(corrected, planes, core, margin, self.on_unit)

    def _corrected(
        self, image: Tensor, depth: Tensor, physical: Tensor, halvings: int = 0
    ) -> Float[Tensor, "b 3 h w"]:
        """Of sRGB pictures; halvings: of the scale at which the correction is found."""
        planes = (
            compress_highlights(image),
            compress_highlights(physical),
            depth * self.config.radius_scale_px,
        )
        seen = SeenPlanes(*(pad(x, self.card.size_multiple << halvings) for x in planes))
        for _ in range(halvings):
            seen = seen.halved()
        found = enlarged(self._whole(seen), 2**halvings)
        return moved(physical, crop(found, *image.shape[-2:]))

    def _whole(self, seen: SeenPlanes) -> Float[Tensor, "b 3 h w"]:
        features = seen.features()
        if not torch.compiler.is_compiling():
            features = features.contiguous(memory_format=torch.channels_last)
        scaled, skips = [seen], []
        for encoder in self.encoders:
            skips.append(encoder(features))
            features = halved(skips[-1])
            scaled.append(scaled[-1].halved())
        moves: Tensor = seen.physical.new_zeros(())
        for level in reversed(range(len(self.decoders))):
            if level < len(skips):
                features = torch.cat([enlarged(features, 2), skips[level]], 1)
            features = self.decoders[level](features)
            if level < self.config.filtered:
                moves = moves + enlarged(self._move(level, features, scaled[level]), 2**level)
        return moves

    def _move(self, level: int, features: Tensor, seen: SeenPlanes) -> Float[Tensor, "b 3 h w"]:
        """What this level's kernels find different from the physical picture of its scale."""
        kernels = self.phi[level](features).to(seen.image.dtype)
        return difference_filter(torch.stack([seen.image, seen.physical], 1), seen.physical, kernels)

    def correct_light(
        self,
        light: Float[Tensor, "b 3 h w"],
        depth: Float[Tensor, "b 1 h w"],
        physical: Float[Tensor, "b 3 h w"],
    ) -> Float[Tensor, "b 3 h w"]:
        """`forward` on scene-linear light, with the physical renderer's picture of it; depth as in `forward`.

        Where blurs (the largest of the batch) are larger than most_radius_px the correction is that of a smaller
        picture, enlarged: blur is the same at any scale, and the network has seen no larger ones. Raises InputError
        or DepthError.
        """
        planes = self._checked(light, depth, physical)
        largest = float(planes[1].detach().abs().max()) * self.config.radius_scale_px
        halvings = 0
        while largest > self.config.most_radius_px * 2**halvings and (
            self.card.size_multiple << halvings < max(light.shape[-2:])
        ):
            halvings += 1

        def corrected(light: Tensor, depth: Tensor, physical: Tensor) -> Tensor:
            srgb = self._corrected(linear_to_srgb(light), depth, linear_to_srgb(physical), halvings)
            return srgb_to_linear(srgb)

        return self._in_tiles(corrected, halvings, *planes)


def _module(inputs: int, outputs: int, groups: int) -> nn.Sequential:
    """Groups of 3×3 convolution and ReLU."""
    parts: list[nn.Module] = []
    for group in range(groups):
        parts += [nn.Conv2d(outputs if group else inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts)


@register(CARD)
def hybrid(
    channels: Sequence[int] = CONFIG.channels,
    groups: int = CONFIG.groups,
    kernel_size: int = CONFIG.kernel_size,
    filtered: int = CONFIG.filtered,
    radius_scale_px: float = CONFIG.radius_scale_px,
    seed: int = 0,
) -> nn.Module:
    """The hybrid of this size."""
    filtered = min(filtered, len(channels))
    changed = replace(CONFIG, channels=tuple(channels), groups=groups, kernel_size=kernel_size)
    return Hybrid(replace(changed, filtered=filtered, radius_scale_px=radius_scale_px), seed)
