"""The renderer that the options ask for, kept for the photos that follow.

Enters: `RenderOptions`. Leaves: a `Renderer`.
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from cocnet.compute import check_device
from cocnet.pipeline.options import RenderOptions
from cocnet.renderers import HybridRenderer, Physical, Renderer, open_renderer
from cocnet.rendering import Highlights


def restores_lights(options: RenderOptions, renderer: Renderer) -> bool:
    """Whether lights are made as bright as they were before the blur, and not by a curve that was given."""
    return options.highlights == "auto" and isinstance(renderer, Physical | HybridRenderer)


def renderer_for(options: RenderOptions) -> Renderer:
    """The renderer that the options ask for. Raises InputError (a device that isn't there, too) or FileError."""
    if options.device != "cpu":
        check_device(options.device)
    lights = _highlights(options)
    name = options.model or ("physical-eq8" if options.mode == "eq8" else "physical")
    opened = _opened(name, _written(name), lights, options.preview, options.bfloat16, options.device)
    return replace(opened, sharp_lights=lights is not None) if isinstance(opened, Physical) else opened


@lru_cache(maxsize=4)
def _opened(
    name: str, written: int | None, highlights: Highlights | None, preview: bool, bfloat16: bool, device: str
) -> Renderer:
    """A renderer, kept for the photos that follow until its weight file changes."""
    return open_renderer(name, highlights=highlights, preview=preview, bfloat16=bfloat16, device=device)


def _written(name: str) -> int | None:
    path = Path(name)
    return path.stat().st_mtime_ns if path.suffix and path.is_file() else None


def _highlights(options: RenderOptions) -> Highlights | None:
    """The curve that raises everything bright before the blur, where its threshold and gain are given."""
    if isinstance(options.highlights, str):
        return None
    threshold, gain = options.highlights
    return Highlights(threshold=threshold, gain=gain)
