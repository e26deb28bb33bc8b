"""CoCNet: per-pixel kernels at five scales, mixed by a weight map (Eq. 14–17 of the paper, Sec. III-C2).

Enters: an sRGB picture [b 3 h w] in [0, 1], of any size, and the condition [b 1 h w] where the variant takes one.
Leaves: the picture with bokeh, same shape. Open in the paper, and decided here:

- Eq. 15 pairs 𝒟_j with Dec_{Q−j+1}, which contradicts the scales of the skips. Here each decoder level filters the
  picture at its own scale, 1 … 1/16, so that the largest kernel covers 11·16 = 176 px.
- 𝒟 is the mean of 2 × 2 pixels and 𝒰 bilinear, for pictures and features alike.
- "depth" has six filtered channels (its parameters say so); the filtered depth adds to the template of its colour.
  "lens" filters only the picture: a radius is no light.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.errors import InputError
from cocnet.networks.architectures.base import BokehNet
from cocnet.networks.architectures.cocnet_strips import in_strips
from cocnet.networks.layers.local_filter import predicted_filter
from cocnet.networks.layers.norm import Affine, norm_relu
from cocnet.networks.layers.scales import enlarged, halved
from cocnet.networks.zoo.registry import Card, Conditioning, register

Templates = Literal["filter", "direct"]
Norm = Literal["instance", "none"]


@dataclass(frozen=True)
class CoCNetConfig:
    """Every number of the architecture. Raises InputError for numbers that can't be.

    channels: of the Q levels, finest first; groups of (convolution, norm, ReLU) per module; kernel_size k of Eq. 15;
    templates "direct" replaces φ and the filter by a 1×1 convolution; norm "none" replaces InstanceNorm by a learned
    scale and shift. conditioning "depth" takes a map in [0, 1], "lens" the signed radius of Eq. 1 in px, divided by
    radius_scale_px.
    """

    channels: tuple[int, ...] = (32, 64, 128, 256, 256)
    groups: int = 3
    kernel_size: int = 11
    templates: Templates = "filter"
    norm: Norm = "instance"
    conditioning: Conditioning = "none"
    radius_scale_px: float = 32.0

    def __post_init__(self) -> None:
        counts = (*self.channels, self.groups, self.kernel_size)
        if not self.channels or any(type(n) is not int or n < 1 for n in counts) or self.kernel_size % 2 == 0:
            got = f"{self.channels}, {self.groups} and {self.kernel_size}"
            raise InputError(
                f"expected channels, groups from 1 and an odd kernel, got {got}, try (16, 32), 3, 11"
            )
        known = self.templates in get_args(Templates) and self.norm in get_args(Norm)
        if not 0 < self.radius_scale_px < math.inf or not known:
            got = f"{self.radius_scale_px}, '{self.templates}' and '{self.norm}'"
            raise InputError(
                f"expected a radius scale above 0 px, known templates and norm, got {got}, try 32, filter, instance"
            )

    @property
    def input_channels(self) -> int:
        """How many channels the network sees (Ĩ of Eq. 14): the picture's three, and the depth three times or the
        radius once."""
        return 3 + {"none": 0, "depth": 3, "lens": 1}[self.conditioning]

    @property
    def filtered_channels(self) -> int:
        """Those that Eq. 15 filters, each with kernels of its own."""
        return 6 if self.conditioning == "depth" else 3

    @property
    def filtered_planes(self) -> int:
        """How many of the filtered channels differ from each other: the depth is there three times."""
        return 4 if self.conditioning == "depth" else 3

    @property
    def size_multiple(self) -> int:
        """Pictures are padded inside to multiples of this, px."""
        return 2 ** (len(self.channels) - 1)

    @property
    def margin(self) -> int:
        """What a template sees around its pixel, px of its scale."""
        return self.kernel_size // 2 if self.templates == "filter" else 0


_PAPER = "Natural & Adversarial Bokeh Rendering via Circle-of-Confusion Predictive Network"
_PUBLISHED = {
    "cocnet-b3": 7.34,
    "cocnet-b2": 5.18,
    "cocnet-b3-less": 1.91,
    "cocnet-b2-less": 1.37,
    "cocnet-b3-dir": 7.07,
    "cocnet-b3-depth": 7.61,
}
_B3 = CoCNetConfig()
_B2 = replace(_B3, groups=2)
_LESS = (16, 32, 64, 128, 128)
VARIANTS = {
    "cocnet-b3": _B3,
    "cocnet-b2": _B2,
    "cocnet-b3-less": replace(_B3, channels=_LESS),
    "cocnet-b2-less": replace(_B2, channels=_LESS),
    "cocnet-b3-dir": replace(_B3, templates="direct"),
    "cocnet-b3-depth": replace(_B3, conditioning="depth"),
    "cocnet-b3-less-depth": replace(_B3, channels=_LESS, conditioning="depth"),
    "cocnet-b3-lens": replace(_B3, conditioning="lens"),
    "cocnet-b2-lens": replace(_B2, conditioning="lens"),
    "cocnet-b3-less-lens": replace(_B3, channels=_LESS, conditioning="lens"),
    "cocnet-b2-less-lens": replace(_B2, channels=_LESS, conditioning="lens"),
}


class ConvNormUnit(nn.Module):
    """3×3 convolution, instance normalisation (or none), ReLU."""

    def __init__(self, inputs: int, outputs: int, norm: Norm = "instance") -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.InstanceNorm2d(outputs, affine=True) if norm == "instance" else Affine(outputs)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        """Features of the same height and width."""
        return norm_relu(self.conv(x), self.norm)


class CoCNet(BokehNet):
    """𝒯 of Eq. 14. Without gradients it works in strips of rows (tiling.py), to the same result in little memory;
    in_strips = False turns that off. on_unit, if set, is called after each of the `units` convolutions in strips."""

    def __init__(self, config: CoCNetConfig = _B3, seed: int = 0, name: str = "cocnet") -> None:
        super().__init__(_card(name, config))
        self.config, self.in_strips = config, True
        self.on_unit: Callable[[], None] | None = None
        c, levels = config.channels, len(config.channels)
        before = (config.input_channels, *c[:-1])
        joined = [c[j] + c[j + 1] for j in range(levels - 1)] + [before[-1]]
        self.encoders = nn.ModuleList(_module(before[j], c[j], config) for j in range(levels - 1))
        self.decoders = nn.ModuleList(_module(joined[j], c[j], config) for j in range(levels))
        self.phi = nn.ModuleList(_phi(n, config) for n in c)
        self.weigh = nn.Conv2d(3 + 3 * levels + c[0], 3 * levels, 3, padding=1)
        self.initialise(seed)

    @property
    def units(self) -> int:
        """Convolutions with a norm: all but a few of the forward pass."""
        return (len(self.encoders) + len(self.decoders)) * self.config.groups

    def initialise(self, seed: int) -> None:
        """Xavier weights, zero biases; the same for the same seed."""
        generator = torch.Generator().manual_seed(seed)
        for part in self.modules():
            if isinstance(part, nn.Conv2d) and part.bias is not None:
                nn.init.xavier_uniform_(part.weight, generator=generator)
                nn.init.zeros_(part.bias)

    def start_at_identity(self) -> "CoCNet":
        """Zero weight maps: Eq. 17 gives the picture back, a good start for training."""
        for parameter in self.weigh.parameters():
            nn.init.zeros_(parameter)
        return self

    def bokeh(self, image: Tensor, depth: Tensor | None) -> Float[Tensor, "b 3 h w"]:
        """Eq. 14. depth: a map in [0, 1] for "depth", `coc_map(…)` for "lens"."""
        maps = [] if depth is None else [depth] * (self.config.input_channels - 3)
        seen = [image, *maps]
        filtered = [image] if depth is None or self.config.filtered_channels == 3 else [image, depth]
        return self.rendered(torch.cat(seen, 1), filtered)  # Eq. 14: Ĩ

    def rendered(
        self, x: Float[Tensor, "b i h w"], filtered: Sequence[Float[Tensor, "b f h w"]]
    ) -> Float[Tensor, "b 3 h w"]:
        """The picture of a padded input, in strips where no gradient is wanted. filtered: those channels of x that
        Eq. 15 filters: the picture, and the depth once, where it is filtered; one without a gradient costs none."""
        if self.in_strips and not torch.is_grad_enabled() and not torch.compiler.is_compiling():
            return torch.cat([in_strips(self, one) for one in x.chunk(len(x))])
        return self._whole(x, filtered)

    def template(
        self,
        level: int,
        filtered: Sequence[Float[Tensor, "b f h w"]],
        features: Float[Tensor, "b n h w"],
        apply: Callable[..., Tensor] = predicted_filter,
    ) -> Float[Tensor, "b 3 h w"]:
        """Eq. 15 before 𝒰: the picture of this level, each pixel filtered with the kernels that φ sees there."""
        phi = self.phi[level]
        assert isinstance(phi, nn.Conv2d) and phi.bias is not None
        if self.config.templates == "direct":
            return phi(torch.cat([features, *(one.expand(-1, 3, -1, -1) for one in filtered)], 1))
        image, *depth = filtered
        return apply(image, features, phi.weight, phi.bias, *depth)

    def _whole(
        self, x: Float[Tensor, "b i h w"], filtered: Sequence[Float[Tensor, "b f h w"]]
    ) -> Float[Tensor, "b 3 h w"]:
        """All rows at once, with a graph."""
        scaled = [list(filtered)]
        skips: list[Tensor] = []
        templates: list[Tensor] = []
        features = x if torch.compiler.is_compiling() else x.contiguous(memory_format=torch.channels_last)
        for encoder in self.encoders:
            skips.append(encoder(features))
            features = halved(skips[-1])
            scaled.append([halved(one) for one in scaled[-1]])
        for level in reversed(range(len(self.decoders))):
            if level < len(skips):
                features = torch.cat([enlarged(features, 2), skips[level]], 1)
            features = self.decoders[level](features)
            small = self.template(level, scaled[level], features)  # Eq. 15: 𝒟_j(I) ∗ φ(Dec(Ĩ))
            templates.insert(0, enlarged(small, 2**level))  # Eq. 15: 𝒰_j
        image = x[:, :3]
        weights = self.weigh(torch.cat([image, *templates, features], 1))  # Eq. 16
        return self.blend(image, torch.cat(templates, 1), weights)

    def blend(self, image: Tensor, templates: Tensor, weights: Tensor) -> Float[Tensor, "b 3 h w"]:
        """Eq. 17: Î = I + Σ_j w_j ⊙ T_j, a weight per template and colour."""
        return image + by_colour(weights * templates)


def _module(inputs: int, outputs: int, config: CoCNetConfig) -> nn.Sequential:
    """The basic module: groups of units."""
    sizes = [(outputs if group else inputs, outputs) for group in range(config.groups)]
    return nn.Sequential(*(ConvNormUnit(*size, config.norm) for size in sizes))


def by_colour(x: Float[Tensor, "b 3q h w"]) -> Float[Tensor, "b 3 h w"]:
    """Sum each colour over the q templates."""
    return x.reshape(x.shape[0], -1, 3, *x.shape[2:]).sum(1)


def _phi(features: int, config: CoCNetConfig) -> nn.Conv2d:
    """φ, the kernel prediction module: k² weights per pixel and filtered channel. "direct": features, picture → T."""
    if config.templates == "direct":
        return nn.Conv2d(features + config.filtered_channels, 3, 1)
    return nn.Conv2d(features, config.filtered_channels * config.kernel_size**2, 1)


def _card(name: str, config: CoCNetConfig) -> Card:
    notes = "Ours: conditioned on the lens of Eq. 1." if config.conditioning == "lens" else ""
    multiple, conditioning = config.size_multiple, config.conditioning
    return Card(name, _PAPER, 2023, _PUBLISHED.get(name), multiple, conditioning, notes=notes)


def _register(name: str, config: CoCNetConfig) -> None:
    @register(_card(name, config))
    def build(
        channels: Sequence[int] = config.channels,
        groups: int = config.groups,
        kernel_size: int = config.kernel_size,
        templates: Templates = config.templates,
        norm: Norm = config.norm,
        radius_scale_px: float = config.radius_scale_px,
        seed: int = 0,
    ) -> nn.Module:
        changed = replace(config, channels=tuple(channels), groups=groups, kernel_size=kernel_size)
        changed = replace(changed, templates=templates, norm=norm, radius_scale_px=radius_scale_px)
        return CoCNet(changed, seed, name)


for _name, _config in VARIANTS.items():
    _register(_name, _config)
