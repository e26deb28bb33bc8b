"""What a renderer has to beat: nothing done, and one blur for the whole picture.

Enters and leaves: as `renderers.protocol` says; neither reads depth or lens.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.imaging import linear_to_srgb
from cocnet.metrics import psnr
from cocnet.metrics.image import as_8_bit
from cocnet.optics import ThinLens
from cocnet.renderers.protocol import NOTHING, Reads

SHARES = (0.0, 0.0005, 0.0007, 0.001, 0.0014, 0.002, 0.0028, 0.004, 0.0056, 0.008, 0.0113, 0.016)
_REACH = 3  # standard deviations of a Gaussian that the reflected border holds


@dataclass(frozen=True)
class Identity:
    """The all-in-focus picture itself."""

    name: ClassVar[str] = "identity"
    reads: ClassVar[Reads] = NOTHING

    def render(
        self,
        light: Float[Tensor, "b 3 h w"],
        inverse_depth: Float[Tensor, "b 1 h w"] | None = None,
        lens: ThinLens | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """The light as it is: no blur at all."""
        return light


@dataclass(frozen=True)
class ConstantBlur:
    """One Gaussian over the whole picture; its standard deviation is `share` of the longer side."""

    share: float = 0.004

    name: ClassVar[str] = "blur"
    reads: ClassVar[Reads] = NOTHING

    def render(
        self,
        light: Float[Tensor, "b 3 h w"],
        inverse_depth: Float[Tensor, "b 1 h w"] | None = None,
        lens: ThinLens | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """Blur a batch everywhere alike, whatever its depth."""
        return next(iter(blurred(light, (self.share,))))


def blurred(light: Float[Tensor, "b 3 h w"], shares: Iterable[float]) -> Iterable[Float[Tensor, "b 3 h w"]]:
    """A picture under several Gaussians: exp(−2π²σ²(u² + v²)) on its spectrum, borders reflected."""
    shares = tuple(shares)
    height, width = light.shape[-2:]
    longer = max(height, width)
    pad = int(_REACH * max(shares) * longer) + 1
    tall, wide = min(pad, height - 1), min(pad, width - 1)
    padded = functional.pad(light, (wide, wide, tall, tall), mode="reflect")
    padded = functional.pad(padded, (pad - wide, pad - wide, pad - tall, pad - tall), mode="replicate")
    spectrum = torch.fft.rfft2(padded)
    down = torch.fft.fftfreq(padded.shape[-2], device=light.device).square()[:, None]
    across = torch.fft.rfftfreq(padded.shape[-1], device=light.device).square()
    for share in shares:
        passed = torch.exp(-2 * torch.pi**2 * (share * longer) ** 2 * (down + across))
        whole = torch.fft.irfft2(spectrum * passed, padded.shape[-2:])
        yield whole[..., pad : pad + height, pad : pad + width]


def best_constant_blur(
    pairs: Iterable[tuple[Float[Tensor, "1 3 h w"], Float[Tensor, "1 3 h w"]]],
    shares: tuple[float, ...] = SHARES,
) -> ConstantBlur:
    """The blur of the best mean PSNR on these pairs of light and true bokeh (sRGB): an upper bound for one blur."""
    scores = []
    for light, bokeh in pairs:
        truth = as_8_bit(bokeh)
        scores.append([float(psnr(truth, as_8_bit(linear_to_srgb(x)))) for x in blurred(light, shares)])
    means = torch.tensor(scores).clamp(max=100).mean(0)
    return ConstantBlur(shares[int(means.argmax())])
