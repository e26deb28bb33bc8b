"""Lenses and scenes with known answers."""

from pathlib import Path

import torch
from torch.nn import functional

from cocnet import PhysicalRenderer, ThinLens
from cocnet.datasets.pairs.raytraced import read_scene
from cocnet.datasets.synthetic.poor_depth import degraded
from cocnet.imaging import linear_to_srgb
from cocnet.renderers import Physical

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
    scene = read_scene(path)
    return scene.image[None], scene.depth_m[None], scene.bokeh[None], scene.lens


def degrade(inverse, factor=8, sigma_px=2.0, shift_px=2):
    """Inverse depth [1 1 h w] as a poor estimator gives it: `factor` times smaller, blurred, down and right."""
    return degraded(inverse, factor, sigma_px, (shift_px, shift_px))


def near_edges(inverse, lens, reach_px=12, jump_px=2.0):
    """Where the true blur radius jumps by `jump_px` within `reach_px`, bool [1 1 h w]."""
    radius = lens.coc_radius_m(inverse) * inverse.shape[-1] / lens.sensor_width_m
    high, low = functional.max_pool2d(radius, 3, 1, 1), -functional.max_pool2d(-radius, 3, 1, 1)
    return functional.max_pool2d((high - low > jump_px).float(), 2 * reach_px + 1, 1, reach_px) > 0


def edge_psnr(sharp, inverse, true_inverse, bokeh, lens, renderer=None):
    """PSNR in dB (sRGB) near silhouettes of the picture that an inverse depth gives [the physical renderer's]."""
    ours = (renderer or Physical()).render(sharp, inverse, lens)
    error = linear_to_srgb(ours.clamp(0, 1)) - linear_to_srgb(bokeh.clamp(0, 1))
    where = near_edges(true_inverse, lens)
    return -10 * torch.log10(error.square().mean(1, keepdim=True)[where].mean()).item()
