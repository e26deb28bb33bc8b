"""Small lights as discs: each blurred at full scale with the spot of its very own radius and place.

Enters: an image with light above 1.0 and the signed radius of the circle of confusion (px). Leaves: the image without
what small lights have above 1.0, and per depth the discs that this part makes, to be seen past what is nearer.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from cocnet.rendering.convolution import spread
from cocnet.rendering.fields import Window
from cocnet.rendering.fragments import Fragments

MAX_SIDE_PX = 48  # larger lights stay in the layers: their rims are soft anyway
LEAST_RADIUS_PX = 2.0  # less blurred ones, too
FAINTEST = 5e-4  # light that a disc must have to be drawn by itself
PLACES = 40  # steps of the field, from the middle to the corner, for which a cat's eye has its own spot
RADII = 0.01  # steps of the radius, as a share of it
TOGETHER = 2  # depths, for which what is seen is found at once
DEPTHS = 0.5  # steps of the depth at which discs are seen past nearer things, as a share of the radius
# What is nearer than a light by so much, and this share of its radius, hides its disc
NEARER_PX, NEARER = 2.0, 0.3

Spot = Callable[
    [float, tuple[float, float]], Float[Tensor, "k k"]
]  # signed radius and place → the spot, sum 1


class Light(NamedTuple):
    """One small light: its rows and columns, its signed radius (px), its place in the field."""

    rows: slice
    columns: slice
    x: float
    place: tuple[float, float]
    number: int
    item: int


def small_lights(
    extra: Float[Tensor, "b c h w"], x: Float[Tensor, "b 1 h w"], window: Window, reach_px: float
) -> tuple[list[Light], list[np.ndarray]]:
    """The lights of `extra`, what an image has above 1.0, that are drawn as discs; each picture's numbered spots."""
    found, numbered = [], []
    for item, (bright, radius) in enumerate(
        zip(extra.amax(1).cpu().numpy(), x[:, 0].cpu().numpy(), strict=True)
    ):
        labels, _ = ndimage.label(bright > 0, np.ones((3, 3)))
        numbered.append(labels)
        for number, place in enumerate(ndimage.find_objects(labels), 1):
            rows, columns = place
            if max(rows.stop - rows.start, columns.stop - columns.start) > MAX_SIDE_PX:
                continue
            here = labels[place] == number
            own = float(np.clip(_middle(radius[place][here], bright[place][here]), -reach_px, reach_px))
            faint = bright[place][here].sum() < FAINTEST * np.pi * own * own
            if abs(own) >= LEAST_RADIUS_PX and not faint:
                found.append(Light(rows, columns, own, _place(rows, columns, window), number, item))
    return found, numbered


def _middle(values: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"]) -> float:
    """The weighted median: pixels at a light's border may have the depth of what is beside it, but little light."""
    order = np.argsort(values)
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, summed[-1] / 2)])


def _place(rows: slice, columns: slice, window: Window) -> tuple[float, float]:
    corner = np.hypot(window.height, window.width) / 2
    y = (rows.start + rows.stop) / 2 + window.top - window.height / 2
    x = (columns.start + columns.stop) / 2 + window.left - window.width / 2
    return round(PLACES * x / corner) / PLACES, round(PLACES * y / corner) / PLACES


def with_discs(
    image: Float[Tensor, "b c h w"],
    x: Float[Tensor, "b 1 h w"],
    window: Window,
    reach_px: float,
    spot: Spot,
    split: Callable[[Float[Tensor, "b c h w"]], Fragments],
    compose: Callable[[Fragments], Float[Tensor, "b d h w"]],
) -> Float[Tensor, "b c h w"]:
    """The picture that `split` and then `compose` make of an image, its small lights drawn as discs.

    A channel more for each depth (signed radius) tells the share of what is seen that isn't nearer than that.
    """
    extra = (image - 1).clamp(min=0)
    lights, numbered = small_lights(extra, x, window, reach_px)
    if not lights:
        return compose(split(image))
    image, by_depth = image.clone(), dict[float, list[tuple[Light, Tensor]]]()
    for light in lights:
        part = extra[light.item, :, light.rows, light.columns]
        own = torch.from_numpy(numbered[light.item][light.rows, light.columns] == light.number).to(part)
        image[light.item, :, light.rows, light.columns] -= part * own
        by_depth.setdefault(_depth(light.x), []).append((light, part * own))
    parts, depths, out = split(image), sorted(by_depth), image.new_empty(0)
    for start in range(0, len(depths), TOGETHER):
        group = depths[start : start + TOGETHER]
        rendered = compose(with_depths(parts, group))
        out = out if start else rendered[:, : image.shape[1]]
        for number, depth in enumerate(group, -len(group)):
            disc = torch.zeros_like(image)
            for light, own in by_depth[depth]:
                _draw(disc[light.item], own, light, spot)
            out = out + rendered[:, number, None].clamp(0, 1) * disc
        parts = without_colour(parts)
    return out


def with_depths(parts: Fragments, depths: list[float]) -> Fragments:
    """The fragments with a channel more for each depth: 1 on what isn't nearer."""
    front, back = _seen(parts.front, parts.x_front, depths), _seen(parts.back, parts.x_back, depths)
    return Fragments(front, parts.x_front, back, parts.x_back, parts.x_last)


def without_colour(parts: Fragments) -> Fragments:
    """Their coverage alone."""
    return parts._replace(front=parts.front[:, -1:], back=parts.back[:, -1:])


def _seen(part: Float[Tensor, "b c h w"], x: Float[Tensor, "b 1 h w"], depths: list[float]) -> Tensor:
    coverage = part[:, -1:]
    seen = [coverage * (x > depth - NEARER_PX - NEARER * abs(depth)) for depth in depths]
    return torch.cat([part[:, :-1], *seen, coverage], 1)


def _depth(x: float) -> float:
    """The signed radius rounded to steps of a share of itself."""
    step = np.log1p(DEPTHS)
    return float(np.copysign(np.exp(np.round(np.log(abs(x)) / step) * step), x))


def _draw(out: Float[Tensor, "c h w"], light: Float[Tensor, "c a b"], about: Light, spot: Spot) -> None:
    """Add the disc of one light to the picture; what falls outside it is lost."""
    step = np.log1p(RADII)
    radius = float(np.copysign(np.exp(np.round(np.log(abs(about.x)) / step) * step), about.x))
    kernel = spot(radius, about.place).to(light)
    half = kernel.shape[-1] // 2
    padded = functional.pad(light, (2 * half,) * 4)
    covered = torch.cat([padded, padded.amax(0, keepdim=True)])[None]
    disc = spread(covered, kernel.flip(0, 1))[0, :-1].clamp(min=0)
    top, left = about.rows.start - half, about.columns.start - half
    rows = slice(max(0, top), min(out.shape[1], top + disc.shape[1]))
    columns = slice(max(0, left), min(out.shape[2], left + disc.shape[2]))
    out[:, rows, columns] += disc[
        :, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
