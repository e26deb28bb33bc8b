"""Per-pixel convolution (Eq. 15): every pixel and channel has its own k × k kernel.

    out[b,c,y,x] = Σ_t kernels[b,c,t,y,x] · image[b,c,y+dy(t),x+dx(t)],   t = row-major over the k × k taps

Enters: any image and kernels, or features from which a 1×1 convolution φ predicts the kernels. Leaves: the filtered
image, same shape. Beyond its border the image repeats its last pixel, so that borders don't darken.
"""

from collections.abc import Iterator
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
from cocnet.networks.layers.tiles import Tile

STRIP_BYTES = 4 << 20  # of intermediate results on a CPU: about what the caches hold
ELSEWHERE = 64  # times as much


def local_filter_reference(
    image: Float[Tensor, "b c h w"], kernels: Float[Tensor, "b c t h w"]
) -> Float[Tensor, "b c h w"]:
    """Eq. 15's filter by its definition, every patch unfolded: the oracle, t = k² times the image's memory."""
    side = _side(image, kernels.shape[2], kernels)
    patches = functional.unfold(padded(image, side), side).view(kernels.shape)
    return (patches * kernels).sum(2)


def difference_filter(
    images: Float[Tensor, "b n c h w"],
    base: Float[Tensor, "b c h w"],
    kernels: Float[Tensor, "b nt i j"],
    tile: Tile | None = None,
) -> Float[Tensor, "b c i j"]:
    """How kernels, the same in all channels, move a base towards what lies around a pixel in n images:

        out[x] = Σ_i Σ_t kernels[i,t,x] · (images[i,x+d(t)] − base[x])

    tile: the part of the picture that the kernels are of (None: all of it). Tap by tap: never unfolds an image,
    forward or backward. Raises InputError unless t is an odd square and the shapes agree.
    """
    if images.ndim != 5 or images[:, 0].shape != base.shape or kernels.shape[1] % images.shape[1]:
        given = ", ".join(str(list(x.shape)) for x in (images, base, kernels))
        raise InputError(
            f"expected images [b n c h w], a base [b c h w] and kernels [b n·k² h w], got {given}, try one"
        )
    flat = images.flatten(1, 2)
    within = base if tile is None else tile.of(base)
    side = _side(within, kernels.shape[1] // images.shape[1], kernels)
    wide = padded(flat, side)
    if tile is not None:
        wide, base = _beyond(wide, tile, side), within
    patches = wide.view(*images.shape[:3], *wide.shape[2:])
    if torch.compiler.is_compiling():
        return _plain_difference_filter(patches, base, kernels)
    return _DifferenceFilter.apply(patches, base, kernels)


def _beyond(wide: Tensor, tile: Tile, side: int) -> Tensor:
    """A tile with its margins, of a padded picture."""
    return Tile(*(slice(span.start, span.stop + side - 1) for span in tile)).of(wide)


def predicted_filter(
    image: Float[Tensor, "b c h w"],
    features: Float[Tensor, "b n h w"],
    weight: Float[Tensor, "ct n 1 1"],
    bias: Float[Tensor, "ct"],
) -> Float[Tensor, "b c h w"]:
    """local_filter_reference(image, φ(features)), φ the 1×1 convolution of weight and bias, without any kernels.

    Both φ and the filter are linear, so their sums change places: filter the image with each of φ's columns, which
    are the same for all pixels, then weigh the answers with the pixel's features. Works strip by strip and keeps
    only its inputs for the backward pass; always in the inputs' precision (autocast: float32).
    Raises InputError unless weight is [c·k² n 1 1] with k odd.
    """
    taps = weight.shape[0] // image.shape[1]
    side = _side(image, taps, features)
    if weight.shape != (image.shape[1] * taps, features.shape[1], 1, 1):
        raise InputError(
            f"expected weight [c·k² {features.shape[1]} 1 1] for {image.shape[1]} channels, "
            f"got {list(weight.shape)}, try Conv2d({features.shape[1]}, {image.shape[1]} * k * k, 1)"
        )
    inputs = [padded(image, side), features, weight, bias]
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
    bias: Float[Tensor, "ct"],
) -> Float[Tensor, "b c h w"]:
    """predicted_filter of an image that has its margin of k//2 px already: Σ_n f_n·(image ∗ φ_n) + image ∗ bias."""
    answers = _answers(patch, weight)
    constant = functional.conv2d(patch, _bias_kernels(bias, patch), groups=patch.shape[1])
    return (answers * features.contiguous()[:, None]).sum(2).add_(constant)


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


def _plain_difference_filter(patches: Tensor, base: Tensor, kernels: Tensor) -> Tensor:
    each = [
        kernels[:, [tap]] * (patches[:, i, :, rows, columns] - base)
        for tap, i, rows, columns in _taps(kernels, patches.shape[1])
    ]
    return torch.stack(each).sum(0)


