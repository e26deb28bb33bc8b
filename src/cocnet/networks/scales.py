"""The two changes of scale of Eq. 13: 𝒟, the mean of 2 × 2 pixels, and 𝒰, bilinear; and padding to fit them."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def halved(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h/2 w/2"]:
    """𝒟 for one step; h and w even."""
    return functional.avg_pool2d(x, 2)


def enlarged(x: Float[Tensor, "b c h w"], factor: int) -> Float[Tensor, "b c h*f w*f"]:
    """𝒰 by a whole factor."""
    if factor == 1:
        return x
    return functional.interpolate(x, scale_factor=float(factor), mode="bilinear")


def enlarged_rows(top: int, bottom: int, factor: int, height: int) -> tuple[int, int]:
    """Which rows of `height` small ones the enlarged rows top … bottom are made of."""
    first = (2 * top + 1 - factor) // (2 * factor)
    last = (2 * bottom - 1 - factor) // (2 * factor) + 1
    return max(first, 0), min(last + 1, height)


def padded_to_multiple(x: Float[Tensor, "b c h w"], multiple: int) -> Float[Tensor, "b c H W"]:
    """Grown to the right and below by repeating the last pixel; the same tensor where it fits already."""
    height, width = x.shape[-2:]
    down, right = -height % multiple, -width % multiple
    if not torch.compiler.is_compiling() and down == 0 and right == 0:
        return x
    return _picked(x, height + down, width + right)


def cropped(x: Float[Tensor, "b c H W"], height: int, width: int) -> Float[Tensor, "b c h w"]:
    """The first rows and columns."""
    if torch.compiler.is_compiling():  # strides of a slice would tie an exported graph to one size
        return _picked(x, height, width)
    return x[..., :height, :width]


def _picked(x: Tensor, height: int, width: int) -> Float[Tensor, "b c h w"]:
    """Row and column 0, 1, 2, …; beyond the picture its last ones."""
    for axis, wanted in ((2, height), (3, width)):
        x = x.index_select(axis, torch.arange(wanted, device=x.device).clamp(max=x.shape[axis] - 1))
    return x
