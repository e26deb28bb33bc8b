"""Per-pixel convolution of what lies around a pixel less a base there: kernels that move a picture towards others.

Enters: n images, a base, and kernels, the same in all channels. Leaves: how far the base is moved.
"""

from collections.abc import Iterator
from math import isqrt
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from cocnet.errors import InputError
from cocnet.networks.layers.local_filter import kernel_side, padded
from cocnet.networks.layers.second_order import gradients_with_graph
from cocnet.networks.layers.tiles import Tile


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
    side = kernel_side(within, kernels.shape[1] // images.shape[1], kernels)
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


def _taps(kernels: Tensor, images: int) -> Iterator[tuple[int, int, slice, slice]]:
    """Each tap with its image, and the rows and columns of that, padded, which it sees."""
    side, (height, width) = isqrt(kernels.shape[1] // images), kernels.shape[-2:]
    for tap in range(kernels.shape[1]):
        i, place = divmod(tap, side * side)
        y, x = divmod(place, side)
        yield tap, i, slice(y, y + height), slice(x, x + width)
