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
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.networks.architectures.base import check_input
from cocnet.networks.architectures.hybrid_config import HybridConfig
from cocnet.networks.architectures.hybrid_planes import SeenPlanes
from cocnet.networks.architectures.hybrid_tiles import AS_IT_IS, LINEAR_LIGHT, Curve, InTiles, shares
from cocnet.networks.layers.difference_filter import difference_filter
from cocnet.networks.layers.padding import crop, pad
from cocnet.networks.layers.scales import enlarged, halved
from cocnet.networks.layers.tiles import LevelTiles, Tile, covering, grid, of_levels
from cocnet.networks.zoo.registry import Card, register

NAME = "cocnet-hybrid"
STEP = 0.3  # of what φ says: so small that training starts gently
TILE_PX = 768  # of pictures without gradients, beside their margins

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
        return self._corrected(AS_IT_IS, 0, None, *self._checked(image, depth, physical))

    def correct_light(
        self,
        light: Float[Tensor, "b 3 h w"],
        depth: Float[Tensor, "b 1 h w"],
        physical: Float[Tensor, "b 3 h w"],
        asked: Float[Tensor, "b 1 i j"] | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """`forward` on scene-linear light, with the physical renderer's picture of it; depth as in `forward`.

        Where blurs (the largest of the batch) are larger than most_radius_px the correction is that of a smaller
        picture, enlarged: blur is the same at any scale, and the network has seen no larger ones. asked: how much of
        the correction is taken, 0..1, at each cell of size_multiple px of that, between these bilinear (None: all
        of it); without gradients nothing is computed where that is 0. Raises InputError or DepthError.
        """
        planes = self._checked(light, depth, physical)
        return self._corrected(LINEAR_LIGHT, self._halvings(planes[1]), asked, *planes)

    def seen_smaller(self, depth: Float[Tensor, "b 1 h w"]) -> int:
        """By how much smaller `correct_light` sees a picture; depth as there."""
        return 2 ** self._halvings(depth)

    def _halvings(self, depth: Float[Tensor, "b 1 h w"]) -> int:
        largest = float(depth.detach().abs().max()) * self.config.radius_scale_px
        halvings = 0
        while largest > self.config.most_radius_px * 2**halvings and (
            self.card.size_multiple << halvings < max(depth.shape[-2:])
        ):
            halvings += 1
        return halvings

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

    def _corrected(
        self,
        curve: Curve,
        halvings: int,
        asked: Float[Tensor, "b 1 i j"] | None,
        image: Float[Tensor, "b 3 h w"],
        depth: Float[Tensor, "b 1 h w"],
        physical: Float[Tensor, "b 3 h w"],
    ) -> Float[Tensor, "b 3 h w"]:
        """The physical picture, moved by what the network finds at the scale that many times halved: where no
        gradients are wanted tile by tile."""
        radius, cell = depth * self.config.radius_scale_px, self.card.size_multiple
        if self.tile_px is None or torch.is_grad_enabled() or torch.compiler.is_compiling():
            seen = SeenPlanes.of(curve.encode(image), curve.encode(physical), radius, halvings)
            found = self._found(seen)
            if asked is not None:
                whole = Tile(slice(0, found.shape[2]), slice(0, found.shape[3]))
                found = found * shares(asked, whole, cell)
            return curve.moved(physical, enlarged(found, 2**halvings))
        height, width = (-(-length // 2**halvings) for length in physical.shape[-2:])
        tiles = self._tiles((height, width), asked)
        self.units = len(tiles)
        work = InTiles(self._found, curve, halvings, self.config.margin, asked, cell, self.on_unit)
        return work.corrected(tiles, image, radius, physical)

    def _tiles(self, size: tuple[int, int], asked: Tensor | None) -> list[Tile]:
        """What is computed of a picture of that size (that which the network sees)."""
        multiple = self.card.size_multiple
        most = max(1, (self.tile_px or TILE_PX) // multiple)
        if asked is None:
            return grid(*size, most * multiple)
        there = functional.max_pool2d(asked.amax(0), 3, 1, 1)[0] > 0
        tiles = covering(there.cpu().numpy(), most, self.config.margin // multiple)
        return [tile.scaled(multiple).grown(0, *size) for tile in tiles]

    def _found(self, seen: SeenPlanes, inner: Tile | None = None) -> Float[Tensor, "b 3 h w"]:
        """How the network moves what it sees, or an inner part of it."""
        found = self._whole(SeenPlanes(*(pad(x, self.card.size_multiple) for x in seen)), inner)
        return crop(found, *seen.image.shape[-2:]) if inner is None else found

    def _whole(self, seen: SeenPlanes, inner: Tile | None = None) -> Float[Tensor, "b 3 h w"]:
        features = seen.features()
        if not torch.compiler.is_compiling():
            features = features.contiguous(memory_format=torch.channels_last)
        scaled, skips, levels = [seen], [], len(self.decoders)
        for encoder in self.encoders:
            skips.append(encoder(features))
            features = halved(skips[-1])
            scaled.append(scaled[-1].halved())
        height, width = seen.image.shape[-2:]
        parts = None if inner is None else of_levels(inner, height, width, levels, self.config.groups)
        moves: Tensor = seen.physical.new_zeros(())
        for level in reversed(range(levels)):
            part = None if parts is None else parts[level]
            if level < len(skips):
                features, skip = enlarged(features, 2), skips[level]
                if parts is not None and part is not None:
                    features = part.entered.within(parts[level + 1].needed.scaled(2)).of(features)
                    skip = part.entered.of(skip)
                features = torch.cat([features, skip], 1)
            elif part is not None:
                features = part.entered.of(features)
            features = self.decoders[level](features)
            if part is not None:
                features = part.needed.within(part.entered).of(features)
            if level < self.config.filtered:
                moves = moves + self._move(level, features, scaled[level], part, inner)
        return moves

    def _move(
        self, level: int, features: Tensor, seen: SeenPlanes, part: LevelTiles | None, inner: Tile | None
    ) -> Float[Tensor, "b 3 h w"]:
        """What this level's kernels find different from the physical picture of its scale, enlarged."""
        kernels = self.phi[level](features).to(seen.image.dtype)
        needed = None if part is None else part.needed
        images = torch.stack([seen.image, seen.physical], 1)
        move = enlarged(difference_filter(images, seen.physical, kernels, needed), 2**level)
        if part is None or inner is None:
            return move
        return inner.within(part.needed.scaled(2**level)).of(move)


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
