"""Transfer curves of matrix/TRC and grey ICC profiles, as lookup tables.

Enters: a profile's bytes and the bit depth of the codes. Leaves: tables from code to linear light
(1.0 = white) and the thresholds that turn light back into codes. Source: ICC.1:2022, sections 10.6, 10.18.
"""

import functools
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int32
from torch import Tensor

_CELLS = 1 << 12  # a power of two, so that a cell's beginning is exact; steps of 8-bit sRGB are wider
HDR = {16: "PQ", 18: "HLG"}
_WHITES = {16: 0.0203, 18: 0.265}
Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Transfer:
    """One table per channel: `decode[c][code]` is linear light, `bounds[c]` separates neighbouring codes."""

    decode: tuple[Float32[np.ndarray, " codes"], ...]
    bounds: tuple[Float32[Tensor, " codes-1"], ...]

    def encode(self, light: Float32[Tensor, "h w"], channel: int) -> Int32[Tensor, "h w"]:
        """The codes of a channel's light: how many bounds it has reached; by a table where none of its cells has two
        bounds in it, which is four times as fast."""
        bounds, cells = self.bounds[channel], self.cells[channel]
        if cells is None:
            return torch.bucketize(light.contiguous(), bounds, right=True, out_int32=True)
        first, next_bound = cells
        held = light.flatten().clamp(0, 1)
        cell = (held * _CELLS).int()
        found = first.index_select(0, cell)
        return found.add_(held >= next_bound.index_select(0, cell)).view(light.shape)

    @functools.cached_property
    def cells(self) -> list[tuple[Int32[Tensor, "cells"], Float32[Tensor, "cells"]] | None]:
        """For each channel the code at the beginning of each cell of light, and the bound of the next one."""
        begins = torch.arange(_CELLS + 1) / _CELLS
        found = list[tuple[Tensor, Tensor] | None]()
        for bounds in self.bounds:
            first = torch.bucketize(begins, bounds, right=True, out_int32=True)
            within = bool((bounds[0] > 0) & (bounds[-1] <= 1) & (first.diff() <= 1).all())
            following = torch.cat([bounds, bounds.new_tensor([torch.inf])])
            found.append((first, following[first.long()]) if within else None)
        return found


def color_space(icc: bytes | None) -> str | None:
    """Return the profile's colour space ("RGB", "GRAY", "CMYK", …), None where its header is invalid."""
    if icc is None or len(icc) < 132 or icc[36:40] != b"acsp":
        return None
    return icc[16:20].decode("latin1").strip()


@functools.lru_cache(maxsize=8)
def transfer(icc: bytes | None, bits: int) -> Transfer:
    """Build the tables of a profile for 8 or 16 bit codes; sRGB's curve where the profile has none.

    Encoding what was decoded returns the same code, whatever the curve: the bounds lie strictly
    between neighbouring table entries.
    """
    curves = _profile_curves(icc) or (_srgb,) * 3
    tables = {curve: _tables(curve, 1 << bits) for curve in set(curves)}
    if not all(np.isfinite(t[0]).all() and t[0][-1] > t[0][0] for t in tables.values()):
        curves, tables = (_srgb,) * 3, {_srgb: _tables(_srgb, 1 << bits)}
    return Transfer(tuple(tables[c][0] for c in curves), tuple(tables[c][1] for c in curves))


def _tables(curve: Curve, count: int) -> tuple[np.ndarray, Tensor]:
    """Sample a curve at every code, strictly rising, and put a bound at every half code."""
    codes = np.arange(count, dtype=np.float64)
    rising = np.maximum.accumulate(np.clip(curve(codes / (count - 1)), 0.0, 1.0)).astype(np.float32)
    if (np.diff(rising) <= 0).any() and rising[-1] > rising[0]:
        for i in range(1, count):
            if rising[i] <= rising[i - 1]:
                rising[i] = np.nextafter(rising[i - 1], np.float32(np.inf))
    halves = curve((codes[:-1] + 0.5) / (count - 1)).astype(np.float32)
    lowest = np.nextafter(rising[:-1], np.float32(np.inf))
    return rising, torch.from_numpy(np.minimum(np.maximum(halves, lowest), rising[1:]))


