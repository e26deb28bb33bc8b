"""Views of photos that are still photos: framing, colour, what cameras do to pixels; cut-outs.

Enters: planes [b c h w] in 0..1 and a generator. Leaves: the same kind of planes. No global randomness.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional

Planes = Float[Tensor, "b c h w"]


@dataclass(frozen=True)
class Framing:
    """How views vary: the part of the sides that is seen, stretch, turn (degrees), and whereabouts (0..1)."""

    seen: tuple[float, float]
    stretch: float
    turn_deg: float
    wander: float


FRAMING = Framing(seen=(0.65, 1.05), stretch=0.2, turn_deg=8.0, wander=1.0)
PLACING = Framing(seen=(0.8, 1.7), stretch=0.15, turn_deg=20.0, wander=0.8)


def view(planes: Planes, side_px: int, framing: Framing, generator: Generator, fill: bool = True) -> Planes:
    """Views of side_px²: cropped, scaled, stretched, turned, mirrored; `fill` mirrors the picture beyond."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(planes), generator=generator)

    seen = torch.exp(uniform(*(math.log(s) for s in framing.seen)))
    stretch = torch.exp(uniform(-0.5, 0.5) * framing.stretch)
    angle = torch.deg2rad(uniform(-1, 1) * framing.turn_deg)
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    wide, high = seen * stretch, seen / stretch
    matrix = torch.zeros(len(planes), 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = wide * angle.cos() * mirror, -high * angle.sin()
    matrix[:, 1, 0], matrix[:, 1, 1] = wide * angle.sin() * mirror, high * angle.cos()
    matrix[:, 0, 2] = uniform(-1, 1) * (1 - wide).abs() * framing.wander
    matrix[:, 1, 2] = uniform(-1, 1) * (1 - high).abs() * framing.wander
    grid = functional.affine_grid(matrix, [len(planes), 1, side_px, side_px], align_corners=False)
    padding = "reflection" if fill else "zeros"
    return functional.grid_sample(planes, grid, padding_mode=padding, align_corners=False)


def recolour(
    rgb: Float[Tensor, "b 3 h w"], generator: Generator, strength: float = 1.0
) -> Float[Tensor, "b 3 h w"]:
    """Exposure, contrast, white balance, saturation, `strength` times as much as usual; one photo in twelve grey."""

    def normal(scale: float, columns: int = 1) -> Tensor:
        draws = torch.randn(len(rgb), columns, 1, 1, generator=generator).clamp(-2.5, 2.5)
        return draws * scale * strength

    rgb = rgb.clamp_min(1e-4).pow(torch.exp(normal(0.18))) * torch.exp(normal(0.12) + normal(0.05, 3))
    middle = rgb.mean((1, 2, 3), keepdim=True)
    rgb = middle + (rgb - middle) * torch.exp(normal(0.15))
    grey = rgb.mean(1, keepdim=True)
    keep = (torch.rand(len(rgb), 1, 1, 1, generator=generator) > 1 / 12).float()
    return (grey + (rgb - grey) * torch.exp(normal(0.25)) * keep).clamp(0, 1)


def degrade(rgb: Float[Tensor, "b 3 h w"], generator: Generator) -> Float[Tensor, "b 3 h w"]:
    """One photo in six loses resolution, one in six has noise."""
    lottery = torch.rand(len(rgb), 2, generator=generator)
    for i in (lottery[:, 0] < 1 / 6).nonzero()[:, 0].tolist():
        part = 0.25 + 0.5 * float(torch.rand(1, generator=generator))
        small = functional.interpolate(rgb[i : i + 1], scale_factor=part, mode="bilinear", antialias=True)
        rgb[i : i + 1] = functional.interpolate(small, rgb.shape[-2:], mode="bilinear")
    for i in (lottery[:, 1] < 1 / 6).nonzero()[:, 0].tolist():
        strength = 0.06 * float(torch.rand(1, generator=generator))
        rgb[i] += torch.randn(rgb[i].shape, generator=generator) * strength
    return rgb.clamp(0, 1)


def erase(rgb: Float[Tensor, "b 3 h w"], generator: Generator) -> Float[Tensor, "b 3 h w"]:
    """One photo in four has a box of 10–40 % of its sides in noise around its mean (Zhong et al. 2020)."""
    height, width = rgb.shape[-2:]
    lottery = torch.rand(len(rgb), 5, generator=generator)
    for i in (lottery[:, 0] < 0.25).nonzero()[:, 0].tolist():
        part = 0.1 + 0.3 * lottery[i, 1:3]
        high, wide = int(height * part[0]), int(width * part[1])
        top, left = int((height - high) * lottery[i, 3]), int((width - wide) * lottery[i, 4])
        noise = 0.2 * torch.randn(3, high, wide, generator=generator)
        rgb[i, :, top : top + high, left : left + wide] = rgb[i].mean((1, 2))[:, None, None] + noise
    return rgb.clamp(0, 1)


def out_of_focus(rgb: Float[Tensor, "b 3 h w"], generator: Generator) -> Float[Tensor, "b 3 h w"]:
    """Half of the photos blurred a little or a lot, as backgrounds often are."""
    lottery = torch.rand(len(rgb), 2, generator=generator)
    for i in (lottery[:, 0] < 0.5).nonzero()[:, 0].tolist():
        side = max(8, round(rgb.shape[-1] * 0.5 * float(0.06 ** lottery[i, 1])))
        small = functional.interpolate(rgb[i : i + 1], (side, side), mode="bilinear", antialias=True)
        rgb[i : i + 1] = functional.interpolate(small, rgb.shape[-2:], mode="bicubic").clamp(0, 1)
    return rgb


def cut_out(rgb: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 3 h w"]:
    """The subject's own colour, carried over its soft edge, so that no rim of the old background comes along.

    F = m·I + (1 − m)·box(m²·I)/box(m²), a box of 12 px, at a quarter of the resolution.
    """
    weight = mask.square() + 1e-6

    def box(x: Tensor) -> Tensor:
        return functional.avg_pool2d(functional.avg_pool2d(x, 4), 3, 1, 1)

    own = functional.interpolate(box(rgb * weight) / box(weight), rgb.shape[-2:], mode="bilinear")
    return rgb * mask + own * (1 - mask)
