"""What a network has to beat: nothing done, one blur for all, physics.

Enters: `Sample`s. Leaves: renderers, sRGB [1 3 h w]; `network_renderer` makes one of a network.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.datasets.pairs.sample import Sample, to_8_bit
from cocnet.errors import DepthError
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.metrics import psnr
from cocnet.networks import card_of
from cocnet.renderers.network import with_physics
from cocnet.rendering import PhysicalRenderer

Render = Callable[[Sample], Float[Tensor, "1 3 h w"]]
SHARES = (0.0, 0.0005, 0.0007, 0.001, 0.0014, 0.002, 0.0028, 0.004, 0.0056, 0.008, 0.0113, 0.016)
_REACH = 3  # standard deviations of a Gaussian that the reflected border holds


def untouched(sample: Sample) -> Float[Tensor, "1 3 h w"]:
    """The all-in-focus photo itself."""
    return sample.image


@dataclass(frozen=True)
class ConstantBlur:
    """One Gaussian over the whole picture, in linear light; σ is `share` of the longer side."""

    share: float

    def __call__(self, sample: Sample) -> Float[Tensor, "1 3 h w"]:
        return next(iter(blurred(sample.image, (self.share,))))


def blurred(image: Float[Tensor, "1 3 h w"], shares: Iterable[float]) -> Iterable[Float[Tensor, "1 3 h w"]]:
    """A picture under several Gaussians: exp(−2π²σ²(u² + v²)) on its spectrum, borders reflected."""
    shares = tuple(shares)
    height, width = image.shape[-2:]
    longer = max(height, width)
    pad = min(int(_REACH * max(shares) * longer) + 1, min(height, width) - 1)
    light = functional.pad(srgb_to_linear(image), (pad,) * 4, mode="reflect")
    spectrum = torch.fft.rfft2(light)
    down = torch.fft.fftfreq(light.shape[-2], device=image.device).square()[:, None]
    across = torch.fft.rfftfreq(light.shape[-1], device=image.device).square()
    for share in shares:
        passed = torch.exp(-2 * torch.pi**2 * (share * longer) ** 2 * (down + across))
        whole = torch.fft.irfft2(spectrum * passed, light.shape[-2:])
        yield linear_to_srgb(whole[..., pad : pad + height, pad : pad + width])


def best_constant_blur(samples: Iterable[Sample], shares: tuple[float, ...] = SHARES) -> ConstantBlur:
    """The blur of the best mean PSNR on these very samples, so an upper bound for what one blur can do."""
    scores = []
    for sample in samples:
        truth = to_8_bit(sample.bokeh)
        scores.append([float(psnr(truth, to_8_bit(x))) for x in blurred(sample.image, shares)])
    means = torch.tensor(scores).clamp(max=100).mean(0)
    return ConstantBlur(shares[int(means.argmax())])


def physical(sample: Sample) -> Float[Tensor, "1 3 h w"]:
    """The physical renderer on the sample's depth and lens; raises DepthError without."""
    if sample.inverse_depth is None or sample.lens is None:
        raise DepthError(f"expected depth for '{sample.name}', got none, try a folder of depth files")
    renderer = PhysicalRenderer(sample.lens)
    return linear_to_srgb(renderer.from_inverse_depth(sample.light, sample.inverse_depth))


def network_renderer(network: nn.Module) -> Render:
    """A network as a renderer: it gets of the depth what its card says. Raises DepthError where that isn't there."""
    card = card_of(str(network.name))

    def render(sample: Sample) -> Float[Tensor, "1 3 h w"]:
        if card.conditioning == "none":
            return network(sample.image.clamp(0, 1), None)
        if sample.inverse_depth is None or sample.lens is None:
            got = f"none for '{sample.name}'"
            raise DepthError(f"expected depth for {card.name}, got {got}, try a folder of depth files")
        if card.conditioning == "depth":
            return network(sample.image.clamp(0, 1), sample.nearness)
        if card.physical:
            made = with_physics(network, sample.light, 1 / sample.inverse_depth, sample.lens)
            return linear_to_srgb(made)
        made = network.render(sample.light, 1 / sample.inverse_depth, sample.lens)  # type: ignore[operator]
        return linear_to_srgb(made)

    return render
