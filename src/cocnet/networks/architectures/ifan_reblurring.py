"""IFAN's training: the network that blurs the sharp picture again, and the three terms of the loss.

Enters: an `IFAN`, blurred pictures, the sharp ones, and the two views of a dual-pixel sensor where
there are any. Leaves: MSE(out, sharp) + MSE(right view moved by the disparity, left) + MSE(sharp reblurred, blurred);
another error may stand in place of the first and the last.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cocnet.networks.architectures.ifan import IFAN, ITERATIONS, Trunk, adapted, filter_channels

SCALE = 8
COLOURS = 3

Error = Callable[[Tensor, Tensor, Tensor], Tensor]
"""What is wrong with a picture: (the picture, what it should be, what it was made of)."""


class Reblurring(nn.Module):
    """Predicts filters that blur the sharp picture, at 1/8 of the size, from those that deblurred (`filters`
    channels); thrown away after the training."""

    def __init__(self, filters: int, width: int) -> None:
        super().__init__()
        self.trunk = Trunk(width, filter_channels(COLOURS, ITERATIONS), before=filters)

    def forward(
        self, sharp: Float[Tensor, "b 3 h8 w8"], filters: Float[Tensor, "b k h8 w8"]
    ) -> Float[Tensor, "b 3 h8 w8"]:
        return sharp + adapted(sharp, self.trunk(filters), activated=False)


class Terms(NamedTuple):
    """The loss's parts; `disparity` is None where no picture of the batch has two views."""

    sharp: Tensor
    disparity: Tensor | None
    reblurred: Tensor

    def total(self) -> Tensor:
        """Their sum, of equal weights."""
        known = self.sharp + self.reblurred
        return known if self.disparity is None else known + self.disparity


def ifan_loss(
    model: IFAN,
    reblurring: Reblurring,
    blurred: Float[Tensor, "b 3 h w"],
    sharp: Float[Tensor, "b 3 h w"],
    views: Float[Tensor, "b 2 3 h w"] | None = None,
    has_views: Tensor | None = None,
    error: Error = lambda ours, target, _: functional.mse_loss(ours, target),
) -> Terms:
    """IFAN's loss. views: left and right; has_views [b] says which pictures have them [all, if views are given]. The
    disparity is found in the right view alone."""
    found = model.found(blurred)
    small_sharp, small_blurred = shrunk(sharp), shrunk(blurred)
    reblurred = error(reblurring(small_sharp, found.filters).float(), small_blurred, small_sharp)
    disparity = None
    if views is not None:
        seen = torch.ones(len(views)) if has_views is None else has_views
        left, right = views[seen.bool().to(views.device)].unbind(1)
        if len(left):
            moved = moved_across(shrunk(right), model.disparity_of(right))
            disparity = functional.mse_loss(moved, shrunk(left))
    return Terms(error(found.image.float(), sharp, blurred), disparity, reblurred)


def shrunk(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h8 w8"]:
    """1/8 of the size: means of squares."""
    return functional.avg_pool2d(x, SCALE)


def moved_across(
    x: Float[Tensor, "b c h w"], disparity: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b c h w"]:
    """Each pixel read `disparity` px to its right; edges repeat."""
    height, width = x.shape[-2:]
    rows = (torch.arange(height, device=x.device, dtype=x.dtype) * 2 + 1) / height - 1
    columns = torch.arange(width, device=x.device, dtype=x.dtype) * 2 + 1
    across = (columns + 2 * disparity[:, 0]) / width - 1
    grid = torch.stack([across, rows[:, None].expand_as(across)], -1)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
