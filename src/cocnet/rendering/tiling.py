"""Pictures of any size in bounded memory: overlapping tiles, each the same as its part of the whole.

Enters: functions that read a window of the picture and write a finished one. Tiles and margins are aligned to the
coarsest grid of the renderer, so that every scale sees the same pixels as in the whole.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.errors import InputError
from cocnet.rendering.fields import Window
from cocnet.rendering.fragments import MAX_FILL_LEVELS
from cocnet.rendering.physical import PhysicalRenderer

ALIGN = 2**MAX_FILL_LEVELS // 2  # px
BYTES_PER_PIXEL = 340  # of a tile with its margin, measured
DEFAULT_MB = 1200

Read = Callable[[slice, slice], tuple[Float[Tensor, "3 h w"], Float[Tensor, "1 h w"]]]
Write = Callable[[slice, slice, Float[Tensor, "3 h w"]], None]


def render_tiled(
    renderer: PhysicalRenderer,
    height: int,
    width: int,
    read: Read,
    write: Write,
    max_radius_px: float,
    max_mem_mb: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Render a picture of height × width px tile by tile.

    read(rows, columns) gives scene-linear light and inverse depth (1/m) of a window, write takes its finished
    light. max_radius_px bounds the blur radius in the picture; max_mem_mb bounds what a tile needs
    (default 1200, or what the smallest tile needs). on_progress(done, all) follows every
    tile. Raises InputError where the memory can't hold any tile.
    """
    limit = min(max_radius_px, float(max(height, width)))
    margin = _aligned(3 * limit + 16)
    core = _core(height, width, margin, max_mem_mb)
    lights = True if renderer.sharp_lights is None else renderer.sharp_lights
    renderer = dataclasses.replace(renderer, max_radius_px=max(limit, 1e-3), sharp_lights=lights)
    windows = [(r, c) for r in _spans(height, core) for c in _spans(width, core)]
    for done, (rows, columns) in enumerate(windows):
        outer = [_grown(rows, margin, height), _grown(columns, margin, width)]
        light, inverse = read(outer[0], outer[1])
        window = Window(outer[0].start, outer[1].start, height, width)
        with torch.inference_mode():
            out = renderer.from_inverse_depth(light[None], inverse[None], window)[0]
        inner = [
            slice(a.start - b.start, a.stop - b.start) for a, b in zip((rows, columns), outer, strict=True)
        ]
        write(rows, columns, out[:, inner[0], inner[1]])
        if on_progress is not None:
            on_progress(done + 1, len(windows))


def _aligned(length: float) -> int:
    return ALIGN * math.ceil(length / ALIGN)


def _core(height: int, width: int, margin: int, max_mem_mb: int | None) -> int:
    """The side of a tile without its margin, px; the whole picture where that fits."""
    most = _aligned(max(height, width))

    def needed_mb(core: int) -> float:
        return min(height, core + 2 * margin) * min(width, core + 2 * margin) * BYTES_PER_PIXEL / 1e6

    fitting = [
        core for core in range(ALIGN, most + 1, ALIGN) if needed_mb(core) <= (max_mem_mb or DEFAULT_MB)
    ]
    if fitting:
        return fitting[-1]
    if max_mem_mb is None:
        return min(most, _aligned(margin))
    least = math.ceil(needed_mb(ALIGN))
    raise InputError(
        f"expected at least {least} MB for tiles with margins of {margin} px, got {max_mem_mb} MB, "
        f"try --max-mem {least}"
    )


def _spans(length: int, core: int) -> Iterator[slice]:
    return (slice(start, min(start + core, length)) for start in range(0, length, core))


def _grown(span: slice, margin: int, length: int) -> slice:
    return slice(max(0, span.start - margin), min(length, span.stop + margin))
