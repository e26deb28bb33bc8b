"""The two changes of scale of Eq. 13: 𝒟, the mean of 2 × 2 pixels, and 𝒰, bilinear."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from cocnet.compute import without_autocast


def halved(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h/2 w/2"]:
    """𝒟 for one step; h and w even."""
    return functional.avg_pool2d(x, 2)


def enlarged(x: Float[Tensor, "b c h w"], factor: int) -> Float[Tensor, "b c h*f w*f"]:
    """𝒰: enlarge by a whole factor, bilinear."""
    if factor == 1:
        return x
    if factor == 2 and _quicker_back(x):
        return _Doubled.apply(x)
    return functional.interpolate(x, scale_factor=float(factor), mode="bilinear")


def _quicker_back(x: Tensor) -> bool:
    """Where PyTorch's own gradient of a doubled picture takes six times as long: channels_last on a CPU."""
    if not (torch.is_grad_enabled() and x.requires_grad and x.is_cpu) or torch.compiler.is_compiling():
        return False
    return x.dtype == torch.float32 and x.is_contiguous(memory_format=torch.channels_last)


class _Doubled(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=2.0, mode="bilinear")

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """A convolution with steps of 2; the border, which went on outside, gets what that got."""
        channels = grad.shape[1]
        line = grad.new_tensor([0.25, 0.75, 0.75, 0.25])
        kernels = (line[:, None] * line).expand(channels, 1, 4, 4)
        with without_autocast(grad.device):
            around = functional.pad(grad, (1, 1, 1, 1), mode="replicate")
            return functional.conv2d(around, kernels.contiguous(), stride=2, groups=channels)


def enlarged_rows(top: int, bottom: int, factor: int, height: int) -> tuple[int, int]:
    """Which rows of `height` small ones the enlarged rows top … bottom are made of."""
    first = (2 * top + 1 - factor) // (2 * factor)
    last = (2 * bottom - 1 - factor) // (2 * factor) + 1
    return max(first, 0), min(last + 1, height)
