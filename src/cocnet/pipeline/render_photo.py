"""Photo + depth + choices → bokeh photo: the one road that the command line, the web and batches share.

Enters: a photo (path, `Photo`, display-referred array) and depth (path, `DepthMap`, metres, or the photo's
own). Leaves: pixels of the photo's own type with the settings that made them. Inside, light is linear, and
only a tile of the photo at a time is held as floats.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from cocnet import __version__
from cocnet.depth import Estimator
from cocnet.imaging import DepthMap, Photo, as_photo
from cocnet.imaging.photo.limits import budget_bytes
from cocnet.optics import ThinLens
from cocnet.pipeline.blur_note import blur_note
from cocnet.pipeline.camera import Camera, choose_camera
from cocnet.pipeline.deblur_options import DeblurOptions
from cocnet.pipeline.deblur_photo import deblur
from cocnet.pipeline.depth_source import find_depth, find_subject, flat_depth, inverse_depth_of
from cocnet.pipeline.finish import Grain, finish
from cocnet.pipeline.focus import choose_focus_m
from cocnet.pipeline.options import RenderOptions, RenderSettings, Resolved
from cocnet.pipeline.options_ignored import ignored_by
from cocnet.pipeline.result_files import save_with_settings
from cocnet.renderers import HybridRenderer, Physical, Renderer, open_renderer, render_windows
from cocnet.rendering import Highlights
from cocnet.rendering.lights import Lights, find_lights

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Plan:
    """A photo with its inverse depth (1/m, of its size), its lens, its renderer, and the settings behind them."""

    photo: Photo
    inverse_depth: Float32[np.ndarray, "h w"]
    lens: ThinLens
    settings: RenderSettings
    renderer: Renderer


@dataclass(frozen=True, eq=False)
class PhotoDepth:
    """The depth of a photo as it was found, as inverse depth (1/m) of the photo's size, and what to know of it."""

    depth: DepthMap
    inverse: Float32[np.ndarray, "h w"]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RenderResult:
    """Display-referred pixels of the photo's own type and size, the settings, and the photo they are of."""

    pixels: Shaped[np.ndarray, "h w 3"]
    settings: RenderSettings
    photo: Photo

    def save(self, path: str | Path | BinaryIO, quality: int = 95) -> Path | None:
        """Write the photo with its profile, EXIF, alpha, and the settings to `path`.json, which is returned.

        Both appear whole or not at all; a file object gets a PNG without settings. Raises FileError (unknown suffix,
        output = input, link, full disk).
        """
        return save_with_settings(path, self.pixels, self.settings, self.photo, quality)


def render(
    photo: str | Path | bytes | BinaryIO | Photo | Any,
    depth: str | Path | BinaryIO | DepthMap | Estimator | Any = None,
    options: RenderOptions | None = None,
    *,
    on_progress: Progress | None = None,
    **changes: Any,
) -> RenderResult:
    """Render a photo with the blur of a lens, as the full-frame camera of the same field of view takes it.

    photo: a path, bytes, a file object, a Pillow picture, or display-referred sRGB: an array [h w 3], a tensor
    [3 h w] of uint8, uint16, or floats in 0..1 (kept at 16 bit). depth: a path, a file object, a callable (an
    estimator), or an array [h w] of metres unless `depth_kind` says otherwise; None takes the photo's own, else
    estimates. `changes` are `RenderOptions`: `render("photo.jpg", f_number=2, focus_point=(0.4, 0.6))`.
    Raises InputError, FileError, DepthError, MissingExtraError.
    """
    plan = prepare(photo, depth, (options or RenderOptions()).changed(**changes))
    return RenderResult(_render_pixels(plan, on_progress), plan.settings, plan.photo)


def prepare(photo: Any, depth: Any, options: RenderOptions) -> Plan:
    """Read and resolve everything but the picture; arguments and errors as `render`."""
    renderer = _renderer_for(options)
    picture = as_photo(photo, budget_bytes(options.max_mem_mb))
    if options.deblur_first:
        picture = deblur(picture, DeblurOptions(options.deblur_model, bfloat16=options.bfloat16)).sharpened()
    camera = choose_camera(picture, options)
    if "depth" in renderer.reads:
        found = find_depth(depth, picture, options, camera.known_focal_px(picture.width))
        subject = find_subject(picture, options)
    else:
        found, subject = flat_depth(picture, f"not read by {renderer.name}"), None
    given, inverse = found.depth, inverse_depth_of(found, picture, options)
    focus = choose_focus_m(inverse, options, subject)
    lens = make_lens(camera, focus, options)
    settings = RenderSettings(
        version=__version__,
        photo=None if picture.path is None else str(picture.path),
        width=picture.width,
        height=picture.height,
        depth_source=given.source,
        depth_kind=given.kind,
        nearest_m=1.0 / float(inverse.max()),
        farthest_m=1.0 / float(inverse.min()),
        focal_length_mm=camera.focal_length_mm,
        sensor_width_mm=camera.sensor_width_mm,
        f_number=camera.f_number,
        focus_m=focus,
        largest_blur_radius_px=largest_radius_px(lens, inverse, picture.width),
        options=options,
        notes=camera.notes + found.notes + ignored_by(renderer, options),
    )
    settings = replace(settings, notes=settings.notes + blur_note(settings, renderer))
    return Plan(picture, inverse, lens, settings, renderer)


