"""Lenses and scenes with known answers."""

import json
from pathlib import Path

import numpy as np
import torch

from cocnet import PhysicalRenderer, ThinLens

SCENES = sorted((Path(__file__).parent / "data" / "raytrace").glob("*.npz"))


def lens_of(**changes):
    """50 mm f/2 on 36 mm, focused at 1 m."""
    return ThinLens(
        **{"focal_length_m": 0.05, "f_number": 2.0, "focus_distance_m": 1.0, "sensor_width_m": 0.036}
        | changes
    )


def inverse_of(lens, x, width):
    """The inverse depth at which the signed CoC radius of a lens is x px."""
    return 1 / lens.focus_distance_m - x * lens.sensor_width_m / width / lens.gain_m2


def render(image, x, **options):
    """The picture for a map of signed CoC radii in px; lens fields among the options go to the lens."""
    names = {name: options.pop(name) for name in list(options) if name in ThinLens.__dataclass_fields__}
    lens = lens_of(**names)
    return PhysicalRenderer(lens, **options).from_inverse_depth(image, inverse_of(lens, x, image.shape[-1]))


def load(path):
    """A ray-traced scene: all-in-focus [1 3 h w], depth [1 1 h w], bokeh, lens."""
    data = np.load(path)
    about = json.loads(str(data["lens"]))
    names = (
        "focal_length_m",
        "f_number",
        "focus_distance_m",
        "sensor_width_m",
        "blades",
        "blade_rotation_rad",
    )
    sharp, bokeh = (
        torch.from_numpy(data[n].astype(np.float32)).permute(2, 0, 1)[None] for n in ("all_in_focus", "bokeh")
    )
    return (
        sharp,
        torch.from_numpy(data["depth_m"])[None, None],
        bokeh,
        ThinLens(**{n: about[n] for n in names}),
    )
