"""MPFNet: self-supervised multi-scale pyramid fusion (Wang et al., JVCIR 2022), from description.

Enters: sRGB [b 3 h w]. Leaves: sRGB [b 3 h w]. At three scales DMSHN's encoder and decoder give a candidate; a
fusion head gives the picture, its disk-blurred versions and the candidate weights that sum to 1. The weights are
supervised without labels: where a real bokeh photo is most like (SSIM) a blurred version, that version should win.
Decided here, as the published code can't run and counts 5.42 M: radii of 4, 8 and 16 px, halved with each scale;
a head of a conv, three residual blocks of 64 maps, a conv. 6,123,864 parameters (paper: 6.12 M).
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.compute import without_autocast
from cocnet.errors import InputError
from cocnet.networks.architectures.base import BokehNet
from cocnet.networks.architectures.dmshn import (
    SCALES,
    ReluResidual,
    decoder,
    doubled,
    encoder,
    pyramid,
)
from cocnet.networks.zoo.registry import Card, register
from cocnet.optics import ThinLens, lens_psf

HEAD_WIDTH = 64
CARD = Card(
    "mpfnet",
    "Self-supervised multi-scale pyramid fusion networks for realistic bokeh effect rendering",
    2022,
    6.12,
    size_multiple=16,
    notes="From description: a layout of our own with the published parameter count.",
)
_ROUND = ThinLens(focal_length_m=0.05, f_number=1.8, focus_distance_m=2.0, sensor_width_m=0.036)


class Fusion(nn.Sequential):
    """[b 3·k h w] → the weights of k pictures [b k h w], sum 1."""

    def __init__(self, pictures: int) -> None:
        super().__init__(
            nn.Conv2d(3 * pictures, HEAD_WIDTH, 3, padding=1),
            nn.ReLU(),
            *(ReluResidual(HEAD_WIDTH) for _ in range(3)),
            nn.Conv2d(HEAD_WIDTH, pictures, 3, padding=1),
            nn.Softmax(1),
        )


class MPFNet(BokehNet):
    """Candidates and fusion at three scales; a coarser result and its features are added to the finer input."""

    def __init__(self, radii_px: tuple[float, ...]) -> None:
        super().__init__(CARD)
        if not radii_px or not all(0 < radius <= 64 for radius in radii_px):
            raise InputError(f"expected radii above 0 up to 64 px, got {radii_px}, try (4, 8, 16)")
        self.radii_px = radii_px
        self.encoders = nn.ModuleList(encoder() for _ in range(SCALES))
        self.decoders = nn.ModuleList(decoder() for _ in range(SCALES))
        self.fusions = nn.ModuleList(Fusion(len(radii_px) + 2) for _ in range(SCALES))

    def bokeh(self, image: Tensor, depth: Tensor | None) -> Float[Tensor, "b 3 h w"]:
        return self.scales(image)[0][0]

    def scales(self, image: Float[Tensor, "b 3 h w"]) -> list[tuple[Tensor, Tensor]]:
        """Result and fusion weights at scales 1, 1/2 and 1/4, finest first; h and w are multiples of 16."""
        found: list[tuple[Tensor, Tensor]] = []
        code: Tensor | None = None
        for level, x in reversed(list(enumerate(pyramid(image)))):
            coarser = code
            code = self.encoders[level](x + doubled(found[0][0]) if found else x)
            features = code if coarser is None else code + doubled(coarser)
            pictures = [*sources(x, self.radii_at(level)), self.decoders[level](features)]
            weights = self.fusions[level](torch.cat(pictures, 1))
            found.insert(0, ((weights[:, :, None] * torch.stack(pictures, 1)).sum(1), weights))
        return found

    def supervised(
        self, image: Float[Tensor, "b 3 h w"], bokeh: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, ""]]:
        """For training: the result, and `fusion_loss` of the weights at all scales. Raises InputError for sides that
        aren't multiples of 16 px."""
        if any(side % CARD.size_multiple for side in image.shape[-2:]):
            raise InputError(
                f"expected sides that are multiples of 16 px, got {list(image.shape[-2:])}, try a crop of 256"
            )
        found = self.scales(image)
        losses = []
        with without_autocast(image.device):
            scales = zip(found, pyramid(image), pyramid(bokeh), strict=True)
            for level, ((_, weights), small, truth) in enumerate(scales):
                target = fusion_target(small, truth, self.radii_at(level))
                losses.append(fusion_loss(weights.float(), target))
        return found[0][0], torch.stack(losses).mean()

    def radii_at(self, level: int) -> tuple[float, ...]:
        """Radii of the disks in px at scale 1/2^level."""
        return tuple(radius * 0.5**level for radius in self.radii_px)


def sources(image: Float[Tensor, "b c h w"], radii_px: Sequence[float]) -> list[Tensor]:
    """The picture and its versions blurred by disks of these radii, the border repeated."""
    return [image, *(disk_blur(image, radius) for radius in radii_px)]


def disk_blur(image: Float[Tensor, "b c h w"], radius_px: float) -> Float[Tensor, "b c h w"]:
    """Convolve each channel with a disk."""
    kernel = _disk(radius_px).to(image)
    half = len(kernel) // 2
    padded = functional.pad(image, (half, half, half, half), mode="replicate")
    weights = kernel.expand(image.shape[1], 1, -1, -1)
    return functional.conv2d(padded, weights, groups=image.shape[1])


@lru_cache(maxsize=64)
def _disk(radius_px: float) -> Float[Tensor, "k k"]:
    with torch.inference_mode(False), torch.no_grad(), torch.device("cpu"):
        return lens_psf(_ROUND, radius_px).float()


def fusion_target(
    image: Float[Tensor, "b 3 h w"],
    bokeh: Float[Tensor, "b 3 h w"],
    radii_px: Sequence[float],
    temperature: float = 0.05,
) -> Float[Tensor, "b k h w"]:
    """The weights that a real bokeh photo asks for: softmax over the sources of SSIM(source, bokeh)/temperature."""
    likeness = [ssim_map(source, bokeh) for source in sources(image, radii_px)]
    return (torch.cat(likeness, 1) / temperature).softmax(1)


def fusion_loss(weights: Float[Tensor, "b n h w"], target: Float[Tensor, "b k h w"]) -> Float[Tensor, ""]:
    """Cross-entropy of the sources' share of the fusion weights (the candidate, last, is left out) and a target."""
    given = weights[:, :-1].clamp(min=1e-8)
    share = given / given.sum(1, keepdim=True)
    return -(target * share.log()).sum(1).mean()


def ssim_map(
    a: Float[Tensor, "b c h w"], b: Float[Tensor, "b c h w"], window: int = 7
) -> Float[Tensor, "b 1 h w"]:
    """Structural similarity around each pixel (Wang et al. 2004, uniform window, range 1), mean of the channels."""
    half = window // 2

    def mean(x: Tensor) -> Tensor:
        padded = functional.pad(x, (half, half, half, half), mode="replicate")
        return functional.avg_pool2d(padded, window, stride=1)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    both = mean(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    alike = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return (alike / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean(1, keepdim=True)


@register(CARD)
def mpfnet(radii_px: Sequence[float] = (4.0, 8.0, 16.0)) -> nn.Module:
    """MPFNet with disks of these radii, px at full scale."""
    return MPFNet(tuple(float(radius) for radius in radii_px))
