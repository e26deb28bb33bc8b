"""Pictures of any size in bounded memory: overlapping tiles, each the same as its part of the whole.

Enters: functions that read a window of the picture and write a finished one. Tiles with their margins begin on the
coarsest grid of the renderer, so that every scale sees the same pixels as in the whole. Their margins: one and a half
times the radius (blur, and what lies beside it at coarser scales), and as far as hidden background is carried in; and
all of a small light whose disc reaches in.
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
from cocnet.rendering.fragments import MAX_FILL_LEVELS, fill_levels
from cocnet.rendering.levels import groups
from cocnet.rendering.lights.discs import MAX_SIDE_PX
from cocnet.rendering.physical import PREVIEW_SCALE, PhysicalRenderer

ALIGN = 2**MAX_FILL_LEVELS  # px
# Of a tile with its margin, measured, without lights and with them
BYTES_PER_PIXEL, LIT_BYTES_PER_PIXEL = 200, 260
DEFAULT_MB = 1000
STEP = 128  # px, between the tiles that are tried
# Times the work of the picture: where tiles come to more, they may be twice or three times as large
MUCH = 2.5

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
    light. max_radius_px bounds the blur radius in the picture; max_mem_mb bounds what a tile needs (default 1000, up
    to 3000 where margins would be most of the work, or what tiles as large as their margins need). A renderer whose
    sharp_lights is False is taken to get no light above 1.0: its tiles have no margin for whole lights.
    on_progress(done, all) follows every
    tile. Raises InputError where the memory can't hold any tile.
    """
    bound = math.inf if renderer.max_radius_px is None else renderer.max_radius_px
    limit = min(max_radius_px, bound, float(max(height, width)))
    lateral = abs(renderer.lens.lateral_ca)
    shifted = lateral / (1 - lateral) * max(height, width) / 2
    lights = True if renderer.sharp_lights is None else renderer.sharp_lights
    whole = (MAX_SIDE_PX + 1) * (PREVIEW_SCALE if renderer.preview else 1) if lights else 0
    margin = math.ceil(max(1.5 * limit + min(2 * limit, 2**MAX_FILL_LEVELS) + 16, limit + whole) + shifted)
    align = max(2 ** fill_levels(limit), 2 * groups(limit)[-1].scale)
    renderer = dataclasses.replace(renderer, max_radius_px=limit, sharp_lights=lights)
    bytes_ = LIT_BYTES_PER_PIXEL if lights else BYTES_PER_PIXEL
    cores = _cores(height, width, margin, max_mem_mb, bytes_, align)
    windows = [(r, c) for r in _spans(height, cores[0]) for c in _spans(width, cores[1])]
    give_back_memory()
    for done, (rows, columns) in enumerate(windows):
        _render_window(renderer, rows, columns, (margin, align), (height, width), read, write)
        if on_progress is not None:
            on_progress(done + 1, len(windows))


def _render_window(
    renderer: PhysicalRenderer,
    rows: slice,
    columns: slice,
    margin: tuple[int, int],
    size: tuple[int, int],
    read: Read,
    write: Write,
) -> None:
    outer = [_grown(span, *margin, length) for span, length in zip((rows, columns), size, strict=True)]
    light, inverse = read(outer[0], outer[1])
    window = Window(outer[0].start, outer[1].start, *size)
    with torch.inference_mode():
        out = renderer.from_inverse_depth(light[None], inverse[None], window)[0]
    inner = [slice(a.start - b.start, a.stop - b.start) for a, b in zip((rows, columns), outer, strict=True)]
    write(rows, columns, out[:, inner[0], inner[1]])


def _aligned(length: float, align: int) -> int:
    return align * math.ceil(length / align)


def _cores(
    height: int,
    width: int,
    margin: int,
    max_mem_mb: int | None,
    bytes_per_pixel: int,
    align: int = ALIGN,
) -> tuple[int, int]:
    """Height and width of tiles without their margins, px: of those that the memory holds, what needs least work.

    Without a bound, a picture whose margins are too large for the default gets larger tiles, as large as its margins
    if need be. Raises InputError where the bound holds no tile.
    """
    across = _lengths(width, margin, align)
    tried = [
        (rows * columns, most_rows * most_columns, core_h, core_w)
        for core_h, rows, most_rows in _lengths(height, margin, align)
        for core_w, columns, most_columns in across
    ]
    budgets = (DEFAULT_MB, 2 * DEFAULT_MB, 3 * DEFAULT_MB) if max_mem_mb is None else (max_mem_mb,)
    for budget in budgets:
        held = [one for one in tried if one[1] * bytes_per_pixel <= budget * 1e6]
        if held and (max_mem_mb is not None or min(held)[0] <= MUCH * height * width):
            return min(held)[2:]
    if max_mem_mb is None:
        tall, wide = (min(_aligned(length, align), _aligned(margin, align)) for length in (height, width))
        work = sum(_outer(height, tall, margin, align)) * sum(_outer(width, wide, margin, align))
        return min([*held, (work, 0, tall, wide)])[2:]
    least = math.ceil(min(one[1] for one in tried) * bytes_per_pixel / 1e6)
    raise InputError(
        f"expected at least {least} MB for tiles with margins of {margin} px, got {max_mem_mb} MB, "
        f"try --max-mem {least}"
    )


def _lengths(length: int, margin: int, align: int) -> list[tuple[int, int, int]]:
    """Of tiles along an axis: without margins, all together and the longest with them."""
    step, found = min(align, STEP), []
    for core in range(step, _aligned(length, step) + 1, step):
        outer = _outer(length, core, margin, align)
        found.append((core, sum(outer), max(outer)))
    return found


def _outer(length: int, core: int, margin: int, align: int) -> list[int]:
    """Lengths of the tiles along an axis, with their margins as far as the picture goes."""
    spans = (_grown(span, margin, align, length) for span in _spans(length, core))
    return [span.stop - span.start for span in spans]


def _spans(length: int, core: int) -> Iterator[slice]:
    return (slice(start, min(start + core, length)) for start in range(0, length, core))


def _grown(span: slice, margin: int, align: int, length: int) -> slice:
    """With its margins; it begins on the grid."""
    start = max(0, span.start - margin) // align * align
    return slice(start, min(length, span.stop + margin))
