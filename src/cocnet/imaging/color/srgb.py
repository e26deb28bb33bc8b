"""sRGB's transfer curve, both ways (IEC 61966-2-1).

Enters and leaves: tensors of any shape; display values or scene-linear light, 1.0 = white.
Values above 1 follow the same power law, so restored highlights survive the round trip.
"""

import torch
from jaxtyping import Float
from torch import Tensor

_KNEE_ENCODED = 0.04045
_KNEE_LINEAR = 0.0031308


def srgb_to_linear(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Decode display values to linear light: x/12.92 below the knee, ((x + 0.055)/1.055)^2.4 above.

    Shape, dtype and device are kept; negative values become 0; differentiable everywhere above 0.
    Source: IEC 61966-2-1.
    """
    x = x.clamp(min=0.0)
    bent = ((x.clamp(min=_KNEE_ENCODED) + 0.055) / 1.055) ** 2.4
    return torch.where(x <= _KNEE_ENCODED, x / 12.92, bent)


def linear_to_srgb(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Encode linear light for display: 12.92·x below the knee, 1.055·x^(1/2.4) − 0.055 above.

    Shape, dtype and device are kept; negative values become 0; differentiable everywhere above 0.
    Source: IEC 61966-2-1.
    """
    x = x.clamp(min=0.0)
    bent = 1.055 * x.clamp(min=_KNEE_LINEAR) ** (1.0 / 2.4) - 0.055
    return torch.where(x <= _KNEE_LINEAR, 12.92 * x, bent)
