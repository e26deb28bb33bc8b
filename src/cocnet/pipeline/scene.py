"""A photo and its depth, opened once: focus, lens and renderer can be chosen for it again and again.

Enters: what `render` takes. Leaves: a `Scene`: the photo (sharpened first where that is asked for) and its inverse
depth (1/m) at its size; or that depth alone.
"""

import os
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float32

from cocnet.depth.estimators.estimator import as_rgb8
from cocnet.errors import DepthError
from cocnet.imaging import DepthMap, Photo, as_photo
from cocnet.imaging.photo.hidden import fill_hidden
from cocnet.imaging.photo.limits import budget_bytes
from cocnet.pipeline.by_hand import ByHand, given_by_hand
from cocnet.pipeline.camera import choose_camera
from cocnet.pipeline.deblur_options import DeblurOptions
from cocnet.pipeline.deblur_photo import deblur
from cocnet.pipeline.depth_source import SET, FoundDepth, find_depth, flat_depth, inverse_depth_of
from cocnet.pipeline.doubts import depth_doubt
from cocnet.pipeline.drawn import Drawn
from cocnet.pipeline.options import NO_FILE, RenderOptions
from cocnet.renderers.protocol import DEPTH, Reads

LENS_ALONE = (
    *("focus_point", "focus_m", "focus_range", "focus", "blur", "f_number", "aperture_blades"),
    *("aperture_rotation_deg", "roundness", "squeeze", "cat_eye", "axial_ca", "lateral_ca", "highlights"),
    *("grain", "mode", "model", "bfloat16", "device"),
)


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo, its depth as it was found, inverse depth (1/m) of the photo's size, what was drawn by hand, and where
    the file of given depth is (`NO_FILE`: nowhere)."""

    photo: Photo
    found: FoundDepth
    inverse: Float32[np.ndarray, "h w"]
    hand: ByHand
    depth_file: str | None = None

    @cached_property
    def depth_doubts(self) -> tuple[str, ...]:
        """Notes on given depth that doesn't fit the photo, or that the settings can't name."""
        unnamed = (
            ("depth: not a file, so that the settings can't name it",) if self.depth_file == NO_FILE else ()
        )
        doubts = depth_doubt(self.inverse, as_rgb8(self.photo.pixels)) if self.found.origin == "given" else ()
        return doubts + unnamed


@dataclass(frozen=True, eq=False)
class PhotoDepth:
    """The depth of a photo as it was found, as inverse depth (1/m) of the photo's size, and what to know of it."""

    depth: DepthMap
    inverse: Float32[np.ndarray, "h w"]
    notes: tuple[str, ...]


def open_scene(
    photo: Any, depth: Any, options: RenderOptions, drawn: Drawn | None = None, reads: Reads = DEPTH
) -> Scene:
    """Read a photo and find its depth, flat for renderers that read none; arguments and errors as `render`."""
    picture = opened_photo(photo, options)
    focal_px = choose_camera(picture, options).known_focal_px(picture.width)
    hand = given_by_hand(picture, options, drawn)
    if "depth" in reads:
        try:
            found = find_depth(depth, picture, options, focal_px, hand.subject)
        except DepthError as error:
            if depth is None:
                raise DepthError(f"{error} (or --depth with a depth map of this photo)") from error
            raise
    else:
        found = flat_depth(picture, "not read by this renderer")
    return Scene(picture, found, inverse_depth_of(found, picture, options), hand, _file_of(depth))


def _file_of(depth: Any) -> str | None:
    """Where given depth lies; `NO_FILE` for what is none."""
    if depth is None:
        return None
    return os.fspath(depth) if isinstance(depth, str | os.PathLike) else NO_FILE


def opened_photo(photo: Any, options: RenderOptions) -> Photo:
    """The photo of a scene, without colours that nobody sees, sharpened first where that is asked for; arguments and
    errors as `render`."""
    picture = fill_hidden(as_photo(photo, budget_bytes(options.max_mem_mb)))
    if options.deblur_first:
        how = DeblurOptions(
            options.deblur_model,
            bfloat16=options.bfloat16,
            device=options.device,
            max_mem_mb=options.max_mem_mb,
        )
        return deblur(picture, how).sharpened()
    return picture


def scene_key(options: RenderOptions) -> tuple[Any, ...]:
    """What of the options a scene depends on: all but `LENS_ALONE`, which choose focus, lens and renderer."""
    return tuple((name, value) for name, value in asdict(options).items() if name not in LENS_ALONE)


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
