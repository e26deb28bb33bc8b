"""The thin lens of a render: from resolved numbers, and from how much blur was asked for.

Enters: camera, focus, options, inverse depth (1/m). Leaves: a `ThinLens`, its largest blur radius (px).
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cocnet.optics import ThinLens
from cocnet.pipeline.camera import Camera
from cocnet.pipeline.options import RenderOptions, Resolved
from cocnet.renderers import ConstantBlur, Identity, Renderer

BLUR_STEP = 5e-4  # of the longer side: what one step of --blur is
DEFAULT_BLUR = 20  # of a renderer that sees neither depth nor lens
LEAST_STOP, _MOST_STOP = 1e-3, 1e6


def make_lens(
    camera: Camera, focus: Resolved, options: RenderOptions, aperture: Float[Tensor, "k k"] | None = None
) -> ThinLens:
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
        aperture_picture=aperture,
        squeeze=options.squeeze,
    )


def largest_radius_px(lens: ThinLens, inverse: Float32[np.ndarray, "h w"], width_px: int) -> float:
    """The largest blur radius in the photo, px: the CoC is linear in inverse depth, so at one of its ends."""
    ends = lens.coc_radius_m(torch.tensor([inverse.min(), inverse.max()]))
    channels = torch.stack([ends + offset for offset in lens.channel_offset_m()])
    return float(channels.abs().max()) * width_px / lens.sensor_width_m


def asked_radius_px(
    renderer: Renderer, options: RenderOptions, lens: ThinLens, inverse: Float32[np.ndarray, "h w"]
) -> float:
    """The largest blur radius that a renderer is asked for, px: by lens and depth where it sees depth."""
    if renderer.reads or isinstance(renderer, Identity | ConstantBlur):
        return largest_radius_px(lens, inverse, inverse.shape[1])
    blur = DEFAULT_BLUR if options.blur is None else options.blur
    return blur * BLUR_STEP * max(inverse.shape)


def stop_for_blur(camera: Camera, lens: ThinLens, inverse: Float32[np.ndarray, "h w"], blur: float) -> Camera:
    """The camera at the f-number whose largest blur radius is blur · 0.05 % of the longer side.

    The radius goes as 1/f-number; where everything is in focus there is no such f-number, and the camera's stays.
    """
    height, width = inverse.shape
    at_one = largest_radius_px(lens.at(f_number=1.0), inverse, width)
    wanted = blur * BLUR_STEP * max(height, width)
    if at_one < 1e-6:
        return camera
    stop = min(_MOST_STOP, max(LEAST_STOP, at_one / max(wanted, 1e-9)))
    return replace(camera, f_number=Resolved(stop, f"blur {blur:g}"))
