"""Noise that depends on seed and place only, so that tiles fit together: a pattern that dithers, and normal noise.

Enters: the size of a window and its first pixel. Leaves: values for each of its pixels, or for its rows and columns.
"""

import numpy as np
from jaxtyping import Float32, UInt8, UInt16, UInt32

GOLDEN = 0x9E3779B9  # what parts seeds


def threshold(size: tuple[int, int], place: tuple[int, int], channel: int) -> Float32[np.ndarray, "h w"]:
    """Interleaved gradient noise in 0..1 (Jimenez 2014): a fixed pattern whose neighbours differ."""
    y, x = pattern(size, place, channel)
    noise = x + y[:, None]
    noise -= np.floor(noise)
    noise *= np.float32(52.9829189)
    noise -= np.floor(noise)
    return noise


def eight_bit(pixels: UInt16[np.ndarray, "h w 3"], grey: bool = False) -> UInt8[np.ndarray, "h w 3"]:
    """16-bit codes as 8-bit ones, 257·k as k, dithered between; of a grey picture all channels alike."""
    out = np.empty(pixels.shape, np.uint8)
    for channel in range(3):
        noise = threshold(pixels.shape[:2], (0, 0), 0 if grey else channel)
        out[..., channel] = pixels[..., channel] / np.float32(257) + noise.clip(max=0.999)
    return out


def pattern(
    size: tuple[int, int], place: tuple[int, int], channel: int
) -> tuple[Float32[np.ndarray, " h"], Float32[np.ndarray, " w"]]:
    """What rows and columns give to the pattern."""
    y = (0.00583715 * (np.arange(size[0]) + place[0] + 47.0 * channel) % 1).astype(np.float32)
    x = (0.06711056 * (np.arange(size[1]) + place[1] + 17.0 * channel) % 1).astype(np.float32)
    return y, x


def normal(size: tuple[int, int], place: tuple[int, int], seed: int) -> Float32[np.ndarray, "h w"]:
    """Normal noise of a place: the sum of four hashed bytes, mean 0, deviation 1. Hash: lowbias32 (Wellons 2018)."""
    h = _hashed(row_hashes(size[0], place[0], seed)[:, None] ^ column_numbers(size[1], place[1]))
    pairs = (h & np.uint32(0xFF00FF)) + (h >> np.uint32(8) & np.uint32(0xFF00FF))
    total = (pairs + (pairs >> np.uint32(16)) & np.uint32(0x7FF)).astype(np.float32)
    return (total - np.float32(4 * 127.5)) * np.float32((12 / 4 / (256**2 - 1)) ** 0.5)


def row_hashes(count: int, first: int, seed: int) -> UInt32[np.ndarray, " h"]:
    """One hash for each of so many rows from `first` on, which `normal` mixes with the numbers of columns."""
    return _hashed(np.arange(count, dtype=np.uint32) + np.uint32(first) + np.uint32(seed * GOLDEN % 2**32))


def column_numbers(count: int, first: int) -> UInt32[np.ndarray, " w"]:
    """Numbers of columns from `first` on."""
    return np.arange(count, dtype=np.uint32) + np.uint32(first)


def _hashed(h: UInt32[np.ndarray, "*n"]) -> UInt32[np.ndarray, "*n"]:
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        h = h ^ (h >> np.uint32(shift))
        h *= np.uint32(factor)
    return h ^ (h >> np.uint32(16))
