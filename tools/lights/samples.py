"""Clipped spots with a known answer: of photos (surfaces, and lights found by eye), of ray-traced scenes, and of
lamps put into darkened photos. Leaves: rows of features, light or not, the gain (NaN: unknown), and a weight.
"""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy import ndimage, special

from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.rendering.lights.candidates import FEATURES, Candidates, find_candidates

BRIGHT = 2.0  # true light from which a clipped spot is a light, its smallest channel
AT = {name: i for i, name in enumerate(FEATURES)}


class Rows(NamedTuple):
    """Features [n f], 1 for lights [n], log of a light's true brightness [n], weight [n], where they are from."""

    features: np.ndarray
    light: np.ndarray
    gain: np.ndarray
    weight: np.ndarray
    source: str


def stored(light: np.ndarray, quality: int | None) -> np.ndarray:
    """Scene-linear light [3 h w] as an 8-bit file holds it (quality: of a JPEG), linear again."""
    code = (linear_to_srgb(torch.from_numpy(light).clamp(0, 1)) * 255).round().byte().permute(1, 2, 0).numpy()
    if quality is not None:
        file = io.BytesIO()
        Image.fromarray(code).save(file, "JPEG", quality=quality)
        code = np.asarray(Image.open(file))
    return srgb_to_linear(torch.from_numpy(code.astype(np.float32) / 255)).permute(2, 0, 1).numpy()


def resized(light: np.ndarray, factor: float) -> np.ndarray:
    """The same picture `factor` times as large."""
    t = torch.from_numpy(light)[None]
    size = [round(s * factor) for s in light.shape[1:]]
    how = {"mode": "area"} if factor < 1 else {"mode": "bicubic", "antialias": True}
    return torch.nn.functional.interpolate(t, size, **how)[0].clamp(min=0).numpy()


def read(path: Path) -> np.ndarray:
    """A photo as scene-linear light [3 h w]."""
    code = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
    return srgb_to_linear(torch.from_numpy(code)).permute(2, 0, 1).numpy()


def dark_surround(found: Candidates) -> np.ndarray:
    """Spots that are lights in a photo that has lights: clipped and before something dark."""
    f = found.features
    far = f[:, [AT[f"surround {i}"] for i in (2, 3, 4)]].mean(1)
    return (
        (far < np.log(0.2))
        & (f[:, AT["log share of the picture"]] < np.log(0.01))
        & (f[:, AT["truly clipped"]] > 0.15)
        & (f[:, 0] >= np.log(4))
    )


def of_photo(path: Path, lights: bool, draw: np.random.Generator) -> Iterator[Rows]:
    """A photo as it is, and once at another exposure and size; at most 60 spots count of each."""
    image = read(path)
    factors = (0.5, 0.75, 1.5) if max(image.shape) < 800 else (0.5,)
    other = np.clip(resized(image, draw.choice(factors)) * draw.choice((1.0, 1.3, 2.0)), 0, 1)
    for light in (image, other):
        found = find_candidates(light, light.min(0))
        keep = dark_surround(found) if lights else np.ones(len(found.area), bool)
        index = np.flatnonzero(keep)
        if not len(index):
            continue
        index = draw.permutation(index)[:60]
        n = len(index)
        weight = np.full(n, (4.0 if lights else 1.0) / np.sqrt(n))
        yield Rows(found.features[index], np.full(n, float(lights)), np.full(n, np.nan), weight, path.name)
        if lights and light is image:
            yield Rows(found.features[index], np.ones(n), np.full(n, np.nan), weight, path.name)


def judged(truth: np.ndarray, clipped: np.ndarray, source: str, weight: float = 1.0) -> Rows:
    """The spots of a clipped picture by what was there before."""
    found = find_candidates(clipped, clipped.min(0))
    n = len(found.area)
    numbers = np.arange(1, n + 1)
    luminance = [np.einsum("chw,c->hw", x, np.float32([0.2126, 0.7152, 0.0722])) for x in (truth, clipped)]
    if not n:
        return Rows(found.features, np.zeros(0), np.zeros(0), np.zeros(0), source)
    mean = ndimage.sum(luminance[0], found.labels, numbers) / ndimage.sum(luminance[1], found.labels, numbers)
    gain = ndimage.sum(luminance[0], found.labels, numbers) / ndimage.sum(found.core, found.labels, numbers)
    light = (ndimage.maximum(truth.min(0), found.labels, numbers) > BRIGHT) & (mean > BRIGHT)
    return Rows(found.features, light.astype(float), np.log(gain), np.full(n, weight), source)