def _srgb(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.04045) + 0.055) / 1.055) ** 2.4)


def _profile_curves(icc: bytes | None) -> tuple[Curve, Curve, Curve] | None:
    """Read rTRC, gTRC, bTRC (or kTRC three times); None where the profile has no such curves."""
    if icc is None or color_space(icc) not in ("RGB", "GRAY"):
        return None
    names = (b"kTRC",) * 3 if color_space(icc) == "GRAY" else (b"rTRC", b"gTRC", b"bTRC")
    try:
        tags = _tag_table(icc)
        parsed = {blob: _parse_curve(blob) for blob in {tags[name] for name in names}}
        red, green, blue = (parsed[tags[name]] for name in names)
    except (KeyError, ValueError, struct.error):
        return None
    return red, green, blue


def colorants(icc: bytes | None) -> Float64[np.ndarray, "3 3"] | None:
    """XYZ under D50 of a profile's red, green and blue, as columns; None where it has none."""
    if color_space(icc) != "RGB" or icc is None:
        return None
    try:
        tags = _tag_table(icc)
        columns = [struct.unpack_from(">3i", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    except (KeyError, struct.error):
        return None
    return np.array(columns).T / 65536


def hdr_codes(icc: bytes | None) -> tuple[int, int] | None:
    """Primaries and transfer (ITU-T H.273) of a profile that is marked as PQ (16) or HLG (18); None of others."""
    if icc is None or color_space(icc) != "RGB":
        return None
    try:
        primaries, transfer_code = _tag_table(icc)[b"cicp"][8:10]
    except (KeyError, ValueError, struct.error):
        return None
    return (primaries, transfer_code) if transfer_code in HDR else None


def diffuse_white(icc: bytes | None) -> float:
    """The light of white paper, where a profile's brightest is 1: BT.2408's 203 of 10,000 cd/m² in PQ, 75 % signal in
    HLG, else 1."""
    codes = hdr_codes(icc)
    return 1.0 if codes is None else _WHITES[codes[1]]


def _tag_table(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    entries = (struct.unpack_from(">4sII", icc, 132 + 12 * i) for i in range(min(count, 200)))
    return {name: icc[offset : offset + size] for name, offset, size in entries}


def _parse_curve(blob: bytes) -> Curve:
    if blob[:4] == b"curv":
        return _parse_curv(blob)
    if blob[:4] == b"para":
        return _parse_para(blob)
    raise ValueError(f"unknown curve type {blob[:4]!r}")


def _parse_curv(blob: bytes) -> Curve:
    """'curv': no entries = identity, one = a gamma (u8Fixed8), more = a table over 0..1."""
    (count,) = struct.unpack_from(">I", blob, 8)
    values = struct.unpack_from(f">{count}H", blob, 12) if count <= 65536 else ()
    if count > 65536 or (count == 1 and values[0] == 0):
        raise ValueError("malformed curve")
    if count == 0:
        return lambda x: x
    if count == 1:
        gamma = values[0] / 256.0
        return lambda x: x**gamma
    table, grid = np.asarray(values) / 65535.0, np.linspace(0.0, 1.0, count)
    return lambda x: np.interp(x, grid, table)


def _parse_para(blob: bytes) -> Curve:
    """'para' types 0–4: (a·x + b)^g + e above d, c·x + f below (s15Fixed16 numbers)."""
    (kind,) = struct.unpack_from(">H", blob, 8)
    if kind > 4:
        raise ValueError("malformed curve")
    count = (1, 3, 4, 5, 7)[kind]
    g, *rest = (value / 65536.0 for value in struct.unpack_from(f">{count}i", blob, 12))
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        a, b = rest[:2]
        if a == 0:
            raise ValueError("malformed curve")
        d = -b / a
        e = f = rest[2] if kind == 2 else 0.0
    elif kind >= 3:
        a, b, c, d = rest[:4]
        e, f = (rest[4], rest[5]) if kind == 4 else (0.0, 0.0)
    return lambda x: np.where(x >= d, np.maximum(a * x + b, 0.0) ** g + e, c * x + f)
