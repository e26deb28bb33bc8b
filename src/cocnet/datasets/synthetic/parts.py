"""What scenes are made of, on a square canvas: photos, cut-out subjects, bars and grids, lights.

Enters: photos with masks (uint8), and a random generator. Leaves: premultiplied scene-linear light and coverage
[4 s s], for `planes.ScenePlane`.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cocnet.datasets.synthetic import augment
from cocnet.imaging import srgb_to_linear

Draw = np.random.Generator
DUST, SOLID = 0.04, 0.96  # a mask below is empty, above is full: estimated masks are rarely 0 or 1
LIGHTS = 30
BRIGHT = (5.0, 80.0)  # times white


def photo(planes: UInt8[Tensor, "4 s s"], side_px: int, draw: Draw) -> Float[Tensor, "4 c c"]:
    """An opaque view of a photo."""
    picture = planes[None, :3].float() / 255
    generator = _torch(draw)
    picture = augment.view(picture, side_px, augment.FRAMING, generator)
    light = srgb_to_linear(augment.recolour(picture, generator))[0]
    return torch.cat([light, torch.ones(1, side_px, side_px)])


def cut_out(planes: UInt8[Tensor, "4 s s"], side_px: int, draw: Draw) -> Float[Tensor, "4 c c"]:
    """A photo's subject with the soft edge of its mask, its own colour up to it."""
    floats, generator = planes[None].float() / 255, _torch(draw)
    mask = ((floats[:, 3:] - DUST) / (SOLID - DUST)).clamp(0, 1)
    whole = torch.cat([augment.cut_out(floats[:, :3], mask), mask], 1)
    seen = augment.view(whole, side_px, augment.PLACING, generator, fill=False)
    light = srgb_to_linear(augment.recolour(seen[:, :3], generator))
    return torch.cat([light * seen[:, 3:], seen[:, 3:]], 1)[0]


def bars(colours: Float[Tensor, "4 c c"], draw: Draw) -> Float[Tensor, "4 c c"]:
    """Parallel bars, or a grid of them, some px wide, of the colours of a photo or of one: fences, twigs, wires."""
    side = colours.shape[-1]
    at = torch.arange(side) + 0.5 - side / 2
    angle, pitch = draw.uniform(0, math.pi), math.exp(draw.uniform(math.log(14), math.log(120)))
    coverage = _stripes(at, angle, pitch, draw)
    if draw.random() < 0.5:
        coverage = torch.maximum(
            coverage, _stripes(at, angle + math.pi / 2, pitch * draw.uniform(0.7, 1.5), draw)
        )
    if draw.random() < 0.5:
        light = colours[:3] * float(draw.uniform(0.2, 1.2))
    else:
        light = torch.tensor(draw.uniform(0.0, 0.6, 3), dtype=torch.float32)[:, None, None]
    return torch.cat([light * coverage, coverage[None]])


def _stripes(at: Float[Tensor, " c"], angle: float, pitch: float, draw: Draw) -> Float[Tensor, "c c"]:
    """Coverage of stripes across one direction, anti-aliased, 0.8 to 6 px wide."""
    width, shift = float(draw.uniform(0.8, min(6.0, pitch / 2))), float(draw.uniform(0, pitch))
    across = at[:, None] * math.sin(angle) + at * math.cos(angle) + shift
    distance = (across.remainder(pitch) - pitch / 2).abs()
    return (width / 2 + 0.5 - distance).clamp(0, min(1.0, width))


def with_lights(light: Float[Tensor, "4 c c"], draw: Draw) -> Float[Tensor, "4 c c"]:
    """The plane with up to LIGHTS small lamps on it, BRIGHT times white, mostly of warm colours."""
    light = light.clone()
    side = light.shape[-1]
    for _ in range(round(math.exp(draw.uniform(0, math.log(LIGHTS))))):
        y, x, radius = *draw.uniform(4, side - 4, 2), draw.uniform(0.4, 1.6)
        top, left = int(y) - 3, int(x) - 3
        rows, columns = (torch.arange(7) + 0.5 + edge - place for edge, place in ((top, y), (left, x)))
        share = (radius + 0.5 - torch.hypot(rows[:, None], columns)).clamp(0, 1)
        tint = torch.tensor([1.0, *draw.uniform((0.5, 0.2), (1.0, 1.0))], dtype=torch.float32)
        power = math.exp(draw.uniform(math.log(BRIGHT[0]), math.log(BRIGHT[1])))
        patch = light[:3, top : top + 7, left : left + 7]
        patch += share * (power * tint[:, None, None] - patch)
    return light


def _torch(draw: Draw) -> torch.Generator:
    return torch.Generator().manual_seed(int(draw.integers(2**63)))
