"""The fragments of one image with a way back.

Enters: an image and the signed radius of its circle of confusion (px, + behind the focus). Leaves: fragments, with
the gradients that `fragments.fragments` has. Gradients of gradients need the reference (COCNET_COMPILED=0).
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.rendering import fragments as plain
from cocnet.rendering import matting
from cocnet.rendering.compiled.bilinear import double_backward
from cocnet.rendering.compiled.hidden_backward import hide_backward, pull_backward, push_backward
from cocnet.rendering.compiled.in_place import Array
from cocnet.rendering.compiled.jit import bands, in_threads
from cocnet.rendering.compiled.mixture_backward import (
    again_backward,
    again_told,
    begin_backward,
    begin_told,
    ends_told,
)
from cocnet.rendering.compiled.neighbours import REACH
from cocnet.rendering.compiled.splitting import FALLS, Band, Carried, chunks_of, rim_of, split_at, unsplit
from cocnet.rendering.compiled.step_gradients import first_only


def graded_split(
    image: Float[Tensor, "1 c h w"], x: Float[Tensor, "1 1 h w"], max_radius_px: float
) -> plain.Fragments:
    """Each pixel of one picture parted into what is in front and what is behind, with gradients."""
    rim = rim_of(image, x)
    if not rim.any():
        return unsplit(image, x)
    return plain.Fragments(*_Split.apply(image, x, rim, max_radius_px))


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, x: Tensor, rim: Array, max_radius_px: float) -> plain.Fragments:
        parts, ctx.band, ctx.carried = split_at(image, x, rim, max_radius_px)
        ctx.save_for_backward(image, x)
        of_image, of_x = ctx.needs_input_grad[:2]
        constant = ([] if of_image else [parts.front, parts.back]) + (
            [] if of_x else [parts.x_front, parts.x_back]
        )
        ctx.mark_non_differentiable(*constant, parts.x_last)
        return parts

    @staticmethod
    def backward(
        ctx: Any, g_front: Tensor, g_x_front: Tensor, g_back: Tensor, g_x_back: Tensor, _: Tensor
    ) -> tuple[Tensor | None, Tensor | None, None, None]:
        """Gradients of the photo and of x from those of the four parts."""
        """Gradients of the photo and of x from those of the four parts."""
        first_only()
        image, x = (t.detach().contiguous() for t in ctx.saved_tensors)
        of_image, of_x = ctx.needs_input_grad[:2]
        band: Band = ctx.band
        behind = torch.cat([g_x_back[0], g_back[0, :-1]]) if of_image else g_x_back[0].clone()
        at_band = behind.flatten(1).index_select(1, band.places)
        own = image[0].flatten(1).index_select(1, band.places)
        made = matting.exact(own, band.matte())
        at_band += _uncarried(behind.contiguous().numpy(), ctx.carried, band, made)
        g_image = g_x = None
        if of_x:
            ahead = g_x_front.flatten().index_select(0, band.places)
            g_x = g_x_front + g_x_back * ~torch.from_numpy(ctx.carried.taken)
            _ends_back(image, x, band, made, torch.stack([ahead, at_band[0]]), g_x)
        if of_image:
            g_image = g_front[:, :-1].clone(memory_format=torch.contiguous_format)
            ahead = g_front[0].flatten(1).index_select(1, band.places)
            g_image[0].flatten(1).index_fill_(1, band.places, 0)
            _mixture_back(image, x, band, ahead, at_band[1:], g_image)
        return g_image, g_x, None, None


def _uncarried(
    g: Float[Array, "m h w"], carried: Carried, band: Band, made: matting.Matte
) -> Float[Tensor, "m p"]:
    """What the band gets of the gradients of what lies behind, which are changed in place."""
    height, width = carried.taken.shape
    in_threads(lambda a, b: hide_backward(carried.taken, carried.have[0], a, b, g), bands(height))
    sums, fine, least = [], g, np.float32(plain.EMPTY)
    for weights, coarser in zip(
        carried.weights, [*carried.have[1:], np.zeros((0, 0), np.float32)], strict=True
    ):
        means, own = np.empty((2, len(g), *weights.shape), np.float32)
        in_threads(lambda a, b: double_backward(fine, a, b, means), bands(len(weights)))  # noqa: B023
        in_threads(lambda a, b: push_backward(weights, coarser, least, a, b, means, own), bands(len(weights)))  # noqa: B023
        sums.append(own)
        fine = means
    for coarse, finer in zip(sums[:0:-1], sums[-2::-1], strict=True):
        in_threads(lambda a, b: pull_backward(coarse, a, b, finer), bands(finer.shape[1]))  # noqa: B023
    weight = 1 / (1 + (made.far.amax(0) / plain.DAZZLING).square())
    for place, size in ((band.rows, height), (band.columns, width)):
        weight = weight * torch.from_numpy(1.0 + ((place == size - 1) & (size % 2 == 1))).float()
    return torch.from_numpy(sums[0][:, band.rows // 2, band.columns // 2]) * weight


def _ends_back(
    image: Tensor, x: Tensor, band: Band, made: matting.Matte, g_sides: Float[Tensor, "2 p"], g_x: Tensor
) -> None:
    """Complete the gradient of x in the band and beside it, from that of both sides' x: as in `fragments.sides`."""
    radius = x.flatten().index_select(0, band.places)
    with torch.enable_grad():
        own, ends = radius.requires_grad_(), torch.stack(made[3:]).requires_grad_()
        found = plain.sides(own, made._replace(x_near=ends[0], x_far=ends[1]))
        g_own, g_ends = torch.autograd.grad(torch.stack(found), (own, ends), g_sides)
    g_x.flatten().index_copy_(0, band.places, g_own)
    about = band.about(image[0].numpy(), x[0, 0].numpy())
    ends_of, into = g_ends.T.contiguous().numpy(), g_x[0, 0].numpy()
    in_threads(
        lambda p, q, a, b: ends_told(about, FALLS[0], ends_of, p, q, a, b, into), _beside(band, len(into))
    )


