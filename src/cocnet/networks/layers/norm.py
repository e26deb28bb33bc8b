"""Instance normalisation and ReLU in one step, for channels_last activations.

Enters: raw convolution results and an nn.InstanceNorm2d, whose parameters it uses. Leaves: relu(scale·x + shift),
with scale and shift per channel from the statistics of the whole picture, or, of an `Affine`, learned alone.
"""

from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from cocnet.networks.layers.second_order import gradients_with_graph


class Affine(nn.Module):
    """In place of a norm: a scale and a shift per channel, learned, whatever the picture holds."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Each channel times its learned scale, plus its learned shift."""
        return x * self.weight[:, None, None] + self.bias[:, None, None]


def norm_relu(x: Float[Tensor, "b c h w"], norm: nn.InstanceNorm2d | Affine) -> Float[Tensor, "b c h w"]:
    """relu(norm(x)); on the CPU in a third of the passes over memory. One pixel is allowed (and becomes the bias)."""
    if isinstance(norm, Affine):
        return functional.relu(norm(x))
    if x.is_cpu and not torch.compiler.is_compiling():
        return _NormReLU.apply(x, norm.weight, norm.bias, norm.eps)
    return _plain_norm_relu(x, norm.weight, norm.bias, norm.eps)


def _plain_norm_relu(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    return functional.relu(torch.instance_norm(x, weight, bias, None, None, True, 0.0, eps, True))


def affine(
    total: Float[Tensor, "*b c"], squares: Float[Tensor, "*b c"], count: int, norm: nn.InstanceNorm2d | Affine
) -> tuple[Float[Tensor, "*b c"], Float[Tensor, "*b c"]]:
    """Scale and shift from Σx and Σx² over count pixels; an `Affine`'s own."""
    if isinstance(norm, Affine):
        return norm.weight, norm.bias
    mean, rstd = _moments(total, squares, count, norm.eps)
    scale = rstd * norm.weight
    return scale, norm.bias - mean * scale


def _moments(total: Tensor, squares: Tensor, count: int, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and 1/√(variance + eps); the difference of large numbers is taken in float64."""
    mean = total.double() / count
    variance = (squares.double() / count - mean.square()).clamp_(min=0)
    return mean.to(total.dtype), (variance + eps).rsqrt().to(total.dtype)


class _NormReLU(Function):
    """Sums run over axis 1 of [b h·w c] views, which is how channels_last lies in memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        rows = _rows(x)
        mean, rstd = _moments(
            rows.sum(1, keepdim=True), rows.square().sum(1, keepdim=True), rows.shape[1], eps
        )
        scale = rstd * weight
        y = _picture(torch.addcmul(bias - mean * scale, rows, scale).relu_(), x)
        ctx.save_for_backward(x, y, mean, rstd, weight, bias)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x, weight and bias from that of the result; none of eps."""
        x, y, mean, rstd, weight, bias = ctx.saved_tensors
        if torch.is_grad_enabled():
            inputs, needed = (x, weight, bias), ctx.needs_input_grad[:3]
            return *gradients_with_graph(partial(_plain_norm_relu, eps=ctx.eps), inputs, needed, grad), None
        rows, g = _rows(x), _rows(torch.ops.aten.threshold_backward(grad, y, 0))
        of_bias = g.sum(1, keepdim=True)
        of_weight = ((g * rows).sum(1, keepdim=True) - mean * of_bias) * rstd
        scale = rstd * weight
        slope = -scale * rstd * of_weight / rows.shape[1]
        constant = -scale * of_bias / rows.shape[1] - slope * mean
        of_x = torch.addcmul(constant, rows, slope).addcmul_(g, scale)
        return _picture(of_x, x), of_weight.sum((0, 1)), of_bias.sum((0, 1)), None


def _rows(x: Tensor) -> Float[Tensor, "b hw c"]:
    """One row per pixel, at least float32; a view where x is channels_last."""
    rows = x.permute(0, 2, 3, 1).flatten(1, 2)
    return rows.float() if rows.dtype in (torch.bfloat16, torch.float16) else rows


def _picture(rows: Tensor, like: Tensor) -> Float[Tensor, "b c h w"]:
    return rows.view(len(rows), *like.shape[2:], -1).permute(0, 3, 1, 2).to(like.dtype)
