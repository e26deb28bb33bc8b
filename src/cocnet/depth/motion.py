"""Where what is seen now was in the frame before, by matching blocks from coarse to fine.

Enters: planes of the frame before whose first three are its picture, the picture now, both 0..1. Leaves: the planes
moved to where things are now, by whole pixels, so that their edges stay edges; how much of the picture is the same.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from cocnet.depth.refinement.windows import box

LEVELS = 4
_REACH, _FAR_REACH = 1, 3  # px of a level that a block may be off by; of the coarsest
_BLOCK = 3
_STILL = 2e-3  # what a move must be better by
_DIFFERENT = 0.04  # of the picture's range

Picture = Float[Tensor, "3 h w"]
Flow = Int64[Tensor, "2 h w"]


def moved(before: Float[Tensor, "c h w"], now: Picture) -> Float[Tensor, "c h w"]:
    """The planes of the frame before, each pixel from where its block was."""
    pyramid = [(before[:3], now)]
    while len(pyramid) < LEVELS and min(pyramid[-1][1].shape[-2:]) >= 32:
        pyramid.append(tuple(functional.avg_pool2d(x, 2, ceil_mode=True) for x in pyramid[-1]))  # type: ignore[arg-type]
    flow = torch.zeros((2, *pyramid[-1][1].shape[-2:]), dtype=torch.int64)
    for level in reversed(range(len(pyramid))):
        size = pyramid[level][1].shape[-2:]
        if flow.shape[-2:] != size:
            flow = functional.interpolate(flow[None].float(), size, mode="nearest")[0].long() * 2
        flow = _matched(*pyramid[level], flow, _FAR_REACH if level == len(pyramid) - 1 else _REACH)
    return _at(before, flow)


def unchanged(before: Picture, now: Picture) -> Float[Tensor, "h w"]:
    """1 where the picture is the same, towards 0 where it isn't: e^(−(r/σ)²) of the mean difference r of a block."""
    difference = box((before - now).abs().mean(0, keepdim=True), 2)[0]
    return torch.exp(-((difference / _DIFFERENT) ** 2))


def _matched(before: Picture, now: Picture, flow: Flow, reach: int) -> Flow:
    """The flow, changed by up to `reach` px each way where another block fits better."""
    best, found = _misfit(_at(before, flow), now), flow
    best = best - _STILL
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            if down or right:
                other = flow + torch.tensor([down, right])[:, None, None]
                misfit = _misfit(_at(before, other), now)
                better = misfit < best
                best = torch.where(better, misfit, best)
                found = torch.where(better, other, found)
    return found


def _misfit(before: Picture, now: Picture) -> Float[Tensor, "1 h w"]:
    return box((before - now).abs().mean(0, keepdim=True), _BLOCK)


def _at(planes: Float[Tensor, "c h w"], flow: Flow) -> Float[Tensor, "c h w"]:
    """Planes read at p + flow(p), at the border the nearest pixel."""
    height, width = planes.shape[-2:]
    rows = (torch.arange(height)[:, None] + flow[0]).clamp(0, height - 1)
    columns = (torch.arange(width)[None] + flow[1]).clamp(0, width - 1)
    return planes[:, rows, columns]