class _DifferenceFilter(Function):
    @staticmethod
    def forward(ctx: Any, patches: Tensor, base: Tensor, kernels: Tensor) -> Tensor:
        ctx.save_for_backward(patches, base, kernels)
        out = torch.zeros_like(base)
        for tap, i, rows, columns in _taps(kernels, patches.shape[1]):
            out.addcmul_(kernels[:, tap, None], patches[:, i, :, rows, columns] - base)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of patches, base and kernels; by the plain formula where a graph is kept."""
        patches, base, kernels = inputs = ctx.saved_tensors
        if torch.is_grad_enabled():
            return gradients_with_graph(_plain_difference_filter, inputs, ctx.needs_input_grad, grad)
        for_patches, for_base, for_kernels = ctx.needs_input_grad
        of_patches = torch.zeros_like(patches) if for_patches else None
        of_base = -grad * kernels.sum(1, keepdim=True) if for_base else None
        of_kernels = torch.empty_like(kernels) if for_kernels else None
        for tap, i, rows, columns in _taps(kernels, patches.shape[1]):
            if of_kernels is not None:
                differences = patches[:, i, :, rows, columns] - base
                torch.sum(differences.mul_(grad), 1, out=of_kernels[:, tap])
            if of_patches is not None:
                of_patches[:, i, :, rows, columns].addcmul_(grad, kernels[:, tap, None])
        return of_patches, of_base, of_kernels


class _PredictedFilter(Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(image, features, weight, bias)
        out = features.new_empty(features.shape[0], image.shape[1], *features.shape[2:])
        for top, bottom, patch in _patches(image, features):
            out[:, :, top:bottom] = filter_strip(patch, features[:, :, top:bottom], weight, bias)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of image, features, weight and bias, strip by strip; kernels are computed again, not stored."""
        image, features, weight, bias = inputs = ctx.saved_tensors
        if torch.is_grad_enabled():
            with without_autocast(image.device):
                return gradients_with_graph(filter_strip, inputs, ctx.needs_input_grad, grad)
        found = [
            torch.zeros_like(x) if needed else None
            for x, needed in zip(inputs, ctx.needs_input_grad, strict=True)
        ]
        with without_autocast(image.device):
            for top, bottom, patch in _patches(image, features):
                seen, g = features[:, :, top:bottom].contiguous(), grad[:, :, top:bottom].contiguous()
                if found[0] is not None:
                    found[0][:, :, top : top + patch.shape[2]] += _image_grad(g, seen, weight, bias)
                if found[1] is not None:
                    found[1][:, :, top:bottom] = (_answers(patch, weight) * g[:, :, None]).sum(1)
                if found[2] is not None:
                    found[2] += _weight_grad(g, seen, patch, weight)
                if found[3] is not None:
                    found[3] += _bias_grad(g, patch, bias)
        return tuple(found)


def _side(image: Tensor, taps: int, beside: Tensor) -> int:
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


def _taps(kernels: Tensor, images: int) -> Iterator[tuple[int, int, slice, slice]]:
    """Each tap with its image, and the rows and columns of that, padded, which it sees."""
    side, (height, width) = isqrt(kernels.shape[1] // images), kernels.shape[-2:]
    for tap in range(kernels.shape[1]):
        i, place = divmod(tap, side * side)
        y, x = divmod(place, side)
        yield tap, i, slice(y, y + height), slice(x, x + width)


def _patches(image: Tensor, features: Tensor) -> Iterator[tuple[int, int, Tensor]]:
    """Spans of rows with what the padded image shows around them."""
    batch, count, height, width = features.shape
    margin = image.shape[2] - height
    row_bytes = batch * image.shape[1] * count * width * features.element_size()
    for top, bottom in strips(height, row_bytes, image.device):
        yield top, bottom, image[:, :, top : bottom + margin].contiguous()


def _answers(patch: Tensor, weight: Tensor) -> Float[Tensor, "b c n h w"]:
    """The padded image, convolved with each of φ's columns."""
    channels = patch.shape[1]
    side = isqrt(weight.shape[0] // channels)
    columns = weight.view(channels, side * side, -1).transpose(1, 2).reshape(-1, 1, side, side)
    found = functional.conv2d(patch, columns, groups=channels)
    return found.view(len(found), channels, -1, *found.shape[2:])


def _bias_kernels(bias: Tensor, patch: Tensor) -> Float[Tensor, "c 1 k k"]:
    side = isqrt(bias.shape[0] // patch.shape[1])
    return bias.view(-1, 1, side, side)


def _weight_grad(g: Tensor, seen: Tensor, patch: Tensor, weight: Tensor) -> Float[Tensor, "ct n 1 1"]:
    channels, count = patch.shape[1], seen.shape[1]
    side = isqrt(weight.shape[0] // channels)
    columns = [
        _conv2d_weight(one, [count, 1, side, side], one_g * seen).view(count, -1).T
        for one, one_g in zip(_channels(patch), _channels(g), strict=True)
    ]
    return torch.cat(columns).reshape(weight.shape)


def _bias_grad(g: Tensor, patch: Tensor, bias: Tensor) -> Float[Tensor, "ct"]:
    side = isqrt(bias.shape[0] // patch.shape[1])
    pairs = zip(_channels(patch), _channels(g), strict=True)
    return torch.cat([_conv2d_weight(one, [1, 1, side, side], one_g).view(-1) for one, one_g in pairs])


def _conv2d_weight(x: Tensor, shape: list[int], grad: Tensor) -> Tensor:
    return conv2d_weight(x, shape, grad)  # type: ignore[no-untyped-call]


def _channels(x: Tensor) -> list[Tensor]:
    """One by one: three small convolutions are 2.5 times as fast as a grouped one, backward."""
    return [x[:, c : c + 1].contiguous() for c in range(x.shape[1])]


def _image_grad(g: Tensor, seen: Tensor, weight: Tensor, bias: Tensor) -> Float[Tensor, "b c hk wk"]:
    """The strip's kernels, each weighed with its pixel's gradient, folded back onto the padded image."""
    batch, channels, height, width = g.shape
    side = isqrt(weight.shape[0] // channels)
    kernels = functional.conv2d(seen, weight, bias).view(batch, channels, -1, height * width)
    columns = (kernels * g.view(batch, channels, 1, -1)).flatten(1, 2)
    return functional.fold(columns, (height + side - 1, width + side - 1), side)
