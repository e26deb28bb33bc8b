"""What changes over the field of view: the cat's eye towards the corners, the colours' magnification.

Enters: a picture or a window of one. Positions (x, y) are measured from the whole picture's middle, in units of
the distance to its corner.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.rendering.fragments import Fragments
from cocnet.rendering.levels import groups

CELLS = 6  # along the longer side: each has its own kernels, blended into the next


@dataclass(frozen=True)
class Window:
    """Where a piece of a picture lies (px): its top left, and the whole's height and width."""

    top: int
    left: int
    height: int
    width: int

    @staticmethod
    def of(image: Float[Tensor, "b c h w"]) -> "Window":
        """The window that is the whole picture."""
        return Window(0, 0, int(image.shape[-2]), int(image.shape[-1]))

    def smaller(self, scale: int) -> "Window":
        """The same in pixels that are `scale` times as large."""
        return Window(
            self.top // scale, self.left // scale, -(-self.height // scale), -(-self.width // scale)
        )


def over_fields(
    parts: Fragments,
    window: Window,
    reach_px: float,
    render: Callable[[Fragments, tuple[float, float]], Float[Tensor, "b c h w"]],
) -> Float[Tensor, "b c h w"]:
    """Render each cell of the field with its own kernels and blend them linearly between the cells' middles."""
    height, width = parts.front.shape[-2:]
    side = max(window.height, window.width) / CELLS
    coarsest = groups(reach_px)[-1].scale
    margin = coarsest * math.ceil((2 * reach_px + 8) / coarsest)
    out = parts.front.new_zeros(parts.front.shape[0], parts.front.shape[1] - 1, height, width)
    for y, share_y in _cells(window.top, height, window.height, side):
        for x, share_x in _cells(window.left, width, window.width, side):
            share = share_y[:, None] * share_x
            rows, columns = _support(share_y), _support(share_x)
            taken = [_grown(rows, margin, coarsest, height), _grown(columns, margin, coarsest, width)]
            cut = Fragments(*(part[..., taken[0], taken[1]] for part in parts))
            corner = math.hypot(window.height, window.width) / 2
            place = ((x - window.width / 2) / corner, (y - window.height / 2) / corner)
            weight = share[taken[0], taken[1]].to(out)
            out[..., taken[0], taken[1]] = out[..., taken[0], taken[1]] + weight * render(cut, place)
    return out


def _cells(start: int, length: int, whole: int, side: float) -> list[tuple[float, Float[Tensor, " n"]]]:
    """Middles of the cells along one axis of the whole picture, and their hats over the window's pixels."""
    count = max(1, math.ceil(whole / side - 1e-6))
    pitch = whole / count
    at = torch.arange(start, start + length, dtype=torch.float64) + 0.5
    found = []
    for i in range(count):
        middle = (i + 0.5) * pitch
        held = at.clamp(0.5 * pitch, whole - 0.5 * pitch)
        hat = (1 - (held - middle).abs() / pitch).clamp(min=0)
        if bool(hat.any()):
            found.append((middle, hat))
    return found


def _support(share: Float[Tensor, " n"]) -> tuple[int, int]:
    used = share.nonzero().flatten()
    return int(used[0]), int(used[-1]) + 1


def _grown(span: tuple[int, int], margin: int, coarsest: int, length: int) -> slice:
    """The span with its margin, aligned so that the coarsest scale sees the same pixels as in the whole."""
    return slice(max(0, span[0] // coarsest * coarsest - margin), min(length, span[1] + margin))


def magnified(image: Float[Tensor, "b 3 h w"], lateral_ca: float, window: Window) -> Float[Tensor, "b 3 h w"]:
    """Lateral chromatic aberration: red enlarged by 1 + lateral_ca about the whole's middle, blue reduced."""
    height, width = image.shape[-2:]
    rows = torch.arange(height, dtype=image.dtype, device=image.device) + 0.5 + window.top - window.height / 2
    columns = (
        torch.arange(width, dtype=image.dtype, device=image.device) + 0.5 + window.left - window.width / 2
    )
    done = []
    for channel, scale in enumerate((1 + lateral_ca, 1.0, 1 - lateral_ca)):
        y = (rows / scale + window.height / 2 - window.top) / height * 2 - 1
        x = (columns / scale + window.width / 2 - window.left) / width * 2 - 1
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).expand(image.shape[0], -1, -1, -1)
        colour = image[:, channel : channel + 1]
        done.append(
            colour
            if scale == 1
            else functional.grid_sample(colour, grid, padding_mode="border", align_corners=False)
        )
    return torch.cat(done, 1)
