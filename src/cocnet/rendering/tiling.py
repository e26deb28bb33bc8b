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

from cocnet.compute import give_back_memory
from cocnet.errors import InputError
from cocnet.rendering.fields import Window
from cocnet.rendering.fragments import MAX_FILL_LEVELS
from cocnet.rendering.physical import PhysicalRenderer

ALIGN = 2**MAX_FILL_LEVELS // 2  # px
BYTES_PER_PIXEL, LIT_BYTES_PER_PIXEL = (
    200,
    260,
)  # of a tile with its margin, measured, without lights and with them
DEFAULT_MB = 1000

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
    (default 1000, or what the smallest tile needs). on_progress(done, all) follows every
    tile. Raises InputError where the memory can't hold any tile.
    """
    limit = min(max_radius_px, float(max(height, width)))
    margin = _aligned(3 * limit + 16)
    lights = True if renderer.sharp_lights is None else renderer.sharp_lights
    renderer = dataclasses.replace(renderer, max_radius_px=max(limit, 1e-3), sharp_lights=lights)
    cores = _cores(height, width, margin, max_mem_mb, LIT_BYTES_PER_PIXEL if lights else BYTES_PER_PIXEL)
    windows = [(r, c) for r in _spans(height, cores[0]) for c in _spans(width, cores[1])]
    give_back_memory()
    for done, (rows, columns) in enumerate(windows):
        _render_window(renderer, rows, columns, margin, (height, width), read, write)
        if on_progress is not None:
            on_progress(done + 1, len(windows))


def _render_window(
    renderer: PhysicalRenderer,
    rows: slice,
    columns: slice,
    margin: int,
    size: tuple[int, int],
    read: Read,
    write: Write,
) -> None:
    outer = [_grown(span, margin, length) for span, length in zip((rows, columns), size, strict=True)]
    light, inverse = read(outer[0], outer[1])
    window = Window(outer[0].start, outer[1].start, *size)
    with torch.inference_mode():
        out = renderer.from_inverse_depth(light[None], inverse[None], window)[0]
    inner = [slice(a.start - b.start, a.stop - b.start) for a, b in zip((rows, columns), outer, strict=True)]
    write(rows, columns, out[:, inner[0], inner[1]])


def _aligned(length: float) -> int:
    return ALIGN * math.ceil(length / ALIGN)


def _cores(
    height: int, width: int, margin: int, max_mem_mb: int | None, bytes_per_pixel: int
) -> tuple[int, int]:
    """Height and width of tiles without their margins, px: of those that the memory holds, what needs least work.

    Without a bound, a picture whose margins are too large for the default gets tiles as large as its margins.
    Raises InputError where the bound holds no tile.
    """
    most_px = (max_mem_mb or DEFAULT_MB) * 1e6 / bytes_per_pixel
    tried = [
        (sum(_outer(height, core_h, margin)) * sum(_outer(width, core_w, margin)), core_h, core_w)
        for core_h in range(ALIGN, _aligned(height) + 1, ALIGN)
        for core_w in range(ALIGN, _aligned(width) + 1, ALIGN)
        if max(_outer(height, core_h, margin)) * max(_outer(width, core_w, margin)) <= most_px
    ]
    if tried:
        return min(tried)[1:]
    if max_mem_mb is None:
        return min(_aligned(height), _aligned(margin)), min(_aligned(width), _aligned(margin))
    least = math.ceil(
        max(_outer(height, ALIGN, margin)) * max(_outer(width, ALIGN, margin)) * bytes_per_pixel / 1e6
    )
    raise InputError(
        f"expected at least {least} MB for tiles with margins of {margin} px, got {max_mem_mb} MB, "
        f"try --max-mem {least}"
    )


def _outer(length: int, core: int, margin: int) -> list[int]:
    """Lengths of the tiles along an axis, with their margins as far as the picture goes."""
    spans = (_grown(span, margin, length) for span in _spans(length, core))
    return [span.stop - span.start for span in spans]


def _spans(length: int, core: int) -> Iterator[slice]:
    return (slice(start, min(start + core, length)) for start in range(0, length, core))


def _grown(span: slice, margin: int, length: int) -> slice:
    return slice(max(0, span.start - margin), min(length, span.stop + margin))