def of_scene(path: Path, draw: np.random.Generator) -> Iterator[Rows]:
    """A ray-traced scene at several exposures and sizes."""
    with np.load(path, allow_pickle=False) as data:
        truth = data["all_in_focus"].astype(np.float32).transpose(2, 0, 1)
    for factor in (1.0, 1.0, 2.0, 0.5):
        light = resized(truth, factor) * (1 if factor == 1 else draw.choice((0.3, 1.0, 1.5, 2.5)))
        yield judged(light, stored(light, draw.choice((None, None, 95, 85))), path.name, 1.5)


def with_balls(path: Path, draw: np.random.Generator) -> Rows:
    """A photo with glowing balls as those of the ray-traced scenes, 5 to 80 times white, without glare."""
    image = np.minimum(read(path), 0.85) * draw.uniform(0.4, 1.0)
    image = image[:, :256, :256]
    height, width = image.shape[1:]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    soft = draw.uniform(0.4, 0.65)
    for _ in range(draw.integers(3, 12)):
        radius = np.exp(draw.uniform(np.log(1.0), np.log(5)))
        distance = np.hypot(rows - draw.uniform(0, height), columns - draw.uniform(0, width))
        cover = special.ndtr((radius - distance) / soft).astype(np.float32)
        colour = 1 - np.float32(draw.permutation([0, draw.uniform(0, 1), 1])) * draw.uniform(0, 0.6)
        lamp = np.exp(draw.uniform(np.log(5), np.log(80))) * colour[:, None, None]
        image = image + cover * (lamp - image)
    found = judged(image, stored(image, draw.choice((None, None, 95))), path.name)
    return found._replace(weight=found.weight / max(1, np.sqrt(len(found.weight))))


def with_lamps(path: Path, draw: np.random.Generator) -> Rows:
    """A darkened photo with lamps: round, long or square, of 5 to 400 times white, with the lens's glare."""
    image = read(path) ** draw.uniform(1, 1.5) * np.exp(draw.uniform(np.log(0.02), np.log(0.5)))
    height, width = image.shape[1:]
    lamps = np.zeros_like(image)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    usual = np.exp(draw.uniform(np.log(0.8), np.log(6)))
    for _ in range(draw.integers(2, 15)):
        radius = usual * np.exp(draw.normal() * 0.4)
        row, column, reach = int(draw.integers(height)), int(draw.integers(width)), math.ceil(5 * radius + 3)
        part = (slice(max(0, row - reach), row + reach), slice(max(0, column - reach), column + reach))
        y, x = rows[part] - row - draw.uniform(-0.5, 0.5), columns[part] - column - draw.uniform(-0.5, 0.5)
        a, longish = draw.uniform(0, np.pi), np.exp(abs(draw.normal()) * 0.4)
        u, v = (x * np.cos(a) + y * np.sin(a)) / longish, (y * np.cos(a) - x * np.sin(a)) * longish
        power = draw.choice((2, 2, 2, 6))
        distance = (abs(u) ** power + abs(v) ** power) ** (1 / power)
        cover = np.clip((radius - distance) / draw.uniform(1, 2.5) + 0.5, 0, 1)
        colour = 1 - np.array(draw.choice(((0, 0.2, 0.5), (0, 0.05, 0.1), (0.3, 0.15, 0)))) * draw.uniform(
            0, 1.2
        )
        lamps[:, part[0], part[1]] += cover * (np.exp(draw.uniform(np.log(5), np.log(400))) * colour)[
            :, None, None
        ].astype(np.float32)
    glare = np.exp(draw.uniform(np.log(0.002), np.log(0.2)))
    for sigma, share in ((1.0, 0.65), (3.0, 0.25), (9.0, 0.1)):
        image = image + glare * share * np.stack([ndimage.gaussian_filter(c, sigma) for c in lamps])
    image = (image + lamps).astype(np.float32)
    image = image * (1 + 0.03 * draw.normal(size=image.shape).astype(np.float32))
    rows_found = judged(image, stored(image, draw.choice((None, 98, 92, 80))), path.name)
    return rows_found._replace(weight=rows_found.weight / max(1, np.sqrt(len(rows_found.weight))))
