"""The paper's model of bokeh, literally (Eq. 8), to compare with; constant pictures don't stay constant in it.

Enters: scene-linear image, signed radius of the circle of confusion (px). Leaves: the picture of Eq. 8.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.rendering.layers import Kernel
from cocnet.rendering.levels import level_above, level_position, level_radius


def eq8(
    image: Float[Tensor, "b c h w"], x: Float[Tensor, "b 1 h w"], max_radius_px: float, kernel: Kernel
) -> Float[Tensor, "b c h w"]:
    """Î = I + Σ (M ∗ H) ⊙ ((M ⊙ I) ∗ H) − M ⊙ I over the layers (Eq. 8).

    A pixel between two layers has a share in the mask M of each, so that depth has a gradient; on a layer the
    mask is binary as in the paper. A constant picture comes out as Σ (M ∗ H)².
    """
    position = level_position(x)
    lowest, highest = (
        round(float(v)) for v in (position.detach().amin().floor(), position.detach().amax().ceil())
    )
    top = level_above(max_radius_px)
    out = image
    for number in range(max(lowest, -top), min(highest, top) + 1):
        mask = (1 - (position - number).abs()).clamp(min=0)
        if not bool(mask.detach().any()):
            continue
        layer = mask * image
        blurred = _blur(torch.cat([layer, mask], 1), kernel(level_radius(number), 1))
        out = out + blurred[:, -1:] * blurred[:, :-1] - layer
    return out


def _blur(t: Float[Tensor, "b d h w"], spot: Float[Tensor, "k k"]) -> Float[Tensor, "b d h w"]:
    half = spot.shape[-1] // 2
    weight = spot.to(t).flip(0, 1).expand(t.shape[1], 1, -1, -1).contiguous(memory_format=torch.channels_last)
    padded = functional.pad(t, (half, half, half, half), mode="replicate")
    return functional.conv2d(padded.contiguous(memory_format=torch.channels_last), weight, groups=t.shape[1])
