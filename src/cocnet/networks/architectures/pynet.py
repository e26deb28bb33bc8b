"""PyNET for bokeh (Ignatov et al., "Rendering Natural Camera Bokeh Effect with Deep Learning", CVPRW 2020).

Enters: sRGB [b 3 h w] and depth [b 1 h w] in 0..1. Leaves: sRGB [b 3 h w]. The network works on both at half
resolution (the picture by a bicubic filter, the depth by means), folded once more (space to depth), in five levels;
47,551,791 parameters (paper: 47.55 M). As in the published network, transposed convs have no bias and start at the
first pixel, instance norm's ε is 1e-3, and level -1 starts from level 0's three maps, before their tanh.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.networks.architectures.base import BokehNet
from cocnet.networks.zoo.registry import Card, register

WIDTHS = {1: 32, 2: 64, 3: 128, 4: 256, 5: 512}
# Blocks of a level after concat(skip, up): largest kernel; + adds the block's input; then s, u concatenate the
# skip and the second upsampled features.
STEPS = {
    5: ("3+", "3+", "3"),
    4: ("3", "3+", "3+", "3u", "3"),
    3: ("5+", "5+", "5+", "5su", "3"),
    2: ("5s", "7+", "7+", "7+", "7s", "5u", "3"),
    1: ("5s", "7", "9", "9+", "9+", "9+", "7s", "5us", "3"),
}
FINEST = -1
NORM_EPSILON = 1e-3
_HALF = (-0.01171875, -0.03515625, 0.11328125, 0.43359375)  # the cubic at 1.75, 1.25, 0.75, 0.25, halved
HALVING = (*_HALF, *_HALF[::-1])
CARD = Card(
    "pynet",
    "Rendering Natural Camera Bokeh Effect with Deep Learning",
    2020,
    47.55,
    size_multiple=64,
    conditioning="depth",
    notes="Trained level by level, 5 down to -1: at_level(image, depth, level).",
)


class MultiBlock(nn.Module):
    """Branches with kernels 3, 5, … up to the largest, two convs each, concatenated."""

    def __init__(self, before: int, width: int, largest: int, norm: bool) -> None:
        super().__init__()
        sizes = range(3, largest + 1, 2)
        self.branches = nn.ModuleList(
            nn.Sequential(*_conv(before, width, size, norm), *_conv(width, width, size, norm))
            for size in sizes
        )
        self.width = width * len(sizes)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def _conv(before: int, width: int, size: int, norm: bool) -> list[nn.Module]:
    middle: list[nn.Module] = [nn.InstanceNorm2d(width, eps=NORM_EPSILON, affine=True)] if norm else []
    return [nn.Conv2d(before, width, size, padding=size // 2), *middle, nn.LeakyReLU(0.2)]


class Level(nn.Module):
    """The blocks of one level: its skip and two upsampled features in, `WIDTHS[level]` maps out."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.steps = STEPS[level]
        width = WIDTHS[level]
        channels = width if level == 5 else 2 * width
        blocks = []
        for step in self.steps:
            blocks.append(MultiBlock(channels, width, int(step[0]), norm=level > 1))
            channels = blocks[-1].width + width * (("s" in step) + ("u" in step))
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, skip: Tensor, up: Tensor) -> Tensor:
        for block, step in zip(self.blocks, self.steps, strict=True):
            x = block(x) + x if "+" in step else block(x)
            more = [{"s": skip, "u": up}[letter] for letter in step[1:] if letter in "su"]
            x = torch.cat([x, *more], 1)
        return x


class Up(nn.Module):
    """Twice the size: a transposed 3×3 conv and LeakyReLU; pixel i goes to 2i, 2i + 1 and 2i + 2."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(before, width, 3, stride=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.conv(x)[..., :-1, :-1], 0.2)


class PyNET(BokehNet):
    """Five levels and two upsamplings; coarser levels can be trained and run alone."""

    def __init__(self) -> None:
        super().__init__(CARD)
        before = {1: 16} | {level: WIDTHS[level - 1] for level in range(2, 6)}
        self.encoders = nn.ModuleList(
            MultiBlock(before[level], WIDTHS[level], 3, norm=level > 1) for level in WIDTHS
        )
        self.levels = nn.ModuleList(Level(level) for level in WIDTHS)
        pairs = [(WIDTHS[level + 1], WIDTHS[level]) for level in range(1, 5)]
        self.first_ups = nn.ModuleList(Up(*pair) for pair in pairs)
        self.second_ups = nn.ModuleList(Up(*pair) for pair in pairs)
        self.up0 = Up(WIDTHS[1], 8)
        self.heads = nn.ModuleList(nn.Conv2d(width, 3, 3, padding=1) for width in (8, *WIDTHS.values()))
        self.last_up, self.last = Up(3, 3), nn.Conv2d(3, 3, 3, padding=1)

    def bokeh(self, image: Tensor, depth: Tensor | None) -> Float[Tensor, "b 3 h w"]:
        if depth is None:
            raise InputError("expected depth for PyNET, got none, try model(image, depth)")
        return self.at_level(image, depth, FINEST)

    def at_level(
        self, image: Float[Tensor, "b 3 h w"], depth: Float[Tensor, "b 1 h w"], level: int
    ) -> Tensor:
        """The result of one level, 5 (1/64 of the size) to −1 (full size); h and w are multiples of 64."""
        if level not in range(FINEST, 6):
            raise InputError(f"expected a level from 5 to {FINEST}, got {level}, try {FINEST}")
        half = torch.cat([halved_bicubic(image), functional.avg_pool2d(depth, 2)], 1)
        x = self._decoded(self._encoded(functional.pixel_unshuffle(half, 2)), max(level, 1))
        if level < 1:
            x = self.up0(x)
        x = self.heads[max(level, 0)](x)
        return _colours(self.last(self.last_up(x)) if level == FINEST else x)

    def _encoded(self, x: Float[Tensor, "b 16 h4 w4"]) -> list[Tensor]:
        """The skips of levels 1 to 5."""
        skips = [self.encoders[0](x)]
        for encoder in list(self.encoders)[1:]:
            skips.append(encoder(functional.max_pool2d(skips[-1], 2)))
        return skips

    def _decoded(self, skips: list[Tensor], level: int) -> Tensor:
        """The features of a level, from the bottom up."""
        x = self.levels[4](skips[4], skips[4], skips[4])
        for j in range(3, level - 2, -1):
            first, second = self.first_ups[j](x), self.second_ups[j](x)
            x = self.levels[j](torch.cat([skips[j], first], 1), skips[j], second)
        return x


def halved_bicubic(image: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    """Half the size by Catmull-Rom's cubic, stretched to twice its width, as Pillow halves a picture."""
    taps = torch.tensor(HALVING, dtype=image.dtype, device=image.device)
    wide = functional.pad(image, (3, 3, 3, 3), mode="replicate")
    kernel = torch.outer(taps, taps).expand(image.shape[1], 1, 8, 8)
    return functional.conv2d(wide, kernel, stride=2, groups=image.shape[1])


def _colours(x: Tensor) -> Tensor:
    """A head's range: −0.08 to 1.08."""
    return torch.tanh(x) * 0.58 + 0.5


@register(CARD)
def pynet() -> nn.Module:
    """PyNET; depth is required."""
    return PyNET()
