"""Image + inverse depth + lens → bokeh."""

from cocnet.rendering.highlights import Highlights
from cocnet.rendering.physical import PhysicalRenderer
from cocnet.rendering.tiling import render_tiled

__all__ = ["Highlights", "PhysicalRenderer", "render_tiled"]