def depth_of(photo: Any, options: RenderOptions | None = None) -> PhotoDepth:
    """The depth that `render` would take for a photo, as found and as inverse depth (1/m) of its size.

    Arguments and errors as `render`.
    """
    chosen = options or RenderOptions()
    picture = as_photo(photo, budget_bytes(chosen.max_mem_mb))
    camera = choose_camera(picture, chosen)
    found = find_depth(None, picture, chosen, camera.known_focal_px(picture.width))
    return PhotoDepth(found.depth, inverse_depth_of(found, picture, chosen), found.notes)


def make_lens(camera: Camera, focus: Resolved, options: RenderOptions) -> ThinLens:
    """The thin lens of the resolved numbers; raises InputError where it can't exist."""
    return ThinLens(
        focal_length_m=camera.focal_length_mm.value * 1e-3,
        f_number=camera.f_number.value,
        focus_distance_m=focus.value,
        sensor_width_m=camera.sensor_width_mm.value * 1e-3,
        blades=options.aperture_blades,
        blade_rotation_rad=float(np.deg2rad(options.aperture_rotation_deg)),
        roundness=options.roundness,
        cat_eye=options.cat_eye,
        axial_ca=options.axial_ca,
        lateral_ca=options.lateral_ca,
    )


def largest_radius_px(lens: ThinLens, inverse: Float32[np.ndarray, "h w"], width_px: int) -> float:
    """The largest blur radius in the photo, px: the CoC is linear in inverse depth, so at one of its ends."""
    ends = lens.coc_radius_m(torch.tensor([inverse.min(), inverse.max()]))
    channels = torch.stack([ends + offset for offset in lens.channel_offset_m()])
    return float(channels.abs().max()) * width_px / lens.sensor_width_m


def _render_pixels(plan: Plan, on_progress: Progress | None) -> Shaped[np.ndarray, "h w 3"]:
    """Stream windows of linear light through the renderer into pixels of the photo's type."""
    photo, lights = plan.photo, _lights(plan)
    blurs = plan.settings.options.grain == "auto" and isinstance(plan.renderer, Physical | HybridRenderer)
    grain = Grain.of(photo) if blurs else None
    out = np.empty_like(photo.pixels)

    def read(rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        light = replace(photo, pixels=photo.pixels[rows, columns]).linear()
        if lights is not None:
            light = lights.restore(light, rows.start, columns.start)
        return light, torch.from_numpy(plan.inverse_depth[rows, columns].copy())[None]

    def write(rows: slice, columns: slice, rendered: Tensor) -> None:
        light, inverse = read(rows, columns)
        radius = plan.lens.coc_radius_px(inverse[0], photo.width).abs().numpy() if grain else None
        out[rows, columns] = finish(photo, rows, columns, light, rendered, radius, grain)

    size, radius = (photo.height, photo.width), plan.settings.largest_blur_radius_px
    memory, renderer = plan.settings.options.max_mem_mb, plan.renderer
    if lights is not None and isinstance(renderer, Physical):
        renderer = replace(renderer, sharp_lights=True)
    render_windows(renderer, plan.lens, *size, read, write, radius, memory, on_progress)
    return out


def _lights(plan: Plan) -> Lights | None:
    """The lights that `auto` finds in the photo; None: it has none, or nothing would be made of them."""
    photo = plan.photo
    if plan.settings.options.highlights != "auto" or not isinstance(plan.renderer, Physical | HybridRenderer):
        return None
    found = find_lights(photo.linear, photo.height, photo.width)
    return found if found.any else None


def _renderer_for(options: RenderOptions) -> Renderer:
    """The renderer that the options ask for. Raises InputError or FileError."""
    lights = _highlights(options)
    name = options.model or ("physical-eq8" if options.mode == "eq8" else "physical")
    opened = _opened(name, _written(name), lights, options.preview, options.bfloat16)
    return replace(opened, sharp_lights=lights is not None) if isinstance(opened, Physical) else opened


@lru_cache(maxsize=4)
def _opened(
    name: str, written: int | None, highlights: Highlights | None, preview: bool, bfloat16: bool
) -> Renderer:
    """A renderer, kept for the photos that follow until its weight file changes."""
    return open_renderer(name, highlights=highlights, preview=preview, bfloat16=bfloat16)


def _written(name: str) -> int | None:
    path = Path(name)
    return path.stat().st_mtime_ns if path.suffix and path.is_file() else None


def _highlights(options: RenderOptions) -> Highlights | None:
    """The curve that raises everything bright before the blur, where its threshold and gain are given."""
    if isinstance(options.highlights, str):
        return None
    threshold, gain = options.highlights
    return Highlights(threshold=threshold, gain=gain)
