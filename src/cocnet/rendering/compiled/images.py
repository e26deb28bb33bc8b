"""The compiled halves of the renderer, and the ends of a preview, for batches.

Enters: as `fragments.fragments` and `layers.composite`. Leaves: the same within 1e-5.
"""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Float32, Int32, UInt8
from torch import Tensor

from cocnet.rendering.compiled.codes import codes
from cocnet.rendering.compiled.composition import composed
from cocnet.rendering.compiled.in_place import layers_of
from cocnet.rendering.compiled.jit import bands, in_threads
from cocnet.rendering.compiled.scale import detailed, halve
from cocnet.rendering.compiled.split_gradients import graded_split
from cocnet.rendering.compiled.splitting import one_split
from cocnet.rendering.compiled.steps import graded
from cocnet.rendering.fragments import Fragments
from cocnet.rendering.layers import Kernel
from cocnet.rendering.levels import LINEAR


def split(
    image: Float[Tensor, "b c h w"], x: Float[Tensor, "b 1 h w"], max_radius_px: float | None = None
) -> Fragments:
    """Each pixel of pictures parted into what is in front and what is behind, as `fragments.fragments` does."""
    reach = float(x.detach().abs().max()) if max_radius_px is None else max_radius_px
    one = graded_split if graded(image, x) else one_split
    found = [one(*pair, reach) for pair in zip(image.split(1), x.split(1), strict=True)]
    return found[0] if len(found) == 1 else Fragments(*(torch.cat(part) for part in zip(*found, strict=True)))


def picture(
    parts: Fragments, max_radius_px: float, kernel: Kernel, fine_layers: int = LINEAR
) -> Float[Tensor, "b c h w"]:
    """The pictures through the lens, made of their parts as `layers.composite` does."""
    each = zip(*(part.split(1) for part in parts), strict=True)
    layers = cache(lambda group, side: layers_of(group, side, kernel))
    found = [composed(Fragments(*own), max_radius_px, layers, fine_layers) for own in each]
    return found[0] if len(found) == 1 else torch.cat(found)


def half_size(t: Float[Tensor, "b c h w"], factor: float = 1.0) -> Float[Tensor, "b c h2 w2"]:
    """Means over 2 × 2 px, times a factor."""
    b, c, height, width = t.shape
    out = torch.empty(b, c, -(-height // 2), -(-width // 2))
    for one, made in zip(t.contiguous().numpy(), out.numpy(), strict=True):
        in_threads(lambda a, b: halve(one, np.float32(factor), a, b, made), bands(out.shape[2]))  # noqa: B023
    return out


def detail_back(
    image: Float[Tensor, "b c h w"],
    x: Float[Tensor, "b 1 h w"],
    small: Float[Tensor, "b c h2 w2"],
    blurred: Float[Tensor, "b c h2 w2"],
) -> Float[Tensor, "b c h w"]:
    """The end of a preview: what is blurred at half size, with the detail of what is in focus."""
    out = torch.empty(image.shape)
    pictures = [t.contiguous().numpy() for t in (image, x[:, 0], small, blurred, out)]
    for one in zip(*pictures, strict=True):
        in_threads(lambda a, b: detailed(*one[:4], a, b, one[4]), bands(image.shape[2]))  # noqa: B023
    return out


def codes_of(
    light: Float[Tensor, "3 h w"],
    first: Int32[Tensor, "3 cells"],
    next_bound: Float32[Tensor, "3 cells"],
) -> UInt8[np.ndarray, "h w 3"]:
    """8-bit codes of linear light: each even cell from 0 to 1 has its first code and where the next one begins."""
    planes, out = light.contiguous().numpy(), np.empty((*light.shape[1:], 3), np.uint8)
    tables = first.to(torch.uint8).numpy(), next_bound.numpy()
    in_threads(lambda a, b: codes(planes, *tables, a, b, out), bands(len(out)))
    return out


@torch.inference_mode()
def warm() -> None:
    """Render a small scene that needs every loop."""
    x = torch.full((1, 1, 48, 48), 12.0)
    x[..., 12:36, 12:36] = -12.0
    image = torch.rand(1, 3, 48, 48)
    split(image[:, :1], x)
    blurred = picture(split(image, x), 12.0, lambda radius, scale: torch.ones(3, 3) / 9)
    seen = detail_back(image, x, half_size(image), half_size(blurred))
    codes_of(seen[0], torch.zeros(3, 5, dtype=torch.int32), torch.ones(3, 5))
