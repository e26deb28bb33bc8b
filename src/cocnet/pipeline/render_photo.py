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
from cocnet.compute import check_device
from cocnet.depth import Estimator, subject_mask
from cocnet.depth.estimators.estimator import as_rgb8
from cocnet.depth.faces import Face, find_faces
from cocnet.errors import InputError
from cocnet.imaging import DepthMap, Photo, as_photo
from cocnet.imaging.photo.hidden import fill_hidden
from cocnet.imaging.photo.limits import budget_bytes
from cocnet.optics import ThinLens
from cocnet.pipeline.around_focus import held_sharp, placed_around
from cocnet.pipeline.blur_note import blur_note
from cocnet.pipeline.camera import choose_camera
from cocnet.pipeline.chosen_lens import asked_radius_px, make_lens, stop_for_blur
from cocnet.pipeline.depth_source import SET, find_depth, find_subject, inverse_depth_of, named_network
from cocnet.pipeline.doubts import subject_doubt
from cocnet.pipeline.drawn import Drawn, paths_of
from cocnet.pipeline.exports import save_depth, save_mask
from cocnet.pipeline.finish import Grain, finish, left_alone, rounded
from cocnet.pipeline.focus import Focus, choose_focus
from cocnet.pipeline.mapped_lights import MappedLights, lights_note
from cocnet.pipeline.one_surface import subject_surface
from cocnet.pipeline.options import RenderOptions, RenderSettings, finds_focus
from cocnet.pipeline.options_ignored import ignored_by
from cocnet.pipeline.result_files import save_with_settings, working_folder
from cocnet.pipeline.scene import Scene, open_scene
from cocnet.renderers import HybridRenderer, Physical, Renderer, at_scale, open_renderer, render_windows
from cocnet.rendering import Highlights
from cocnet.rendering.lights import Lights, find_lights

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Plan:
    """A photo with its inverse depth (1/m, of its size), its lens, its renderer, and the settings behind them.

    grain: the noise that comes back where blur took it [measured in the photo]; seed: of that noise; dithered:
    whether 8-bit gradients are; lights: those to restore [as a gain map says, else found in the photo]; keep: the
    photo's own light stays there, whatever is spread over it.
    """

    photo: Photo
    inverse_depth: Float32[np.ndarray, "h w"]
    lens: ThinLens
    settings: RenderSettings
    renderer: Renderer
    subject: Float32[np.ndarray, "h w"] | None = None
    grain: Grain | None = None
    seed: int = 0
    dithered: bool = True
    lights: Lights | MappedLights | None = None
    keep: Float32[np.ndarray, "h w"] | None = None


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


def prepare(photo: Any, depth: Any, options: RenderOptions, drawn: Drawn | None = None) -> Plan:
    """Read and resolve everything but the picture; arguments and errors as `render`.

    drawn: masks and aperture that aren't files; files are named by the options.
    """
    return plan_of(open_scene(photo, depth, options, drawn, renderer_for(options).reads), options)


def plan_of(scene: Scene, options: RenderOptions) -> Plan:
    """The focus, the lens and the renderer for a photo whose depth is known; arguments and errors as `render`."""
    picture, hand = scene.photo, scene.hand
    subject, faces = hand.subject, tuple[Face, ...]()
    if subject is None and "depth" in renderer_for(options).reads:
        subject = find_subject(picture, options)
        faces = find_faces(as_rgb8(picture.pixels)) if finds_focus(options) else ()
    doubts = subject_doubt(None if hand.subject is not None or faces else subject) + scene.depth_doubts
    if hand.subject is not None and not finds_focus(options):
        doubts += ("--subject: isn't held sharp where the focus is given; --keep is",)
    whole = subject_surface(scene, subject, faces) if finds_focus(options) else None
    drawn, held = hand.subject is not None, whole is not None
    focus = choose_focus(scene.inverse, options, subject, faces, drawn, held)
    return plan_at(scene, options, focus, whole, doubts)


def plan_at(
    scene: Scene,
    options: RenderOptions,
    focus: Focus,
    whole: Float32[np.ndarray, "h w"] | None = None,
    doubts: tuple[str, ...] = (),
) -> Plan:
    """The lens and the renderer for a photo whose depth and focus are known; raises InputError or FileError.

    whole: a mask of what is held at the distance in focus. doubts: notes on what was found.
    """
    renderer, picture, hand = renderer_for(options), scene.photo, scene.hand
    around = placed_around(scene.found, scene.inverse, focus, options)
    inverse = held_sharp(around, focus, hand.keep, whole)
    camera = choose_camera(picture, options)
    lens = make_lens(camera, focus.distance, options, hand.aperture)
    if options.blur is not None:
        camera = stop_for_blur(camera, lens, inverse, options.blur)
        lens = lens.at(f_number=camera.f_number.value)
    radius = asked_radius_px(renderer, options, lens, inverse)
    settings = RenderSettings(
        version=__version__,
        photo=None if picture.path is None else str(picture.path),
        width=picture.width,
        height=picture.height,
        depth_source=scene.found.depth.source,
        depth_kind=scene.found.depth.kind,
        nearest_m=1.0 / float(inverse.max()),
        farthest_m=1.0 / float(inverse.min()),
        focal_length_mm=camera.focal_length_mm,
        sensor_width_mm=camera.sensor_width_mm,
        f_number=camera.f_number,
        focus_m=focus.distance,
        largest_blur_radius_px=radius,
        options=options,
        notes=camera.notes + scene.found.notes + doubts + hand.notes + ignored_by(renderer, options),
        depth=scene.depth_file,
        sharp_m=focus.sharp_m,
    )
    told = picture.gain_map if restores_lights(options, renderer) else None
    settings = replace(settings, notes=settings.notes + blur_note(settings, renderer) + lights_note(told))
    return Plan(picture, inverse, lens, settings, at_scale(renderer, radius), hand.subject, keep=hand.keep)


def depth_of(photo: Any, options: RenderOptions | None = None) -> PhotoDepth:
    """The depth that `render` would take for a photo, as found and as inverse depth (1/m) of its size.

    Arguments and errors as `render`.
    """
    chosen = options or RenderOptions()
    picture = fill_hidden(as_photo(photo, budget_bytes(chosen.max_mem_mb)))
    camera = choose_camera(picture, chosen)
    found = find_depth(None, picture, chosen, camera.known_focal_px(picture.width))
    notes = tuple(note.removesuffix(SET) for note in found.notes)
    return PhotoDepth(found.depth, inverse_depth_of(found, picture, chosen), notes)


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
