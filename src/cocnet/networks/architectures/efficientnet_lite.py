"""EfficientNet-Lite (Tan & Le 2019; Lite: no squeeze-excitation, ReLU6): the trunk, and the whole classifier.

Enters: sRGB [b 3 h w] in 0..1. Leaves: features at 1/2 to 1/32 (sides multiples of 32), or ImageNet-1k's logits.
Batch norm is folded into the convolutions: frozen statistics, half the time of a training step.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.errors import InputError

_BN_EPSILON = 1e-3
_STEM = 32
HEAD_WIDTH, CLASSES = 1280, 1000


@dataclass(frozen=True)
class MBConvStage:
    """A row of the paper's Table 1: blocks of one width, the first of them strided."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


STAGES = (
    MBConvStage(1, 3, 1, 1, 16),
    MBConvStage(2, 3, 2, 6, 24),
    MBConvStage(2, 5, 2, 6, 40),
    MBConvStage(3, 3, 2, 6, 80),
    MBConvStage(3, 5, 1, 6, 112),
    MBConvStage(4, 5, 2, 6, 192),
    MBConvStage(1, 3, 1, 6, 320),
)
SCALES = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME: ⌈n/stride⌉ places, on even sizes more on the right and below.

    own_gradient: depthwise kernels that aren't trained differentiate by `FrozenDepthwise`.
    """

    own_gradient = True

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        if self.stride[0] > 1:
            (top, bottom), (left, right) = (self._border(n) for n in x.shape[-2:])
            x = functional.pad(x, (left, right, top, bottom))
        if self.own_gradient and self.groups > 1 and x.requires_grad and not self.weight.requires_grad:
            return FrozenDepthwise.apply(x, self.weight, self.bias, self.stride[0], self.padding[0])
        return super().forward(x)

    def _border(self, size: int) -> tuple[int, int]:
        total = self.kernel_size[0] - (size % self.stride[0] or self.stride[0])
        return total // 2, total - total // 2


class FrozenDepthwise(torch.autograd.Function):
    """A depthwise convolution whose kernel isn't trained: its gradient is another fast forward pass.

    dL/dx = (dL/dy, spread out by the stride) ∗ the kernel turned by 180°. PyTorch's own backward pass takes
    ten times as long on a processor and is most of a training step.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.about = (stride, padding, x.shape)
        return functional.conv2d(x, weight, bias, stride, padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        """The gradient of the input alone: a depthwise convolution with the flipped weights."""
        (weight,), (stride, padding, shape) = ctx.saved_tensors, ctx.about
        if stride > 1:
            rows, columns = ((n - 1) * stride + 1 for n in grad.shape[-2:])
            spread = grad.new_zeros(len(grad), rows, columns, grad.shape[1]).permute(0, 3, 1, 2)
            spread[..., ::stride, ::stride] = grad
            grad = spread
        turned, reach = weight.flip(-1, -2).to(grad.dtype), weight.shape[-1] - 1 - padding
        back = functional.conv2d(grad, turned, padding=reach, groups=grad.shape[1])
        missing = [n - m for n, m in zip(shape[-2:], back.shape[-2:], strict=True)]
        return functional.pad(back, (0, missing[1], 0, missing[0])), None, None, None, None


def _conv(before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> SameConv:
    padding = kernel // 2 if stride == 1 else 0
    return SameConv(before, after, kernel, stride, padding, groups=groups)


class InvertedBlock(nn.Module):
    """Expand 1×1, depthwise k×k, project 1×1; ReLU6 between, a skip where the shape stays.

    In training a sample takes the skip alone with probability `dropped` (Huang et al. 2016, stochastic depth).
    """

    def __init__(
        self, before: int, after: int, kernel: int, stride: int, expand: int, dropped: float = 0.0
    ) -> None:
        super().__init__()
        self.dropped = dropped
        inner = before * expand
        self.expand = _conv(before, inner) if expand > 1 else None
        self.depthwise = _conv(inner, inner, kernel, stride, groups=inner)
        self.project = _conv(inner, after)
        self.skip = stride == 1 and before == after

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depthwise(y)))
        if self.skip and self.training and self.dropped:
            y = y * functional.dropout(y.new_ones(len(y), 1, 1, 1), self.dropped)
        return x + y if self.skip else y