def _mixture_back(
    image: Tensor,
    x: Tensor,
    band: Band,
    g_front: Float[Tensor, "d p"],
    g_far: Float[Tensor, "c p"],
    g_image: Float[Tensor, "1 c h w"],
) -> None:
    """Add to the gradient of the photo what the band's pixels were made of: as in `matting.matte`."""
    c, p = g_far.shape
    g_own, g_found = _exact_back(image[0].flatten(1).index_select(1, band.places), band, g_front, g_far)
    about = band.about(image[0].numpy(), x[0, 0].numpy())
    into, g = g_image[0].numpy(), np.ascontiguousarray(g_found.numpy().T)
    spread, rest = np.zeros((p, 2, c, c), np.float32), np.zeros((p, 3, c), np.float32)
    rest[:, 0] = g_own.numpy().T
    chunks, beside = chunks_of(p), _beside(band, into.shape[1])
    for old in band.rounds[-2::-1]:
        told, before = np.empty((p, 2, c + 1), np.float32), np.zeros_like(g)
        way = (about, FALLS[2], band.facts)
        in_threads(lambda a, b: again_backward(*way, a, b, old, g, told, before, spread, rest), chunks)  # noqa: B023
        in_threads(lambda *at: again_told(about, FALLS[2], old, told, *at, before, into), beside)  # noqa: B023
        g = before
    told = np.empty((p, 2, 2 * c), np.float32)
    way = (about, FALLS[:2], band.facts)
    in_threads(lambda a, b: begin_backward(*way, a, b, g, told, spread, rest), chunks)
    in_threads(lambda *at: begin_told(*way, told, spread, rest, *at, into), beside)


def _exact_back(
    own: Float[Tensor, "c p"], band: Band, g_front: Float[Tensor, "d p"], g_far: Float[Tensor, "c p"]
) -> tuple[Float[Tensor, "c p"], Float[Tensor, "e p"]]:
    """Back through `matting.exact`: gradients of the pixels' own light, and of α and both colours."""
    found = band.matte()
    with torch.enable_grad():
        inputs = [t.detach().requires_grad_() for t in (own, found.alpha, found.near, found.far)]
        made = matting.exact(inputs[0], found._replace(alpha=inputs[1], near=inputs[2], far=inputs[3]))
        front = torch.cat([made.near * made.alpha, made.alpha[None]])
        g_own, alpha, near, far = torch.autograd.grad((front, made.far), inputs, (g_front, g_far))
    return g_own, torch.cat([alpha[None], near, far])


def _beside(band: Band, height: int) -> list[tuple[int, int, int, int]]:
    """Bands of rows, each with the first and the end of the band's pixels whose windows reach into it."""
    rows = bands(height)
    first = np.searchsorted(band.rows, [a - REACH for a, _ in rows])
    end = np.searchsorted(band.rows, [b + REACH for _, b in rows])
    return [(f, e, a, b) for f, e, (a, b) in zip(first.tolist(), end.tolist(), rows, strict=True) if f < e]
