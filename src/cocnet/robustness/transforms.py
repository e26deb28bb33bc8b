"""What happens to pictures and depth on their way to a victim.

Enters: pictures [b 3 h w] (sRGB, 0..1), nearness [b 1 h w]. Leaves: the same after a JPEG, a resize, … by name.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.imaging import recompressed

Picture = Float[Tensor, "b 3 h w"]
Plane = Float[Tensor, "b 1 h w"]
THROUGH = "on:"  # another renderer


def jpeg(picture: Picture, quality: int) -> Picture:
    """A JPEG as this program writes it: colour at full resolution (4:4:4) from quality 90, else at half (4:2:0)."""
    codes = (picture.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    read = [recompressed(one.permute(1, 2, 0).numpy(), quality) for one in codes]
    return torch.from_numpy(np.stack(read)).permute(0, 3, 1, 2).to(picture) / 255


def resized(picture: Picture) -> Picture:
    """Down to 3/4 and back, bilinear with antialiasing: sent through something that shrinks."""
    size = picture.shape[-2:]
    small = [max(1, round(0.75 * side)) for side in size]
    down = functional.interpolate(picture, small, mode="bilinear", antialias=True)
    return functional.interpolate(down, size, mode="bilinear", antialias=True)


def deblurred(picture: Picture, sigma_px: float = 1.5, amount: float = 1.0) -> Picture:
    """An unsharp mask, x + amount·(x − G ∗ x) with a Gaussian G: the simplest defence against blur."""
    reach = max(1, round(3 * sigma_px))
    where = torch.arange(-reach, reach + 1).to(picture)
    line = (-(where**2) / (2 * sigma_px**2)).exp()
    line = (line / line.sum()).expand(3, 1, 1, -1)
    padded = functional.pad(picture, (reach,) * 4, mode="replicate")
    blurred = functional.conv2d(functional.conv2d(padded, line, groups=3), line.mT, groups=3)
    return (picture + amount * (picture - blurred)).clamp(0, 1)


def quantised(depth: Plane, bits: int) -> Plane:
    """Nearness in a file of so many bits: rounded to 0..1 in steps of 1/(2^bits − 1)."""
    steps = 2**bits - 1
    return ((depth.double() * steps).round() / steps).to(depth)


def rounded(picture: Picture) -> Picture:
    """What a file of 8 bit without loss keeps: values in steps of 1/255."""
    return (picture.clamp(0, 1) * 255).round() / 255


class StraightThrough(torch.autograd.Function):
    """A transform that has no useful gradient, with the identity's (Athalye et al. 2018)."""

    @staticmethod
    def forward(ctx: object, x: Tensor, transform: Callable[[Picture], Picture]) -> Tensor:
        return transform(x)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> tuple[Tensor, None]:
        """The gradient as it is."""
        return gradient, None


PICTURES: Mapping[str, Callable[[Picture], Picture]] = {
    "png": rounded,
    "jpeg95": partial(jpeg, quality=95),
    "jpeg75": partial(jpeg, quality=75),
    "resize": resized,
    "deblur": deblurred,
}
ROUNDING = ("png", "jpeg95", "jpeg75")  # their gradient is zero almost everywhere
DEPTHS: Mapping[str, Callable[[Plane], Plane]] = {
    "depth16": partial(quantised, bits=16),
    "depth8": partial(quantised, bits=8),
}


def differentiable(name: str) -> Callable[[Picture], Picture]:
    """A transform of pictures for an attack that reckons with it: the same values; through what rounds, the gradient
    goes as if nothing were there. Raises InputError for other transforms."""
    if name not in PICTURES:
        raise InputError(f"expected a transform of {', '.join(PICTURES)}, got '{name}', try jpeg75")
    transform = PICTURES[name]
    if name in ROUNDING:
        return lambda picture: StraightThrough.apply(picture, transform)
    return transform


def other_renderer(transform: str) -> str | None:
    """The renderer that "on:RENDERER" names, None for other transforms. Raises InputError for an unknown one."""
    if transform.startswith(THROUGH) and len(transform) > len(THROUGH):
        return transform[len(THROUGH) :]
    if transform not in PICTURES and transform not in DEPTHS:
        known = ", ".join([*PICTURES, *DEPTHS])
        raise InputError(f"expected a transform of {known}, on:RENDERER, got '{transform}', try jpeg75")
    return None
