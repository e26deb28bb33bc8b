"""CIE L*a*b* (1976) of sRGB under D65, 2° observer, both ways.

Enters and leaves: colours on the third axis from the end, [*b 3 h w]: sRGB of 0..1; L* of 0..100, a* and b* of about
±127. Differentiable inside the gamut; what lies outside comes back clipped.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.imaging.color.srgb import linear_to_srgb, srgb_to_linear

_XYZ_OF_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)
_KNEE, _SLOPE = 0.008856, 7.787  # CIE's rounded (6/29)³ and (29/6)²/3

Colours = Float[Tensor, "*b 3 h w"]


def srgb_to_lab(rgb: Colours) -> Colours:
    """L* = 116 f(Y) − 16, a* = 500 (f(X) − f(Y)), b* = 200 (f(Y) − f(Z)), each over the white's.

    f(t) = t^⅓ above 0.008856, else 7.787 t + 16/116.
    """
    xyz = _mixed(srgb_to_linear(rgb), _matrix(rgb)) / _column(_WHITE, rgb)
    root = torch.where(xyz > _KNEE, xyz.clamp(min=_KNEE) ** (1 / 3), _SLOPE * xyz + 16 / 116)
    x, y, z = root.unbind(-3)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -3)


def lab_to_srgb(lab: Colours) -> Colours:
    """The inverse, clipped to 0..1."""
    light, a, b = lab.unbind(-3)
    y = (light + 16) / 116
    root = torch.stack([a / 500 + y, y, (y - b / 200).clamp(min=0)], -3)
    xyz = torch.where(root > _KNEE ** (1 / 3), root**3, (root - 16 / 116) / _SLOPE) * _column(_WHITE, lab)
    return linear_to_srgb(_mixed(xyz, torch.linalg.inv(_matrix(lab)))).clamp(0, 1)


def _matrix(like: Tensor) -> Float[Tensor, "3 3"]:
    return torch.tensor(_XYZ_OF_RGB, dtype=torch.float64).to(like)


def _column(values: tuple[float, float, float], like: Tensor) -> Float[Tensor, "3 1 1"]:
    return torch.tensor(values).to(like)[:, None, None]


def _mixed(planes: Colours, matrix: Float[Tensor, "3 3"]) -> Colours:
    return torch.einsum("ij,...jhw->...ihw", matrix, planes)
