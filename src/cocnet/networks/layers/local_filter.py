"""Per-pixel convolution (Eq. 15): every pixel and channel has its own k × k kernel.

    out[b,c,y,x] = Σ_t kernels[b,c,t,y,x] · image[b,c,y+dy(t),x+dx(t)],   t = row-major over the k × k taps

Enters: any image and kernels, or features from which a 1×1 convolution φ predicts the kernels. Leaves: the filtered
image, same shape. Beyond its border the image repeats its last pixel, so that borders don't darken.
"""

from collections.abc import Iterable, Iterator
from math import isqrt
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from cocnet.compute import autocast_dtype, without_autocast
from cocnet.errors import InputError
from cocnet.networks.layers.second_order import gradients_with_graph

STRIP_BYTES = 4 << 20  # of intermediate results on a CPU: about what the caches hold
ELSEWHERE = 64  # times as much


def local_filter_reference(
    image: Float[Tensor, "b c h w"], kernels: Float[Tensor, "b c t h w"]
) -> Float[Tensor, "b c h w"]:
    """Eq. 15's filter by its definition, every patch unfolded: the oracle, t = k² times the image's memory."""
    side = kernel_side(image, kernels.shape[2], kernels)
    patches = functional.unfold(padded(image, side), side).view(kernels.shape)
    return (patches * kernels).sum(2)