class EfficientNetLite(nn.Module):
    """The trunk of one of `SCALES`; `channels` are those of the five feature maps that leave.

    `dropped`, for training: how often a sample skips a block from the fourth stage on.
    """

    def __init__(self, name: str = "lite1", dropped: float = 0.0) -> None:
        super().__init__()
        if name not in SCALES:
            raise InputError(f"expected an encoder of {', '.join(SCALES)}, got '{name}', try lite1")
        width, depth = SCALES[name]
        self.stem = _conv(3, _STEM, 3, 2)
        self.stages = nn.ModuleList()
        before = _STEM
        for i, stage in enumerate(STAGES):
            fixed = i in (0, len(STAGES) - 1)
            repeats = stage.repeats if fixed else math.ceil(stage.repeats * depth)
            after = _round_channels(stage.channels * width)
            sizes = [(before, stage.stride)] + [(after, 1)] * (repeats - 1)
            self.stages.append(
                nn.Sequential(
                    *(
                        InvertedBlock(b, after, stage.kernel, s, stage.expand, dropped if i > 2 else 0.0)
                        for b, s in sizes
                    )
                )
            )
            before = after
        widths = [_round_channels(stage.channels * width) for stage in STAGES]
        self.channels = (widths[0], widths[1], widths[2], widths[4], widths[6])

    def forward(self, rgb: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b c i j"]]:
        x = functional.relu6(self.stem((rgb * 255 - 127) / 128))
        features = []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in (0, 1, 2, 4, 6):
                features.append(x)
        return features


class LiteClassifier(nn.Module):
    """One of "lite0", "lite1", "lite2". Dropout before the last layer is left out: it is not for training."""

    def __init__(self, name: str = "lite0", classes: int = CLASSES) -> None:
        super().__init__()
        self.trunk = EfficientNetLite(name)
        self.widen = nn.Conv2d(self.trunk.channels[-1], HEAD_WIDTH, 1)
        self.last = nn.Linear(HEAD_WIDTH, classes)
        for module in self.trunk.modules():
            if isinstance(module, SameConv):
                module.own_gradient = False  # where the picture's gradient is wanted, PyTorch's own is faster

    def forward(self, rgb: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        wide = functional.relu6(self.widen(self.trunk(rgb)[-1]))
        return self.last(wide.mean((2, 3)))


def from_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published PyTorch port's weights (ImageNet-1k) as those of `EfficientNetLite`, norms folded.

    w' = w·γ/√(σ² + ε), b' = β − μ·γ/√(σ² + ε). Raises InputError where a tensor is missing.
    """
    names = {"stem": ("_conv_stem", "_bn0")}
    starts = _block_names(state)
    for block, ours in starts.items():
        names[f"{ours}.depthwise"] = (f"_blocks.{block}._depthwise_conv", f"_blocks.{block}._bn1")
        names[f"{ours}.project"] = (f"_blocks.{block}._project_conv", f"_blocks.{block}._bn2")
        if f"_blocks.{block}._expand_conv.weight" in state:
            names[f"{ours}.expand"] = (f"_blocks.{block}._expand_conv", f"_blocks.{block}._bn0")
    return {
        f"{ours}.{kind}": tensor
        for ours, (conv, norm) in names.items()
        for kind, tensor in zip(("weight", "bias"), folded(state, conv, norm), strict=True)
    }


def classifier_from_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published PyTorch port's weights as those of `LiteClassifier`, norms folded. Raises InputError."""
    trunk = {f"trunk.{name}": tensor for name, tensor in from_published(state).items()}
    weight, bias = folded(state, "_conv_head", "_bn1")
    try:
        last = {f"last.{part}": state[f"_fc.{part}"] for part in ("weight", "bias")}
    except KeyError as error:
        raise InputError(
            f"expected EfficientNet-Lite weights, got none for {error}, try another file"
        ) from error
    return {**trunk, "widen.weight": weight, "widen.bias": bias, **last}


def folded(state: Mapping[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution and the norm behind it; raises InputError where a tensor is missing."""
    try:
        weight, mean, variance, gain, bias = (
            state[key]
            for key in (
                f"{conv}.weight",
                *(f"{norm}.{part}" for part in ("running_mean", "running_var", "weight", "bias")),
            )
        )
    except KeyError as error:
        raise InputError(
            f"expected EfficientNet-Lite weights, got none for {error}, try another file"
        ) from error
    gain = gain / torch.sqrt(variance + _BN_EPSILON)
    return weight * gain[:, None, None, None], bias - mean * gain


def _block_names(state: Mapping[str, Tensor]) -> dict[int, str]:
    """The port numbers blocks through; here they are numbered in their stages. Finds the depth scale."""
    count = 1 + max((int(key.split(".")[1]) for key in state if key.startswith("_blocks.")), default=-1)
    for _, depth in SCALES.values():
        repeats = [s.repeats if i in (0, 6) else math.ceil(s.repeats * depth) for i, s in enumerate(STAGES)]
        if sum(repeats) == count:
            names = [f"stages.{i}.{j}" for i, n in enumerate(repeats) for j in range(n)]
            return dict(enumerate(names))
    raise InputError(f"expected weights of EfficientNet-Lite0, 1 or 2, got {count} blocks, try another file")


def _round_channels(channels: float, step: int = 8) -> int:
    """To a multiple of 8, never more than 10 % down."""
    rounded = max(step, int(channels + step / 2) // step * step)
    return rounded + step if rounded < 0.9 * channels else rounded
