"""Photo + depth + choices → bokeh photo: the one road that the command line, the web and batches share.

Enters: a photo (path, `Photo`, display-referred array) and depth (path, `DepthMap`, metres, or the photo's
own). Leaves: pixels of the photo's own type with the settings that made them. Inside, light is linear, and
only a tile of the photo at a time is held as floats.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from cocnet.depth import Estimator, subject_mask
from cocnet.errors import InputError
from cocnet.imaging import DepthMap, Photo
from cocnet.optics import ThinLens
from cocnet.pipeline.chosen_renderer import restores_lights
from cocnet.pipeline.depth_source import named_network
from cocnet.pipeline.drawn import Drawn, paths_of
from cocnet.pipeline.exports import save_depth, save_mask
from cocnet.pipeline.finish import Grain, finish, left_alone, rounded
from cocnet.pipeline.mapped_lights import MappedLights
from cocnet.pipeline.options import RenderOptions, RenderSettings
from cocnet.pipeline.plan import Plan, prepare
from cocnet.pipeline.result_files import save_with_settings, working_folder
from cocnet.renderers import HybridRenderer, Physical, render_windows
from cocnet.rendering.lights import Lights, find_lights

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class RenderResult:
    """Display-referred pixels of the photo's own type and size, the settings, and the photo they are of."""

    pixels: Shaped[np.ndarray, "h w 3"]
    settings: RenderSettings
    photo: Photo
    inverse_depth: Float32[np.ndarray, "h w"] | None = None
    subject: Float32[np.ndarray, "h w"] | None = None

    def save(self, path: str | Path | BinaryIO, quality: int = 95) -> Path | None:
        """Write the photo with its profile, EXIF, alpha, and the settings to `path`.json, which is returned.

        Both appear whole or not at all; a file object gets a PNG without settings. Raises FileError (unknown suffix,
        output = input, link, full disk).
        """
        folder = self.settings.folder or working_folder(path)
        settings = replace(self.settings, quality=quality, folder=folder)
        return save_with_settings(path, self.pixels, settings, self.photo, quality)

    def save_depth(self, path: str | Path) -> None:
        """Write the depth that was rendered with, focus range and kept parts included, as disparity (1/m): a file
        that `cocnet render --depth` reads (.png of 16 bit, .npy, .exr, .pfm), or a coloured picture (.jpg, .webp).
        """
        save_depth(path, self.inverse_depth, self.settings)

    def save_mask(self, path: str | Path) -> None:
        """Write the subject's mask, given or found, as a grey picture of the photo's size: white = the subject."""
        network = named_network(self.settings.options)
        save_mask(path, subject_mask(self.photo.pixels, network) if self.subject is None else self.subject)


def render(
    photo: str | Path | bytes | BinaryIO | Photo | Any,
    depth: str | Path | BinaryIO | DepthMap | Estimator | Any = None,
    options: RenderOptions | None = None,
    *,
    keep: Any = None,
    subject: Any = None,
    aperture_image: Any = None,
    on_progress: Progress | None = None,
    **changes: Any,
) -> RenderResult:
    """Render a photo with the blur of a lens, as the full-frame camera of the same field of view takes it.

    photo: a path, bytes, a file object, a Pillow picture, or display-referred sRGB: an array [h w 3], a tensor
    [3 h w] of uint8, uint16, or floats in 0..1 (kept at 16 bit). depth: a path, a file object, a callable (an
    estimator), or an array [h w] of metres unless `depth_kind` says otherwise; None takes the photo's own, else
    estimates. keep (stays sharp), subject (your own mask) and aperture_image: a path, a Pillow picture, or an
    array of bool or 0..1. `changes` are `RenderOptions`: `render("photo.jpg", f_number=2, focus_point=(0.4, 0.6))`.
    Raises InputError, FileError, DepthError, MissingExtraError.
    """
    if not isinstance(options, RenderOptions | None):
        got = type(options).__name__
        raise InputError(f"expected RenderOptions, got {got}, try render(photo, depth, f_number=2)")
    drawn = Drawn(keep, subject, aperture_image)
    handed = {name: None for name, given in vars(drawn).items() if given is not None}
    chosen = (options or RenderOptions()).changed(**changes, **{**handed, **paths_of(drawn)})
    plan = prepare(photo, depth, chosen, drawn)
    return render_plan(plan, on_progress)


def render_plan(plan: Plan, on_progress: Progress | None = None) -> RenderResult:
    """The picture of a plan."""
    pixels = _render_pixels(plan, on_progress)
    return RenderResult(pixels, plan.settings, plan.photo, plan.inverse_depth, plan.subject)


def _render_pixels(plan: Plan, on_progress: Progress | None) -> Shaped[np.ndarray, "h w 3"]:
    """Stream windows of linear light through the renderer into pixels of the photo's type."""
    photo, lights = plan.photo, plan.lights or lights_of(plan)
    lights = lights if lights is not None and lights.any else None
    blurs = (
        plan.dithered
        and plan.settings.options.grain == "auto"
        and isinstance(plan.renderer, Physical | HybridRenderer)
    )
    grain = (plan.grain or Grain.of(photo)) if blurs else None
    out = np.empty_like(photo.pixels)

    device = plan.settings.options.device

    def read_there(rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        light, inverse = read(rows, columns)
        return light.to(device), inverse.to(device)

    def read(rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        light = replace(photo, pixels=photo.pixels[rows, columns]).linear()
        if lights is not None:
            light = lights.restore(light, rows.start, columns.start)
        return light, torch.from_numpy(plan.inverse_depth[rows, columns].copy())[None]

    def write(rows: slice, columns: slice, rendered: Tensor) -> None:
        rendered = rendered.cpu()
        shown = rendered if lights is None else lights.shown(rendered)
        if plan.keep is not None:
            own = replace(photo, pixels=photo.pixels[rows, columns]).linear()
            share = torch.from_numpy(plan.keep[rows, columns])
            rendered, shown = torch.lerp(rendered, own, share), torch.lerp(shown, own, share)
        if not plan.dithered:
            out[rows, columns] = rounded(photo, shown)
            return
        light, inverse = read(rows, columns)
        if shown is not rendered:
            rendered = torch.where(left_alone(light, rendered), rendered, shown)
        radius = _blur_radius_px(plan.lens, inverse, photo.width) if grain else None
        out[rows, columns] = finish(photo, rows, columns, light, rendered, radius, grain, plan.seed)

    size, radius = (photo.height, photo.width), plan.settings.largest_blur_radius_px
    memory, renderer = plan.settings.options.max_mem_mb, plan.renderer
    if lights is not None and isinstance(renderer, Physical):
        renderer = replace(renderer, sharp_lights=True)
    render_windows(renderer, plan.lens, *size, read_there, write, radius, memory, on_progress)
    return out


def lights_of(plan: Plan) -> Lights | MappedLights | None:
    """The lights that the photo's gain map tells, else those that `auto` finds in the photo; None: nothing would be
    made of them."""
    photo = plan.photo
    if not restores_lights(plan.settings.options, plan.renderer):
        return None
    if photo.gain_map is not None:
        return MappedLights.of(photo)
    return find_lights(photo.linear, photo.height, photo.width)


def _blur_radius_px(lens: ThinLens, inverse: Tensor, width: int) -> Float32[np.ndarray, "n h w"]:
    """How far each pixel of [1 h w] is blurred: all channels alike, or each under axial chromatic aberration."""
    radius = lens.coc_radius_px(inverse, width)
    if lens.axial_ca:
        radius = torch.cat([radius + offset for offset in lens.channel_offset_px(width)])
    return radius.abs().numpy()
