"""Exact depth made as poor as estimated depth is, for networks that must cope with it.

Enters: inverse depth (1/m) and its photo. Leaves: what is left of it after an estimator of few pixels, and after
`cocnet.depth.refinement` has laid that along the photo, as `cocnet render` does.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.depth.refinement.refine import refine_inverse_depth

FACTORS = (2, 4, 8)
SIGMA_PX, SHIFT_PX = 1.5, 2
TILT = 0.15  # of the range of depth: how far a slow error reaches
GRID = 4  # cells on a side of that error


def degraded(
    inverse: Float[Tensor, "1 1 h w"], factor: int, sigma_px: float, shift_px: tuple[int, int]
) -> Float[Tensor, "1 1 h w"]:
    """Inverse depth `factor` times smaller and enlarged again, blurred by a Gaussian, moved down and right."""
    height, width = inverse.shape[-2:]
    small = functional.interpolate(inverse, (height // factor, width // factor), mode="area")
    large = functional.interpolate(small, (height, width), mode="bilinear")
    reach = round(3 * sigma_px)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * max(sigma_px, 1e-3) ** 2))
    kernel = kernel / kernel.sum()
    large = functional.pad(large, (reach,) * 4, mode="replicate")
    large = functional.conv2d(functional.conv2d(large, kernel[None, None, None]), kernel[None, None, :, None])
    down, right = shift_px
    large = functional.pad(
        large, (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)), mode="replicate"
    )
    top, left = max(-down, 0), max(-right, 0)
    return large[..., top : top + height, left : left + width]


def poor_depth(
    inverse: Float[Tensor, "1 1 h w"], image: Float[Tensor, "1 3 h w"], draw: np.random.Generator
) -> Float[Tensor, "1 1 h w"]:
    """Inverse depth as the product has it for a photo in sRGB: smaller, blurred, moved and slowly wrong by chance,
    within the range it had, then laid along the photo."""
    factor, sigma = int(draw.choice(FACTORS)), float(draw.uniform(0, SIGMA_PX))
    down, right = (int(x) for x in draw.integers(-SHIFT_PX, SHIFT_PX + 1, 2))
    bad = degraded(inverse, factor, sigma, (down, right))
    low, high = inverse.amin(), inverse.amax()
    slow = torch.from_numpy(draw.uniform(-1, 1, (1, 1, GRID, GRID)).astype(np.float32))
    slow = functional.interpolate(slow, inverse.shape[-2:], mode="bicubic", align_corners=True)
    bad = (bad + TILT * draw.uniform() * (high - low) * slow).clamp(low, high)
    photo = (image[0].clamp(0, 1).permute(1, 2, 0) * 255).round().byte().numpy()
    return torch.from_numpy(refine_inverse_depth(bad[0, 0].numpy(), photo))[None, None]
