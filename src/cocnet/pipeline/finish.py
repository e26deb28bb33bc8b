"""Rendered light to pixels: what the blur left alone stays bit for bit, grain comes back where it was blurred away,
and 8-bit gradients are dithered instead of stepped.

Enters: a photo's pixels and light, the rendered light, the blur radius (px) of a window. Leaves: pixels of the
photo's type. Noise depends on seed and place only, so that tiles fit together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float32, Shaped
from scipy import ndimage
from torch import Tensor

from cocnet.imaging import Photo
from cocnet.imaging.color.icc import transfer
from cocnet.pipeline.noise import normal, threshold
from cocnet.rendering.compiled import kernels, usable

LEFT_ALONE = 1e-4  # relative difference of light up to which a pixel was not blurred
BLOCK = 16  # px, side of the blocks in which noise is measured
BANDS = 16  # of brightness, each with its own noise
QUIETEST = 0.25  # share of the blocks of a band that show noise and no texture
MOST_GRAIN = 14 / 255  # more is texture: no grain then
BANDS_TWICE, UNSURE = 3, 0.25 / 255  # noise at most doubles over so many bands, but for a quarter of a code
TEXTURE = 1.25  # times its response has texture at half the scale, or more; white noise half of it
SHARED = 0.8  # of the grain's amplitude that the three channels have in common
MEASURED_ROWS = 1024
_SMALLEST_STEP = np.float32(
    1e-30
)  # of light between two codes: tables that start flat, as PQ's, have smaller ones
STEPS = 1 << 16
STRIP = 64  # rows that stay in a processor's cache


@dataclass(frozen=True, eq=False)
class Grain:
    """Standard deviation of the photo's noise in codes, by channel and band of brightness."""

    deviation: Float32[np.ndarray, "3 n"]

    @staticmethod
    def of(photo: Photo) -> "Grain":
        """Measured where the photo is flat, at up to MEASURED_ROWS rows spread over it."""
        step = max(1, photo.height // MEASURED_ROWS)
        parts = [photo.pixels[y : y + BLOCK] for y in range(0, photo.height - BLOCK + 1, BLOCK * step)]
        most = float(np.iinfo(photo.pixels.dtype).max)
        return Grain(np.stack([_deviations([p[..., c] / most for p in parts]) * most for c in range(3)]))

    def at(self, code: Shaped[np.ndarray, "h w"], channel: int) -> Float32[np.ndarray, "h w"]:
        """The deviation at a brightness, a code of the photo's."""
        table = self.tables[channel]
        return table[code >> 8 if code.dtype == np.uint16 else code]

    @cached_property
    def tables(self) -> Float32[np.ndarray, "3 256"]:
        """The deviation for each of 256 steps of brightness."""
        bands = (np.arange(BANDS) + 0.5) / BANDS * 256
        return np.stack([np.interp(np.arange(256) + 0.5, bands, one) for one in self.deviation]).astype(
            np.float32
        )


def _deviations(strips: list[np.ndarray]) -> Float32[np.ndarray, " n"]:
    """Noise by band of one channel in 0..1: the quietest blocks' response to a second difference both ways, without
    what of it is texture, which half the scale shows better: f² = σ² + t², h² = σ²/4 + (TEXTURE·t)²."""
    levels, fine, coarse = [], [], []
    for strip in strips:
        width = strip.shape[1] // BLOCK * BLOCK
        blocks = strip[:, :width].reshape(BLOCK, -1, BLOCK)
        clipped = (blocks.min((0, 2)) < 0.01) | (blocks.max((0, 2)) > 0.99)
        half = strip[:, :width].reshape(BLOCK // 2, 2, -1, 2).mean((1, 3))
        levels.append(blocks.mean((0, 2))[~clipped])
        fine.append(_response(strip, BLOCK)[~clipped])
        coarse.append(_response(half, BLOCK // 2)[~clipped])
    level, found, halved = (np.concatenate(x) if x else np.zeros(0) for x in (levels, fine, coarse))
    band = (level * BANDS).astype(int).clip(0, BANDS - 1)
    known = [i for i in range(BANDS) if (band == i).sum() >= 4]
    if not known:
        return np.zeros(BANDS, np.float32)
    quiet = np.array([np.quantile(found[band == i], QUIETEST) for i in known])
    ratio = [
        halved[calm].sum() / max(found[calm].sum(), 1e-9)
        for calm in ((band == i) & (found <= most) for i, most in zip(known, quiet, strict=True))
    ]
    noise = (TEXTURE**2 - np.square(ratio)) / (TEXTURE**2 - 0.25)
    quiet = np.where(quiet > MOST_GRAIN, 0, quiet * np.sqrt(noise.clip(0, 1)))
    return _gradual(np.interp(np.arange(BANDS), known, quiet)).astype(np.float32)


def _gradual(deviation: np.ndarray) -> np.ndarray:
    """Noise changes little from band to band, so what one band has more than twice as much of as another three bands
    away is texture."""
    band = np.arange(BANDS)
    steps = np.abs(band[:, None] - band[None]) / BANDS_TWICE
    return (deviation * 2**steps + UNSURE).min(1).clip(max=deviation)


def _response(strip: np.ndarray, side: int) -> np.ndarray:
    """The deviation of white noise with a strip's mean response to a second difference both ways, by block."""
    mask = np.outer((1, -2, 1), (1, -2, 1))
    response = np.abs(ndimage.convolve(strip, mask, mode="nearest"))[:, : strip.shape[1] // side * side]
    return response.reshape(side, -1, side).mean((0, 2)) * np.sqrt(np.pi / 2) / 6


def finish(
    photo: Photo,
    rows: slice,
    columns: slice,
    light: Tensor,
    rendered: Tensor,
    radius_px: Float32[np.ndarray, "n h w"] | None,
    grain: Grain | None,
    seed: int = 0,
) -> Shaped[np.ndarray, "h w 3"]:
    """The pixels of a window. light: what was rendered from; radius_px with grain: how far each pixel is blurred,
    in all channels alike [1 h w] or in each [3 h w]."""
    if usable(light, rendered):
        from cocnet.pipeline.finish_compiled import finish_compiled

        tables = None if grain is None or radius_px is None else grain.tables
        radius = None if tables is None else radius_px
        limits = SHARED, LEFT_ALONE
        return finish_compiled(photo, (rows, columns), light, rendered, radius, tables, seed, limits)
    out = np.empty_like(photo.pixels[rows, columns])
    decode = transfer(photo.icc, 8 * out.itemsize).decode
    for top in range(0, len(out), STRIP):
        some = slice(top, min(top + STRIP, len(out)))
        place = slice(rows.start + some.start, rows.start + some.stop)
        radius = None if grain is None or radius_px is None else radius_px[:, some]
        own = photo.pixels[place, columns]
        nearest = photo.encode(rendered[:, some])
        alone: Bool[np.ndarray, "h w"] = left_alone(light[:, some], rendered[:, some]).numpy()
        if nearest.dtype == np.uint8 or radius is not None:
            where = place.start, columns.start
            nearest = _mixed(
                nearest, rendered[:, some].numpy(), decode, where, radius, grain, photo.colourless, seed
            )
        out[some] = np.where(alone[..., None], own, nearest)
    return out


def left_alone(light: Float32[Tensor, "3 h w"], rendered: Float32[Tensor, "3 h w"]) -> Bool[Tensor, "h w"]:
    """Where the blur has changed nothing."""
    return ((rendered - light).abs() <= LEFT_ALONE * light + 1e-6).all(0)


def encoded(photo: Photo, light: Float32[Tensor, "3 h w"]) -> Shaped[np.ndarray, "h w 3"]:
    """`Photo.encode`, by a compiled loop where the codes have 8 bits and one can be used."""
    cells = transfer(photo.icc, 8).cells if photo.pixels.dtype == np.uint8 and usable(light) else [None]
    tables = [both for both in cells if both is not None]
    if len(tables) < 3:
        return photo.encode(light)
    first, bound = (torch.stack(table) for table in zip(*tables, strict=True))
    return kernels().codes_of(light, first, bound)


def rounded(photo: Photo, rendered: Tensor) -> Shaped[np.ndarray, "h w 3"]:
    """The pixels of a window without grain and dither, for previews: light is read in 2¹⁶ even steps."""
    table = photo.encode(torch.linspace(0, 1, STEPS).expand(3, 1, STEPS))[0]
    index = (rendered.clamp(0, 1) * (STEPS - 1)).round_().to(torch.int32).numpy()
    return np.stack([np.take(table[:, c], index[c]) for c in range(3)], -1)


def _mixed(
    nearest: Shaped[np.ndarray, "h w 3"],
    light: Float32[np.ndarray, "3 h w"],
    decode: Sequence[Float32[np.ndarray, " n"]],
    place: tuple[int, int],
    radius_px: Float32[np.ndarray, "n h w"] | None,
    grain: Grain | None,
    grey: bool,
    seed: int,
) -> Shaped[np.ndarray, "h w 3"]:
    """Codes with grain, dithered."""
    size, most = nearest.shape[:2], float(np.iinfo(nearest.dtype).max)
    out = np.empty_like(nearest)
    if grain is not None and radius_px is not None:
        lost = np.sqrt(1 - 1 / np.maximum(np.pi * radius_px**2, 1))
        shared = SHARED * normal(size, place, seed)
    for c in range(3):
        own_noise = 0 if grey else c
        code = _exact_code(nearest[..., c], light[c], decode[c])
        if grain is not None and radius_px is not None:
            noise = (1 - SHARED**2) ** 0.5 * normal(size, place, seed + 1 + own_noise) + shared
            code += grain.at(nearest[..., c], c) * lost[min(c, len(lost) - 1)] * noise
        code += threshold(size, place, own_noise)
        out[..., c] = np.floor(code, out=code).clip(0, most)
    return out


def _exact_code(
    nearest: Shaped[np.ndarray, "h w"], light: Float32[np.ndarray, "h w"], table: Float32[np.ndarray, " n"]
) -> Float32[np.ndarray, "h w"]:
    """The code with its fraction: between two codes it is linear in light, so that dithered light keeps its mean."""
    low = nearest.astype(np.int32)
    low -= light < table[low]
    low.clip(0, len(table) - 2, out=low)
    share = (light - table[low]) * (1 / np.maximum(np.diff(table), _SMALLEST_STEP))[low]
    whole = np.rint(share)
    np.copyto(share, whole, where=np.abs(share - whole) < 1e-3)
    share.clip(0, 1, out=share)
    share += low
    return share
