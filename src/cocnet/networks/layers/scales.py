"""The two changes of scale of Eq. 13: 𝒟, the mean of 2 × 2 pixels, and 𝒰, bilinear."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def halved(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h/2 w/2"]:
    """𝒟 for one step; h and w even."""
    return functional.avg_pool2d(x, 2)


def enlarged(x: Float[Tensor, "b c h w"], factor: int) -> Float[Tensor, "b c h*f w*f"]:
    """𝒰: enlarge by a whole factor, bilinear."""
    if factor == 1:
        return x
    return functional.interpolate(x, scale_factor=float(factor), mode="bilinear")


def enlarged_rows(top: int, bottom: int, factor: int, height: int) -> tuple[int, int]:
    """Which rows of `height` small ones the enlarged rows top … bottom are made of."""
    first = (2 * top + 1 - factor) // (2 * factor)
    last = (2 * bottom - 1 - factor) // (2 * factor) + 1
    return max(first, 0), min(last + 1, height)
