"""`finish.finish` as a loop compiled for this processor: each pixel once, in place of some forty passes over a strip.

Enters: as there. Leaves: the same pixels, but for rounding.
"""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from cocnet.imaging import Photo
from cocnet.imaging.color.icc import transfer
from cocnet.pipeline.noise import column_numbers, pattern, row_hashes
from cocnet.rendering.compiled.jit import bands, in_threads, jit
from cocnet.rendering.compiled.pool import ONE, ZERO

CELLS = 1 << 12  # of light, each with the code at its beginning
SMALLEST_STEP = np.float32(1e-30)  # of light between two codes
BYTE, HALF, EVEN = np.uint32(8), np.uint32(16), np.uint32(0xFF00FF)
MIDDLE, SCALE = np.float32(4 * 127.5), np.float32((12 / 4 / (256**2 - 1)) ** 0.5)
STRETCH, WHOLE = np.float32(52.9829189), np.float32(1e-3)
PI = np.float32(np.pi)


def finish_compiled(
    photo: Photo,
    window: tuple[slice, slice],
    light: Float32[Tensor, "3 h w"],
    rendered: Float32[Tensor, "3 h w"],
    radius_px: Float32[np.ndarray, "n h w"] | None,
    grain: Float32[np.ndarray, "3 256"] | None,
    seed: int,
    limits: tuple[float, float],
) -> Shaped[np.ndarray, "h w 3"]:
    """The pixels of a window, as `finish` makes them. grain: its standard deviation by brightness, by channel; None,
    as radius_px is then: no grain. limits: the share of grain that the channels have in common, and the relative
    difference of light up to which a pixel was left alone."""
    own = np.ascontiguousarray(photo.pixels[window])
    (height, width), out = own.shape[:2], np.empty_like(own)
    place, channels = (window[0].start, window[1].start), (0, 0, 0) if photo.colourless else (0, 1, 2)
    patterns = [pattern((height, width), place, c) for c in channels]
    dithered = own.dtype == np.uint8 or grain is not None
    noise = [row_hashes(height, place[0], each) for each in (seed, *(seed + 1 + c for c in channels))]
    shared, left_alone = limits
    about = (
        *(own, np.ascontiguousarray(light.numpy()), rendered.contiguous().numpy()),
        np.zeros((0, 0, 0), np.float32) if radius_px is None else np.ascontiguousarray(radius_px),
        *_tables(photo.icc, 8 * own.itemsize),
        np.zeros((3, 0), np.float32) if grain is None else grain,
        np.array([shared, (1 - shared**2) ** 0.5, left_alone, 1e-6], np.float32),
        np.stack([y for y, _ in patterns]),
        np.stack([x if dithered else x[:0] for _, x in patterns]),
        *(np.stack(noise), column_numbers(width, place[1])),
    )
    in_threads(lambda a, b: finished(*about, a, b, out), bands(height))
    return out


@lru_cache(maxsize=4)
def _tables(icc: bytes | None, bits: int) -> tuple[np.ndarray, ...]:
    """Tables [3 n] of a profile's curve: light of each code, bounds between codes, codes at the beginnings of CELLS
    even cells of light, and one over the light between codes."""
    curve = transfer(icc, bits)
    cells = torch.arange(CELLS + 1) / CELLS
    decode, bounds = np.stack(curve.decode), torch.stack(curve.bounds)
    first = torch.stack([torch.bucketize(cells, line, right=True) for line in bounds])
    return decode, bounds.numpy(), first.numpy(), 1 / np.maximum(np.diff(decode), SMALLEST_STEP)


@jit
def finished(
    own,
    light,
    rendered,
    radius,
    decode,
    bounds,
    first,
    steps,
    table,
    shares,
    rows,
    columns,
    hashes,
    places,
    begin,
    end,
    out,
):
    """Rows begin…end of `out` [h w 3].

    own: the photo's pixels. radius [1 or 3 h w]: blur radius (px), of all channels or of each, or empty: no grain.
    decode [3 codes]: light of each; bounds [3 codes-1]: from which the next one is nearer; first [3 cells+1]: the
    code at the beginning of each even cell of light from 0 to 1; steps: one over the light between codes.
    table [3 256]: the grain's deviation by brightness.
    shares: of the grain that the channels have in common and that they don't, and the difference of light up to which
    a pixel was left alone, relative and absolute. rows [3 h], columns [3 w]: the pattern that dithers; empty: none.
    hashes [4 h] of rows, what is shared first, and places [w], numbers of columns: normal noise.
    """
    last = decode.shape[1] - 1
    cells, wide = np.float32(first.shape[1] - 1), 8 if last > 255 else 0
    for y in range(begin, end):
        for i in range(own.shape[1]):
            alone = True
            for c in range(3):
                change = abs(rendered[c, y, i] - light[c, y, i])
                alone = alone and change <= shares[2] * light[c, y, i] + shares[3]
            if alone:
                for c in range(3):
                    out[y, i, c] = own[y, i, c]
                continue
            lost = common = ZERO
            if len(radius):
                common = shares[0] * _normal(hashes[0, y], places[i])
            for c in range(3):
                level = rendered[c, y, i]
                held = min(level, ONE) if level > ZERO else ZERO
                cell = np.int64(held * cells)
                low, high = first[c, cell], first[c, min(cell + 1, first.shape[1] - 1)]
                while low < high:
                    middle = (low + high) // 2
                    if bounds[c, middle] <= held:
                        low = middle + 1
                    else:
                        high = middle
                if not columns.shape[1]:
                    out[y, i, c] = low
                    continue
                below = min(max(low - (1 if level < decode[c, low] else 0), 0), last - 1)
                share = (level - decode[c, below]) * steps[c, below]
                whole = np.rint(share)
                share = whole if abs(share - whole) < WHOLE else share
                code = min(max(share, ZERO), ONE) + np.float32(below)
                if c < len(radius):
                    lost = np.sqrt(ONE - ONE / max(PI * radius[c, y, i] * radius[c, y, i], ONE))
                if len(radius):
                    grain = shares[1] * _normal(hashes[1 + c, y], places[i]) + common
                    code += table[c, low >> wide] * lost * grain
                pattern = rows[c, y] + columns[c, i]
                pattern = (pattern - np.floor(pattern)) * STRETCH
                code = np.floor(code + (pattern - np.floor(pattern)))
                out[y, i, c] = np.int64(min(max(code, ZERO), np.float32(last)))


@jit
def _normal(row, column):
    """Normal noise of a place: the sum of four bytes of its hash (`noise.normal`)."""
    h = np.uint32(row ^ column)
    h = np.uint32(np.uint32(h ^ np.uint32(h >> HALF)) * np.uint32(0x7FEB352D))
    h = np.uint32(np.uint32(h ^ np.uint32(h >> np.uint32(15))) * np.uint32(0x846CA68B))
    h = np.uint32(h ^ np.uint32(h >> HALF))
    pairs = np.uint32((h & EVEN) + (np.uint32(h >> BYTE) & EVEN))
    total = np.uint32(np.uint32(pairs + np.uint32(pairs >> HALF)) & np.uint32(0x7FF))
    return (np.float32(total) - MIDDLE) * SCALE
