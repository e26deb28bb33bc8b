"""IFAN: sharpens what is out of focus by filters that it predicts for every pixel (Lee et al., CVPR 2021).

Enters: sRGB [b 3 h w] in 0..1. Leaves: sRGB [b 3 h w], sharp. Filters are applied to features at 1/8 of the size, 17
times three taps down, then three across: F ← LeakyReLU(k_h ∗ (k_v ∗ F) + b). 10,476,996 parameters.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.networks.architectures.base import DeblurNet
from cocnet.networks.zoo.registry import Card, register

WIDTH = 32
ITERATIONS = 17
TAPS = 3
SLOPE = 0.1
FILTER_GAIN = 1.5  # of Xavier's initial weights, for all that predicts filters
_PAPER = "Iterative Filter Adaptive Network for Single Image Defocus Deblurring"
CARD = Card("ifan", _PAPER, 2021, 10.48, size_multiple=8, task="deblurring")
LITE = Card(
    "ifan-lite", _PAPER, 2021, None, size_multiple=8, task="deblurring", notes="A quarter of IFAN's width."
)


class Residuals(nn.Module):
    """R(n): n units of x ← lrelu(x + conv(lrelu(conv(x)))), and x added once more where n > 1."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.first = nn.ModuleList(conv(width, width) for _ in range(count))
        self.second = nn.ModuleList(conv(width, width) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for first, second in zip(self.first, self.second, strict=True):
            y = rectified(y + second(rectified(first(y))))
        return x + y if len(self.first) > 1 else y


class Encoder(nn.Module):
    """Three convs a level, the first of levels 2 to 4 of stride 2: features at scales 1, 1/2, 1/4, 1/8."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.ModuleList(
                [conv(before, width, 1 if before == 3 else 2), conv(width, width), conv(width, width)]
            )
            for before, width in zip((3, *widths), widths, strict=False)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        for level in self.levels:
            for layer in level:  # type: ignore[attr-defined]
                x = rectified(layer(x))
            found.append(x)
        return found


class Trunk(nn.Module):
    """conv, R(2) twice, conv to `out` channels of `kernel`² px: what predicts the disparity, and the filters."""

    def __init__(self, width: int, out: int, kernel: int = 3, before: int | None = None) -> None:
        super().__init__()
        self.first = conv(before or width, width)
        self.middle = nn.Sequential(Residuals(width, 2), Residuals(width, 2))
        self.last = nn.Conv2d(width, out, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.middle(rectified(self.first(x))))


class Reconstructor(nn.Module):
    """conv, R(3), conv; three times up with a skip and two R(1); conv to the picture's change."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        deep = widths[-1]
        self.first, self.middle, self.second = conv(deep, deep), Residuals(deep, 3), conv(deep, deep)
        steps = list(zip(widths[::-1], widths[-2::-1], strict=False))
        self.ups = nn.ModuleList(nn.ConvTranspose2d(before, width, 4, 2, 1) for before, width in steps)
        self.refine = nn.ModuleList(
            nn.Sequential(Residuals(width, 1), Residuals(width, 1)) for _, width in steps
        )
        self.last = conv(widths[0], 3)

    def forward(self, x: Tensor, skips: list[Tensor]) -> Float[Tensor, "b 3 h w"]:
        x = rectified(self.second(self.middle(rectified(self.first(x)))))
        for up, refine, skip in zip(self.ups, self.refine, skips[::-1], strict=True):
            x = refine(rectified(up(x)) + skip)
        return rectified(self.last(x))


class Found(NamedTuple):
    """The sharp picture, and what a training's losses need beside it, at 1/8 of the size."""

    image: Float[Tensor, "b 3 h w"]
    filters: Float[Tensor, "b k h8 w8"]


class IFAN(DeblurNet):
    """The deblurring part. published_filtering: the kernel of the pass down is used across as well, as the published
    code does and its weights expect; else each pass has its own, as the paper says.

    In theory a pixel sees 500 px far, in practice what lies beyond margin_px changes next to nothing.
    """

    margin_px = 128

    def __init__(self, card: Card, width: int = WIDTH, published_filtering: bool = False) -> None:
        super().__init__(card)
        widths = (width, 2 * width, 4 * width, 4 * width)
        deep, self.published_filtering = widths[-1], published_filtering
        self.features, self.filter_features = Encoder(widths), Encoder(widths)
        self.disparity = Trunk(deep, 1)
        self.from_disparity = conv(1, deep)
        self.filter_trunk = Trunk(deep, deep, before=2 * deep)
        self.filters = Trunk(deep, filter_channels(deep), kernel=1)
        self.reconstruct = Reconstructor(widths)
        self.bytes_per_pixel = 70 * width
        self._start()

    def _start(self) -> None:
        """Xavier's weights, zero biases; ours: a filter's middle taps start at 1, since 34 random filters in a row
        leave nothing of what they filter."""
        predicts = {id(module) for module in self.filters.modules()}
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
                nn.init.xavier_uniform_(module.weight, FILTER_GAIN if id(module) in predicts else 1.0)
                nn.init.zeros_(module.bias)
        with torch.no_grad():
            last = self.filters.last
            last.bias[1 : ITERATIONS * 2 * TAPS * last.in_channels : TAPS] = 1  # type: ignore[index]

    def start_at_identity(self) -> None:
        """The last conv at zero: the picture comes out as it came in."""
        nn.init.zeros_(self.reconstruct.last.weight)

    def sharp(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        return self.found(image).image

    def disparity_of(self, view: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h8 w8"]:
        """How far a dual-pixel sensor's right view lies from its left one, px at 1/8 of the size."""
        return self.disparity(self.filter_features(view)[-1])

    def found(self, image: Float[Tensor, "b 3 h w"]) -> Found:
        """Everything, for a picture whose sides are multiples of 8."""
        *skips, deepest = self.features(image)
        code = self.filter_features(image)[-1]
        disparity = self.disparity(code)
        code = torch.cat([code, rectified(self.from_disparity(disparity))], 1)
        code = rectified(self.filter_trunk(code))
        filters = self.filters(code)
        deblurred = adapted(deepest, filters, self.published_filtering)
        return Found(image + self.reconstruct(deblurred, skips), filters)


def adapted(
    x: Float[Tensor, "b c h w"],
    filters: Float[Tensor, "b k h w"],
    published: bool = False,
    activated: bool = True,
) -> Float[Tensor, "b c h w"]:
    """Iterative adaptive convolution: every pixel and channel has its own filters, k = n·(2·3 + 1)·c in all.

    Channels: n times three taps down of each channel in turn and three across, then n times a bias of each channel.
    activated: after the last iteration, too.
    """
    b, c, h, w = x.shape
    count = filters.shape[1] // filter_channels(c, 1)
    kernels, biases = torch.split(filters, [2 * TAPS * c * count, c * count], 1)
    for number, (kernel, bias) in enumerate(
        zip(kernels.chunk(count, 1), biases.chunk(count, 1), strict=True)
    ):
        down, across = kernel.reshape(b, 2, c, TAPS, h, w).unbind(1)
        x = _taps(_taps(x, down, axis=2), down if published else across, axis=3) + bias
        x = rectified(x) if activated or number + 1 < count else x
    return x


def filter_channels(width: int, iterations: int = ITERATIONS) -> int:
    """How many numbers a pixel of so many channels needs."""
    return iterations * (2 * TAPS + 1) * width


def conv(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    """A 3×3 convolution that keeps the size, or halves it with a stride of 2."""
    return nn.Conv2d(before, after, 3, stride, 1)


def rectified(x: Tensor) -> Tensor:
    """LeakyReLU with a slope of 0.1 below zero."""
    return functional.leaky_relu(x, SLOPE)


def _taps(
    x: Float[Tensor, "b c h w"], kernel: Float[Tensor, "b c 3 h w"], axis: int
) -> Float[Tensor, "b c h w"]:
    """Each pixel's weighted sum of the one before, itself and the one after along an axis; edges repeat."""
    wide = functional.pad(x, (0, 0, 1, 1) if axis == 2 else (1, 1, 0, 0), mode="replicate")
    out = wide.narrow(axis, 0, x.shape[axis]) * kernel[:, :, 0]
    for tap in (1, 2):
        out = out + wide.narrow(axis, tap, x.shape[axis]) * kernel[:, :, tap]
    return out


@register(CARD)
def ifan(published_filtering: bool = False) -> nn.Module:
    """IFAN as it was published, with 10.48 million parameters."""
    return IFAN(CARD, WIDTH, published_filtering)


@register(LITE)
def ifan_lite() -> nn.Module:
    """A quarter of IFAN's width, for small machines."""
    return IFAN(LITE, WIDTH // 4)
