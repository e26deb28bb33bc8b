"""Rendered light to pixels: what the blur left alone stays bit for bit, grain comes back where it was blurred away,
and 8-bit gradients are dithered instead of stepped.

Enters: a photo's pixels and light, the rendered light, the blur radius (px) of a window. Leaves: pixels of the
photo's type. Noise depends on seed and place only, so that tiles fit together.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Shaped
from scipy import ndimage
from torch import Tensor

from cocnet.imaging import Photo
from cocnet.imaging.color.icc import transfer

LEFT_ALONE = 1e-4  # relative difference of light up to which a pixel was not blurred
BLOCK = 16  # px, side of the blocks in which noise is measured
BANDS = 16  # of brightness, each with its own noise
QUIETEST = 0.25  # share of the blocks of a band that show noise and no texture
MOST_GRAIN = 8 / 255  # more is texture: no grain then
SHARED = 0.8  # of the grain's amplitude that the three channels have in common
MEASURED_ROWS = 1024


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

    def at(self, code: Float32[np.ndarray, "h w"], channel: int, most: float) -> Float32[np.ndarray, "h w"]:
        """The deviation at a brightness."""
        bands = (np.arange(BANDS) + 0.5) / BANDS * most
        return np.interp(code, bands, self.deviation[channel]).astype(np.float32)


def _deviations(strips: list[np.ndarray]) -> Float32[np.ndarray, " n"]:
    """Noise by band of one channel in 0..1: the quietest blocks' response to a second difference both ways."""
    mask = np.outer((1, -2, 1), (1, -2, 1))
    levels, noise = [], []
    for strip in strips:
        width = strip.shape[1] // BLOCK * BLOCK
        blocks = strip[:, :width].reshape(BLOCK, -1, BLOCK)
        clipped = (blocks.min((0, 2)) < 0.01) | (blocks.max((0, 2)) > 0.99)
        response = np.abs(ndimage.convolve(strip, mask, mode="nearest"))[:, :width].reshape(BLOCK, -1, BLOCK)
        levels.append(blocks.mean((0, 2))[~clipped])
        noise.append(response.mean((0, 2))[~clipped] * np.sqrt(np.pi / 2) / 6)
    level, found = (np.concatenate(x) if x else np.zeros(0) for x in (levels, noise))
    band = (level * BANDS).astype(int).clip(0, BANDS - 1)
    known = [i for i in range(BANDS) if (band == i).sum() >= 4]
    if not known:
        return np.zeros(BANDS, np.float32)
    quiet = np.array([np.quantile(found[band == i], QUIETEST) for i in known])
    quiet = np.where(quiet > MOST_GRAIN, 0, quiet)
    return np.interp(np.arange(BANDS), known, quiet).astype(np.float32)


def finish(
    photo: Photo,
    rows: slice,
    columns: slice,
    light: Tensor,
    rendered: Tensor,
    radius_px: Float32[np.ndarray, "h w"] | None,
    grain: Grain | None,
    seed: int = 0,
) -> Shaped[np.ndarray, "h w 3"]:
    """The pixels of a window. light: what was rendered from; radius_px with grain: how far each pixel is blurred."""
    own = photo.pixels[rows, columns]
    nearest = photo.encode(rendered)
    change = (rendered - light).abs() <= LEFT_ALONE * light + 1e-6
    alone: Bool[np.ndarray, "h w"] = change.all(0).numpy()
    if nearest.dtype != np.uint8 and grain is None:
        return np.where(alone[..., None], own, nearest)
    place = rows.start, columns.start
    most = float(np.iinfo(own.dtype).max)
    shared = None if grain is None else _normal(own.shape[:2], place, seed)
    out = np.empty_like(own)
    tables = transfer(photo.icc, 8 * own.itemsize).decode
    for c in range(3):
        own_noise = 0 if photo.grey else c
        code = _exact_code(nearest[..., c], rendered[c].numpy(), tables[c])
        if grain is not None and radius_px is not None and shared is not None:
            lost = np.sqrt(1 - 1 / np.maximum(np.pi * radius_px**2, 1))
            apart = _normal(own.shape[:2], place, seed + 1 + own_noise)
            noise = SHARED * shared + np.sqrt(1 - SHARED**2) * apart
            code = code + grain.at(code, c, most) * lost * noise
        out[..., c] = np.floor(code + _threshold(own.shape[:2], place, own_noise)).clip(0, most)
    return np.where(alone[..., None], own, out)


def _exact_code(
    nearest: Shaped[np.ndarray, "h w"], light: Float32[np.ndarray, "h w"], table: Float32[np.ndarray, " n"]
) -> Float32[np.ndarray, "h w"]:
    """The code with its fraction: between two codes it is linear in light, so that dithered light keeps its mean."""
    low = nearest.astype(np.int32)
    low = np.clip(low - (light < table[low]), 0, len(table) - 2)
    share = (light - table[low]) / (table[low + 1] - table[low])
    share = np.where(np.abs(share - np.rint(share)) < 1e-3, np.rint(share), share)
    return (low + share.clip(0, 1)).astype(np.float32)


def _threshold(size: tuple[int, int], place: tuple[int, int], channel: int) -> Float32[np.ndarray, "h w"]:
    """Interleaved gradient noise in 0..1 (Jimenez 2014): a fixed pattern whose neighbours differ."""
    y = (np.arange(size[0]) + place[0] + 47.0 * channel)[:, None]
    x = np.arange(size[1]) + place[1] + 17.0 * channel
    return ((52.9829189 * ((0.06711056 * x + 0.00583715 * y) % 1)) % 1).astype(np.float32)


def _normal(size: tuple[int, int], place: tuple[int, int], seed: int) -> Float32[np.ndarray, "h w"]:
    """Normal noise of a place: the sum of four hashed bytes, mean 0, deviation 1."""
    y = (np.arange(size[0], dtype=np.uint64) + np.uint64(place[0]))[:, None]
    x = np.arange(size[1], dtype=np.uint64) + np.uint64(place[1])
    h = (y * np.uint64(0x9E3779B97F4A7C15)) ^ (x * np.uint64(0xC2B2AE3D27D4EB4F)) ^ np.uint64(seed * 7919 + 1)
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53), (33, 1)):
        h = (h ^ (h >> np.uint64(shift))) * np.uint64(factor)
    parts = np.stack([(h >> np.uint64(s)) & np.uint64(0xFFFF) for s in (0, 16, 32, 48)]).astype(np.float32)
    return (parts.sum(0) / 65536 - 2) * np.float32(np.sqrt(3))
