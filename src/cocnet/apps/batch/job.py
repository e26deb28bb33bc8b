"""One photo of a batch, in a worker's process.

Enters: paths and options. Leaves: the picture with its settings beside it, and a small view of it.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cocnet.errors import CocnetWarning
from cocnet.pipeline.options import RenderOptions

VIEW_PX = 240


@dataclass(frozen=True, eq=False)
class Made:
    """What a worker tells of a picture: its file's bytes, notes for the user, the small view [h w 3] in 8 bit."""

    bytes: int
    notes: tuple[str, ...]
    view: Any


def render_one(photo: Path, depth: Path | None, options: RenderOptions, out: Path, quality: int) -> Made:
    """Render a photo to a file. Raises CocnetError."""
    from cocnet.pipeline.render_photo import render
    from cocnet.pipeline.result_files import check_outputs

    check_outputs(out, photo, depth)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CocnetWarning)
        result = render(photo, depth, options)
        result.save(out, quality)
    told = (str(one.message) for one in caught if issubclass(one.category, CocnetWarning))
    return Made(out.stat().st_size, (*result.settings.notes, *told), small_view(result.pixels))


def view_of(path: Path) -> Any:
    """The small view of a picture that lies there. Raises CocnetError."""
    from cocnet.imaging import read_photo

    return small_view(read_photo(path).pixels)


def small_view(pixels: Any) -> Any:
    """Pixels averaged to at most VIEW_PX a side, in 8 bit [h w 3]; small pictures as they are."""
    import numpy as np

    height, width = pixels.shape[:2]
    step = -(-max(height, width) // VIEW_PX)
    rows, columns = max(1, height // step), max(1, width // step)
    tall, wide = min(step, height), min(step, width)
    cut = pixels[: rows * tall, : columns * wide].reshape(rows, tall, columns, wide, 3)
    codes = cut.mean((1, 3), dtype=np.float32) / (257 if pixels.dtype == np.uint16 else 1)
    return np.rint(codes).astype(np.uint8)
