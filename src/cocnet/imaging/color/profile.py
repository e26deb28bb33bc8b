"""ICC profiles made of what else a file says about its colour: primaries, a white point and a transfer curve.

Enters: code points of ISO/IEC 23091-2 (PNG's cICP, HEIC's and AVIF's nclx), PNG's gAMA and cHRM, TIFF's tables.
Leaves: a profile, None where the meaning is sRGB. Sources: ITU-T H.273, ICC.1:2022, ST 2084 (PQ), BT.2100 (HLG).
"""

import functools
import struct
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

Point = tuple[float, float]
D65: Point = (0.3127, 0.3290)
_BT709 = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_PRIMARIES: dict[int, tuple[tuple[Point, ...], Point]] = {
    1: (_BT709, D65),
    5: (((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), D65),
    6: (((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)), D65),
    9: (((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), D65),
    11: (((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), (0.314, 0.351)),
    12: (((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), D65),
}
_ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
_VIDEO, _SRGB, _PQ, _HLG = (1, 6, 14, 15), 13, 16, 18
SRGB_CODES = tuple((1, transfer) for transfer in (*_VIDEO, _SRGB))  # 709's camera curve is shown as sRGB
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_SRGB_CURVE = (3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_VIDEO_CURVE = (3, 1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])
_SRGB_GAMMA = 0.45455
_TABLE = np.linspace(0, 1, 4096)
_NAMES = ("rXYZ", "gXYZ", "bXYZ")


@functools.lru_cache(maxsize=32)
def of_code_points(primaries: int, transfer: int) -> bytes | None:
    """The profile of code points; None where they mean sRGB or aren't known."""
    unknown = primaries not in _PRIMARIES or transfer == 2
    if unknown or (primaries, transfer) in SRGB_CODES:
        return None
    curve = _curve_of(transfer)
    return None if curve is None else _profile(*_PRIMARIES[primaries], curve, (primaries, transfer))


def of_gamma(gamma: float | None, chromaticity: tuple[float, ...] | None) -> bytes | None:
    """The profile of a PNG's gAMA (the exponent it was encoded with) and cHRM (white, red, green, blue as x, y)."""
    if not (points := _points(chromaticity)):
        return None
    white, colours = points
    like_srgb = gamma is None or abs(gamma - _SRGB_GAMMA) < 5e-3
    if (like_srgb and colours == _BT709) or (gamma is not None and not 0.05 < gamma < 20):
        return None
    curve = _para(*_SRGB_CURVE) if like_srgb or gamma is None else _para(0, 1 / gamma)
    try:
        return _profile(colours, white, curve)
    except np.linalg.LinAlgError:
        return None


def of_tables(tables: Sequence[Sequence[int]], chromaticity: tuple[float, ...] | None) -> bytes | None:
    """The profile of a TIFF's TransferFunction: for red, green and blue the light, 65535 = white, of each code.

    None where the tables mean sRGB, or can't be a curve.
    """
    points, curves = _points(chromaticity), [np.asarray(table, np.float64) / 65535 for table in tables]
    if not points or any(len(curve) < 2 or curve[0] >= curve[-1] or np.ptp(curve) == 0 for curve in curves):
        return None
    shares = [np.interp(_TABLE, np.linspace(0, 1, len(curve)), curve) for curve in curves]
    if points[1] == _BT709 and all(np.abs(share - _srgb(_TABLE)).max() < 2e-3 for share in shares):
        return None
    white, colours = points
    return _profile(colours, white, tuple(_table(share) for share in shares))


def _points(chromaticity: tuple[float, ...] | None) -> tuple[Point, tuple[Point, ...]] | None:
    """White and primaries, those of sRGB where they are nearly so or not given; None where they can't be."""
    if chromaticity is None or len(chromaticity) != 8:
        return D65, _BT709
    points = [(chromaticity[i], chromaticity[i + 1]) for i in range(0, 8, 2)]
    if not all(0 < x < 1 and 0 < y < 1 and x + y <= 1 for x, y in points):
        return None
    away = np.abs(np.subtract(points, (D65, *_BT709))).max()
    return (points[0], tuple(points[1:])) if away > 2e-3 else (D65, _BT709)


@functools.cache
def adobe_rgb() -> bytes:
    """The profile of Adobe RGB (1998), which cameras name in EXIF only (ColorSpace 2, or interoperability R03)."""
    return _profile(_ADOBE, D65, _para(0, 563 / 256))


def _curve_of(transfer: int) -> bytes | None:
    if transfer in _GAMMAS:
        return _para(0, _GAMMAS[transfer])
    if transfer in (_PQ, _HLG):
        light = _pq(_TABLE) if transfer == _PQ else _hlg(_TABLE)
        return _table(light)
    if transfer == _SRGB:
        return _para(*_SRGB_CURVE)
    return _para(*_VIDEO_CURVE) if transfer in _VIDEO else None


def _table(light: np.ndarray) -> bytes:
    values = np.rint(light * 65535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", len(values)) + values.tobytes()


def _srgb(code: np.ndarray) -> np.ndarray:
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def _pq(code: np.ndarray) -> np.ndarray:
    """Light, 1 = 10,000 cd/m²: (max(E^(1/m2) − c1, 0) / (c2 − c3·E^(1/m2)))^(1/m1)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = code ** (1 / m2)
    return (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def _hlg(code: np.ndarray) -> np.ndarray:
    """Scene light, 1 = peak: E²/3 up to one half, (exp((E − c)/a) + b)/12 above."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)


def _para(kind: int, *values: float) -> bytes:
    numbers = struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + numbers


def _profile(
    colours: tuple[Point, ...], white: Point, curve: bytes | tuple[bytes, ...], codes: Point | None = None
) -> bytes:
    """A display profile, version 4.4: primaries adapted to D50 (Bradford), one curve for all channels or each."""
    columns = _adapted(np.array([_xyz(point) for point in colours]).T, _xyz(white))
    tags = {b"desc": _text("cocnet: colour as the file said"), b"cprt": _text("CC0"), b"wtpt": _numbers(_D50)}
    tags |= {name.encode(): _numbers(columns[:, i]) for i, name in enumerate(_NAMES)}
    curves = (curve,) * 3 if isinstance(curve, bytes) else curve
    tags |= dict(zip((b"rTRC", b"gTRC", b"bTRC"), curves, strict=True))
    if codes is not None:
        tags[b"cicp"] = b"cicp" + bytes(4) + bytes([int(codes[0]), int(codes[1]), 0, 1])
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for name, blob in tags.items():
        if blob not in places:
            places[blob] = start + len(body)
            body += blob + bytes(-len(blob) % 4)
        table += struct.pack(">4sII", name, places[blob], len(blob))
    head = bytearray(128)
    struct.pack_into(">I", head, 0, start + len(body))
    head[8:12], head[12:24], head[36:40] = b"\x04\x40\x00\x00", b"mntrRGB XYZ ", b"acsp"
    struct.pack_into(">6H", head, 24, 2024, 1, 1, 0, 0, 0)
    head[68:80] = _numbers(_D50)[8:]
    return bytes(head) + table + body


def srgb_colorants() -> Float64[np.ndarray, "3 3"]:
    """XYZ under D50 of sRGB's red, green and blue, as columns."""
    return _adapted(np.stack([_xyz(point) for point in _BT709], 1), _xyz(D65))


def _xyz(point: Point) -> np.ndarray:
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adapted(colours: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Columns XYZ of the primaries that add up to white, seen under D50."""
    scaled = colours * np.linalg.solve(colours, white)
    cone = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    return np.linalg.inv(_BRADFORD) @ cone @ _BRADFORD @ scaled


def _numbers(values: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(float(v) * 65536) for v in values))


def _text(text: str) -> bytes:
    data = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(data), 28) + data