def predicted_filter(
    image: Float[Tensor, "b c h w"],
    features: Float[Tensor, "b n h w"],
    weight: Float[Tensor, "ct n 1 1"],
    bias: Float[Tensor, " ct"],
    beside: Float[Tensor, "b 1 h w"] | None = None,
) -> Float[Tensor, "b c h w"]:
    """local_filter_reference(image, φ(features)), φ the 1×1 convolution of weight and bias, without any kernels.

    Both φ and the filter are linear, so their sums change places: filter the image with each of φ's columns, which
    are the same for all pixels, then weigh the answers with the pixel's features. Works strip by strip and keeps
    only its inputs for the backward pass, and the answers where weight is frozen; always in the inputs' precision
    (autocast: float32).
    beside: a plane that each channel's answer has a part of, with kernels from the second half of φ; both are
    filtered at once, and the plane's gradient costs little more than that of one channel.
    Raises InputError unless weight is [c·k² n 1 1], or [2c·k² n 1 1] with `beside`, with k odd.
    """
    planes = image.shape[1] * (1 if beside is None else 2)
    side = kernel_side(image, weight.shape[0] // planes, features)
    if weight.shape != (planes * side * side, features.shape[1], 1, 1):
        raise InputError(
            f"expected weight [c·k² {features.shape[1]} 1 1] for {planes} channels, "
            f"got {list(weight.shape)}, try Conv2d({features.shape[1]}, {planes} * k * k, 1)"
        )
    inputs = [
        padded(image, side),
        features,
        weight,
        bias,
        *([] if beside is None else [padded(beside, side)]),
    ]
    if autocast_dtype(image.device) is not None:
        inputs = [x.float() for x in inputs]
    with without_autocast(image.device):
        if torch.compiler.is_compiling():
            return filter_strip(*inputs)
        return _PredictedFilter.apply(*inputs)


def filter_strip(
    patch: Float[Tensor, "b c hk wk"],
    features: Float[Tensor, "b n h w"],
    weight: Float[Tensor, "ct n 1 1"],
    bias: Float[Tensor, " ct"],
    beside: Float[Tensor, "b 1 hk wk"] | None = None,
) -> Float[Tensor, "b c h w"]:
    """predicted_filter of an image that has its margin of k//2 px already: Σ_n f_n·(image ∗ φ_n) + image ∗ bias."""
    return _weighed(_answers(patch, weight, beside), features, patch, bias, beside)


def padded(image: Float[Tensor, "b c h w"], side: int) -> Float[Tensor, "b c hk wk"]:
    """The image with a margin of side//2 px, its last pixels repeated."""
    return functional.pad(image, (side // 2,) * 4, mode="replicate") if side > 1 else image


def strips(
    height: int, row_bytes: int, device: torch.device, most_bytes: int = STRIP_BYTES
) -> Iterator[tuple[int, int]]:
    """Cuts the rows into spans (top, bottom) whose intermediate results, row_bytes each, stay below most_bytes."""
    allowed = most_bytes if device.type == "cpu" else most_bytes * ELSEWHERE
    rows = max(4, allowed // max(row_bytes, 1))
    return ((start, min(start + rows, height)) for start in range(0, height, rows))


class _PredictedFilter(Function):
    @staticmethod
    def forward(
        ctx: Any, image: Tensor, features: Tensor, weight: Tensor, bias: Tensor, beside: Tensor | None = None
    ) -> Tensor:
        ctx.save_for_backward(image, features, weight, bias, *([] if beside is None else [beside]))
        out = features.new_empty(features.shape[0], image.shape[1], *features.shape[2:])
        ctx.answers = [] if ctx.needs_input_grad[1] and not ctx.needs_input_grad[2] else None
        for top, bottom, patch, around in _patches(image, features, beside):
            answers = list(_answers(patch, weight, around))
            out[:, :, top:bottom] = _weighed(answers, features[:, :, top:bottom], patch, bias, around)
            if ctx.answers is not None:
                ctx.answers.append(answers)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of image, features, weight, bias and what is beside, strip by strip. Answers are computed again
        in a training; where φ is frozen, as in an attack, they were kept: one a channel and feature."""
        image, features, weight, bias, *others = inputs = ctx.saved_tensors
        beside = others[0] if others else None
        if torch.is_grad_enabled():
            with without_autocast(image.device):
                return gradients_with_graph(filter_strip, inputs, ctx.needs_input_grad, grad)
        made = [
            torch.zeros_like(x) if needed else None
            for x, needed in zip(inputs, ctx.needs_input_grad, strict=True)
        ]
        kept = None if ctx.answers is None else iter(ctx.answers)
        side = image.shape[2] - features.shape[2] + 1
        columns, own = _kernels(weight, bias, image.shape[1], side)
        with without_autocast(image.device):
            for top, bottom, patch, around in _patches(image, features, beside):
                seen, g = features[:, :, top:bottom].contiguous(), grad[:, :, top:bottom].contiguous()
                rows = slice(top, top + patch.shape[2])
                if made[0] is not None:
                    for c, one in enumerate(_channels(g)):
                        made[0][:, c : c + 1, rows] += _plane_grad(one, seen, columns[0, [c]], own[0, [c]])
                if made[1] is not None:
                    answers = _answers(patch, weight, around) if kept is None else next(kept)
                    pairs = zip(answers, _channels(g), strict=True)
                    made[1][:, :, top:bottom] = sum(answer * one for answer, one in pairs)
                if made[2] is not None:
                    made[2] += _weight_grad(g, seen, patch, around, weight)
                if made[3] is not None:
                    made[3] += _bias_grad(g, patch, around, bias)
                if beside is not None and made[4] is not None:
                    made[4][:, :, rows] += _plane_grad(g, seen, columns[1], own[1])
        return tuple(made)


def kernel_side(image: Tensor, taps: int, beside: Tensor) -> int:
    """k of k² taps. Raises InputError where the shapes don't fit."""
    side = isqrt(taps)
    if side * side != taps or side % 2 == 0:
        raise InputError(f"expected k² kernel taps with k odd, got {taps}, try 121 for k = 11")
    batch, size = image.shape[0], image.shape[-2:]
    if image.ndim != 4 or beside.shape[0] != batch or beside.shape[-2:] != size:
        raise InputError(
            f"expected an image [b c h w] with kernels or features of its size, got {list(image.shape)} and "
            f"{list(beside.shape)}, try resizing one"
        )
    return side


def _patches(
    image: Tensor, features: Tensor, beside: Tensor | None
) -> Iterator[tuple[int, int, Tensor, Tensor | None]]:
    """Spans of rows with what the padded image, and what is beside it, shows around them."""
    batch, count, height, width = features.shape
    margin = image.shape[2] - height
    row_bytes = batch * image.shape[1] * count * width * features.element_size()
    for top, bottom in strips(height, row_bytes, image.device):
        cut = [None if x is None else x[:, :, top : bottom + margin].contiguous() for x in (image, beside)]
        assert cut[0] is not None
        yield top, bottom, cut[0], cut[1]


def _answers(patch: Tensor, weight: Tensor, beside: Tensor | None) -> Iterator[Float[Tensor, "b n h w"]]:
    """For each channel the padded image, and what is beside it, convolved with each of φ's columns."""
    channels, planes = patch.shape[1], 1 if beside is None else 2
    side = isqrt(weight.shape[0] // (channels * planes))
    kernels = weight.view(planes, channels, side, side, -1).permute(1, 4, 0, 2, 3)  # [c n p k k]
    for one, own in zip(_channels(patch), kernels, strict=True):
        seen = one if beside is None else torch.cat([one, beside], 1)
        yield functional.conv2d(seen, own.contiguous())


def _weighed(
    answers: Iterable[Float[Tensor, "b n h w"]],
    features: Float[Tensor, "b n h w"],
    patch: Tensor,
    bias: Tensor,
    beside: Tensor | None,
) -> Float[Tensor, "b c h w"]:
    """Each channel's answers, weighed with the features, and what φ's bias gives."""
    features = features.contiguous()
    weighed = torch.cat([(answer * features).sum(1, keepdim=True) for answer in answers], 1)
    seen = patch if beside is None else torch.cat([patch, beside], 1)
    return weighed + functional.conv2d(seen, _bias_kernels(bias, patch.shape[1], seen.shape[1]))


def _bias_kernels(bias: Tensor, channels: int, planes: int) -> Float[Tensor, "c p k k"]:
    """The kernels of a convolution that answers each channel from itself and the plane beside all channels."""
    parts = bias.view(2 if planes > channels else 1, channels, -1)
    side = isqrt(parts.shape[2])
    own = torch.diag_embed(parts[0].T).permute(1, 2, 0)
    whole = own if len(parts) == 1 else torch.cat([own, parts[1][:, None]], 1)
    return whole.reshape(channels, planes, side, side)


def _kernels(
    weight: Tensor, bias: Tensor, channels: int, side: int
) -> tuple[Float[Tensor, "p c n k k"], Float[Tensor, "p c k k"]]:
    """φ's columns and its bias: of the image's channels and, if there is one, of the plane beside them."""
    columns = weight.view(-1, channels, side, side, weight.shape[1]).permute(0, 1, 4, 2, 3)
    return columns, bias.view(-1, channels, side, side)


def _weight_grad(
    g: Tensor, seen: Tensor, patch: Tensor, beside: Tensor | None, weight: Tensor
) -> Float[Tensor, "ct n 1 1"]:
    count = seen.shape[1]
    pairs = _filtered(patch, beside, g)
    side = isqrt(weight.shape[0] // len(pairs))
    columns = [
        _conv2d_weight(one, [count, 1, side, side], one_g * seen).view(count, -1).T for one, one_g in pairs
    ]
    return torch.cat(columns).reshape(weight.shape)


def _bias_grad(g: Tensor, patch: Tensor, beside: Tensor | None, bias: Tensor) -> Float[Tensor, " ct"]:
    pairs = _filtered(patch, beside, g)
    side = isqrt(bias.shape[0] // len(pairs))
    return torch.cat([_conv2d_weight(one, [1, 1, side, side], one_g).view(-1) for one, one_g in pairs])


def _filtered(patch: Tensor, beside: Tensor | None, g: Tensor) -> list[tuple[Tensor, Tensor]]:
    """What is filtered, in the order of φ's kernels, and the gradient of the answer that it is a part of."""
    each = _channels(g)
    pairs = list(zip(_channels(patch), each, strict=True))
    return pairs if beside is None else pairs + [(beside, one) for one in each]


def _conv2d_weight(x: Tensor, shape: list[int], grad: Tensor) -> Tensor:
    return conv2d_weight(x, shape, grad)  # type: ignore[no-untyped-call]


def _channels(x: Tensor) -> list[Tensor]:
    """One by one: three small convolutions are 2.5 times as fast as a grouped one, backward."""
    return [x[:, c : c + 1].contiguous() for c in range(x.shape[1])]


def _plane_grad(
    g: Float[Tensor, "b c h w"],
    seen: Float[Tensor, "b n h w"],
    columns: Float[Tensor, "c n k k"],
    own: Float[Tensor, "c k k"],
) -> Float[Tensor, "b 1 hk wk"]:
    """The gradient of one padded plane, from those of the c answers that it is a part of.

    A convolution turned round, c·(n + 1) channels to one: down the rows first, to k planes, which are then laid over
    each other, each a column further.
    """
    (batch, channels, height, width), count, side = g.shape, seen.shape[1], columns.shape[-1]
    depth = channels * (count + 1)
    inputs = g.new_empty(batch, height, width, depth)
    rows, slopes = seen.permute(0, 2, 3, 1), g.permute(0, 2, 3, 1)
    products = inputs[..., : channels * count].view(batch, height, width, channels, count)
    torch.mul(rows.unsqueeze(3), slopes.unsqueeze(4), out=products)
    inputs[..., channels * count :] = slopes
    kernels = torch.cat([columns.reshape(-1, side, side), own]).flip(1).permute(2, 0, 1).unsqueeze(3)
    planes = functional.conv2d(inputs.permute(0, 3, 1, 2), kernels, padding=(side - 1, 0))
    found = g.new_zeros(batch, 1, height + side - 1, width + side - 1)
    for column in range(side):
        found[..., column : column + width] += planes[:, column : column + 1]
    return found
