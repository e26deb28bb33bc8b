"""What a photo is rendered with: its depth as it is held, focus, lens, renderer, and the settings behind them.

Enters: what `render` takes, or an opened `Scene`. Leaves: a `Plan`.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32

from cocnet import __version__
from cocnet.imaging import Photo
from cocnet.optics import ThinLens
from cocnet.pipeline.around_focus import held_sharp, placed_around
from cocnet.pipeline.blur_note import blur_note
from cocnet.pipeline.camera import choose_camera
from cocnet.pipeline.chosen_lens import asked_radius_px, make_lens, stop_for_blur
from cocnet.pipeline.chosen_renderer import renderer_for, restores_lights
from cocnet.pipeline.doubts import subject_doubt
from cocnet.pipeline.drawn import Drawn
from cocnet.pipeline.finish import Grain
from cocnet.pipeline.focus import Focus, choose_focus
from cocnet.pipeline.mapped_lights import MappedLights, lights_note
from cocnet.pipeline.options import RenderOptions, RenderSettings, finds_focus
from cocnet.pipeline.options_ignored import ignored_by
from cocnet.pipeline.scene import Scene, open_scene
from cocnet.pipeline.subject import subject_of
from cocnet.renderers import Renderer, at_scale
from cocnet.rendering.lights import Lights


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


def prepare(photo: Any, depth: Any, options: RenderOptions, drawn: Drawn | None = None) -> Plan:
    """Read and resolve everything but the picture; arguments and errors as `render`.

    drawn: masks and aperture that aren't files; files are named by the options.
    """
    return plan_of(open_scene(photo, depth, options, drawn, renderer_for(options).reads), options)


def plan_of(scene: Scene, options: RenderOptions) -> Plan:
    """The focus, the lens and the renderer for a photo whose depth is known; arguments and errors as `render`."""
    drawn = scene.hand.subject is not None
    subject, faces, whole = subject_of(scene, options, look="depth" in renderer_for(options).reads)
    doubts = subject_doubt(None if drawn or faces else subject) + scene.depth_doubts
    if drawn and not finds_focus(options):
        doubts += ("--subject: isn't held sharp where the focus is given; --keep is",)
    focus = choose_focus(scene.inverse, options, subject, faces, drawn, whole is not None)
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
