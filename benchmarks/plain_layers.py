"""The yardstick: 32 slices of equal inverse depth, hard masks, FFT convolution, `over`, divided by the alpha."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet import ThinLens
from cocnet.optics import lens_psf
from cocnet.rendering.convolution import fast_length

SLICES = 32


def plain_layers(
    image: Float[Tensor, "1 c h w"], inverse_depth: Float[Tensor, "1 1 h w"], lens: ThinLens
) -> Float[Tensor, "1 c h w"]:
    """Scene-linear image and inverse depth (1/m) to bokeh, back to front."""
    height, width = image.shape[-2:]
    low, high = inverse_depth.min(), inverse_depth.max()
    number = ((inverse_depth - low) / (high - low).clamp(min=1e-9) * SLICES).long().clamp(max=SLICES - 1)
    reach = int(lens.coc_radius_px(torch.stack([low, high]), width).abs().max()) + 2
    size = fast_length(height + reach), fast_length(width + reach)
    out, seen = torch.zeros_like(image), torch.zeros_like(inverse_depth)
    for k in range(SLICES):
        mask = (number == k).to(image)
        if not bool(mask.any()):
            continue
        radius = float(lens.coc_radius_px(low + (k + 0.5) / SLICES * (high - low), width))
        spot = lens_psf(lens, abs(radius), radius < 0).to(image)
        kernel = functional.pad(spot, (0, size[1] - len(spot), 0, size[0] - len(spot)))
        kernel = kernel.roll((-(len(spot) // 2),) * 2, (0, 1))
        light = torch.fft.rfft2(torch.cat([image * mask, mask], 1), s=size) * torch.fft.rfft2(kernel)
        blurred = torch.fft.irfft2(light, s=size)[..., :height, :width]
        alpha = blurred[:, -1:].clamp(0, 1)
        out, seen = out * (1 - alpha) + blurred[:, :-1], seen * (1 - alpha) + alpha
    return out / seen.clamp(min=1e-6)
