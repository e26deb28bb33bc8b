"""Any renderer over a picture of any size: in tiles where it can, else whole.

Enters: a renderer, its lens, functions that read a window of the picture and write a finished one. Leaves: the
written windows. Only the physical renderer is local; a network's norms need the whole picture, and it works in
strips or tiles of its own.
"""

from collections.abc import Callable

import torch

from cocnet.optics import ThinLens
from cocnet.renderers.network import followed
from cocnet.renderers.physical_model import Physical
from cocnet.renderers.protocol import Renderer
from cocnet.rendering.tiling import Read, Write, render_tiled

WRITTEN_ROWS = 256  # at a time, of what was rendered whole


def render_windows(
    renderer: Renderer,
    lens: ThinLens,
    height: int,
    width: int,
    read: Read,
    write: Write,
    max_radius_px: float,
    max_mem_mb: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Render a picture of height × width px without gradients; arguments and errors as `rendering.render_tiled`."""
    if isinstance(renderer, Physical):
        local = renderer.at(lens, width)
        render_tiled(local, height, width, read, write, max_radius_px, max_mem_mb, on_progress)
        return
    columns = slice(0, width)
    with torch.inference_mode(), followed(renderer, on_progress):
        light, inverse = (part[None] for part in read(slice(0, height), columns))
        made = renderer.render(light, inverse, lens)[0]
        del light, inverse
        for top in range(0, height, WRITTEN_ROWS):
            rows = slice(top, min(top + WRITTEN_ROWS, height))
            write(rows, columns, made[:, rows])
