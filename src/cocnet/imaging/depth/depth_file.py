"""Depth files: arrays as stored, their JSON sidecars, and writing both.

Enters and leaves: paths, arrays [h w] and a sidecar {kind, scale, offset, encoding, hole, source, span_m} with
value = stored·scale + offset (encoding "inverse": 1/(stored·scale + offset)); `hole` marks missing depth; `span_m`
is the near and far distance (metres) that a relative map suggests.
"""

import json
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Shaped

from cocnet.errors import CocnetWarning, DepthError, FileError
from cocnet.files.atomic import atomic_path
from cocnet.imaging.depth import depth_codec as depthcodec
from cocnet.imaging.depth import exr
from cocnet.imaging.depth.trusted_range import trusted_range
from cocnet.imaging.photo.source import Given, opened, path_of

_READERS = {
    ".png": depthcodec.read_picture,
    ".tif": depthcodec.read_tiff,
    ".tiff": depthcodec.read_tiff,
    ".npy": depthcodec.read_npy,
    ".npz": depthcodec.read_npz,
    ".pfm": depthcodec.read_pfm,
    ".exr": exr.read_exr,
}
_WRITERS = {".npy": depthcodec.write_npy, ".pfm": depthcodec.write_pfm, ".exr": exr.write_exr}
_FLOAT32_ERROR = 2e-7
SUFFIXES = tuple(_READERS)
_PLAIN = re.compile(r"[^\w-]+")
_STARTS = {
    b"\x89PNG": ".png",
    b"II": ".tif",
    b"MM": ".tif",
    b"\x93NUMPY": ".npy",
    b"PK": ".npz",
    b"Pf": ".pfm",
    b"PF": ".pfm",
    b"v/1\x01": ".exr",
}


@dataclass(frozen=True)
class Sidecar:
    """What the JSON beside a depth file says; None where it says nothing."""

    kind: str | None = None
    scale: float | None = None
    offset: float = 0.0
    inverse: bool = False
    hole: float | None = None
    source: str = ""
    span_m: tuple[float, float] | None = None


@contextmanager
def as_file(given: Given) -> Iterator[Path]:
    """A depth file as a path: file objects, bytes and "-" (standard input) become a temporary one, of the format that
    their first bytes tell. Raises FileError or InputError.
    """
    if (path := path_of(given)) is not None:
        yield path
        return
    with opened(given) as source, tempfile.TemporaryDirectory() as folder:
        data = source.read()
        suffix = next((end for start, end in _STARTS.items() if data.startswith(start)), None)
        if suffix is None:
            raise FileError(f"expected a depth file from {source.name}, got unknown bytes, try its path")
        file = Path(folder) / f"{_PLAIN.sub('-', Path(source.name).stem) or 'depth'}{suffix}"
        file.write_bytes(data)
        yield file


def read_array(path: Path, max_bytes: int, channel: str | None = None) -> Shaped[np.ndarray, "h w"]:
    """Read the stored numbers [h w] of a depth file by its suffix, of an EXR the channel named, else found; masked
    where a picture is transparent.

    Raises FileError or DepthError.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise FileError(f"expected a depth file ({', '.join(SUFFIXES)}), got '{path}', try converting it")
    if not path.is_file():
        raise FileError(f"expected a depth file, got no file at '{path}', try another path")
    if reader is exr.read_exr:
        return exr.read_exr(path, max_bytes, channel)
    if channel is not None:
        raise DepthError(f"expected an EXR to take the channel '{channel}' of, got '{path}', try without it")
    return reader(path, max_bytes)


def sidecar_paths(path: Path) -> tuple[Path, Path]:
    """Where a sidecar may lie: `depth.png.json` first, then `depth.json`."""
    return path.with_name(path.name + ".json"), path.with_suffix(".json")


def sidecars(path: Path | None) -> list[Path]:
    """The sidecars of a depth file that are there; none of no file."""
    return [] if path is None else [found for found in sidecar_paths(path) if found.is_file()]


def read_sidecar(path: Path) -> Sidecar:
    """Read the sidecar of a depth file, empty where there is none; raises DepthError where it is broken.

    A `depth.json` that can't be read may be another program's: a CocnetWarning says that it isn't used.
    """
    own, shared = sidecar_paths(path)
    found = own if own.is_file() else shared
    data: Any = None
    try:
        data = _read_json(found) if found.is_file() else {}
        if "kind" not in data:
            return Sidecar()
        scale, hole, span = data.get("scale"), data.get("hole"), data.get("span_m")
        sidecar = Sidecar(
            kind=str(data["kind"])[:40],
            scale=None if scale is None else float(scale),
            offset=float(data.get("offset") or 0.0),
            inverse=data.get("encoding") == "inverse",
            hole=None if hole is None else float(hole),
            source=" ".join(str(data.get("source") or "").split())[:300],
            span_m=None if span is None else (float(span[0]), float(span[1])),
        )
        if not np.isfinite([sidecar.scale or 1.0, sidecar.offset]).all() or sidecar.scale == 0:
            raise ValueError("scale and offset must be finite, scale not 0")
        if sidecar.span_m is not None and not 0 < sidecar.span_m[0] < sidecar.span_m[1] < np.inf:
            raise ValueError("span_m must be a near and a far distance in metres")
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        LookupError,
        RecursionError,
    ) as error:
        reason = " ".join(str(error).split())[:160]
        if found == shared and not isinstance(data, dict):
            warnings.warn(f"'{found}' isn't used as a depth sidecar ({reason})", CocnetWarning, stacklevel=3)
            return Sidecar()
        raise DepthError(f"expected a depth sidecar, got '{found}' ({reason}), try mending it") from error
    return sidecar


def _read_json(path: Path) -> Any:
    if path.stat().st_size > 1_000_000:
        raise ValueError("larger than 1 MB")
    return json.loads(path.read_text(encoding="utf-8"))


def to_values(
    stored: Shaped[np.ndarray, "h w"], kind: str, sidecar: Sidecar, path: Path
) -> tuple[Shaped[np.ndarray, "h w"], str]:
    """Stored numbers to values of the kind, and a line saying how; DepthError without a needed scale."""
    integer, gone = stored.dtype.kind in "uib", np.ma.getmaskarray(stored)
    scale, note = sidecar.scale, sidecar.source or f"read from {path.name}"
    if stored.dtype.itemsize == 1 and integer:
        message = (
            f"'{path}' holds 8-bit depth: expect stair steps in the blur; 16-bit PNG, NPY or EXR are smooth"
        )
        warnings.warn(message, CocnetWarning, stacklevel=4)
    if scale is None and integer and kind == "metric":
        if stored.dtype.itemsize == 1:
            raise DepthError(
                f"expected a scale for 8-bit metric depth, got none for '{path}', try --depth-scale"
            )
        scale, note = 0.001, f"{note}; a guess: whole numbers taken as millimetres"
    if scale is None and integer and kind == "disparity":
        raise DepthError(
            f"expected a scale to 1/m for whole-number disparity, got none for '{path}', "
            "try --depth-scale or --depth-kind relative_disparity"
        )
    if scale is None and sidecar.offset == 0 and sidecar.hole is None and not sidecar.inverse:
        return stored, note
    stored = np.ma.getdata(stored)
    values = stored.astype(np.float64) * (scale if scale is not None else 1.0) + sidecar.offset
    if sidecar.inverse:
        with np.errstate(divide="ignore"):
            values = 1.0 / np.where(values >= 0, np.abs(values), np.nan)
    empty = stored == (sidecar.hole if sidecar.hole is not None else 0)
    hidden = empty if sidecar.hole is not None or (integer and kind == "metric") else False
    return np.where(gone | hidden, np.nan, values), note


def write(
    path: Path,
    values: Float32[np.ndarray, "h w"],
    valid: Bool[np.ndarray, "h w"],
    kind: str,
    source: str,
    span_m: tuple[float, float] | None = None,
) -> None:
    """Write a depth file and its sidecar together; raises FileError (unknown suffix, failed write)
    or DepthError (distances that can't be)."""
    suffix = path.suffix.lower()
    if suffix != ".png" and suffix not in _WRITERS:
        raise FileError(f"expected one of .png, .npy, .exr, .pfm, got '{path}', try changing the suffix")
    about: dict[str, Any] = {"kind": kind, "source": source}
    if span_m is not None:
        if not 0 < span_m[0] < span_m[1] < np.inf:
            raise DepthError(f"expected a near and a far distance in metres, got {span_m}, try (1, 10)")
        about["span_m"] = [float(each) for each in span_m]
    if suffix == ".png":
        stored, mapping = _quantise(values, valid, kind)
        about |= mapping
    else:
        stored = np.where(valid, values, np.float32(np.nan))
    with atomic_path(sidecar_paths(path)[0]) as beside, atomic_path(path) as temporary:
        (depthcodec.write_png if suffix == ".png" else _WRITERS[suffix])(temporary, stored)
        beside.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _quantise(values: np.ndarray, valid: np.ndarray, kind: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Values to 16-bit codes 1–65535 (0 = hole) and the mapping back; millimetres stay exact."""
    known = values[valid].astype(np.float64)
    millimetres = np.rint(known * 1000)
    rounded = np.abs(known * 1000 - millimetres) <= _FLOAT32_ERROR * millimetres
    exact = kind == "metric" and millimetres.max() <= 65535 and rounded.all()
    if exact and millimetres.min() >= 1:
        codes, mapping = millimetres, {"scale": 0.001, "offset": 0.0, "encoding": "linear", "hole": 0}
    else:
        inverse = kind == "metric"
        line = _without_absurd(1.0 / known if inverse else known, kind)
        low, high = float(line.min()), float(line.max())
        scale = (high - low) / 65534 or 1.0
        codes = np.rint((line - low) / scale) + 1
        mapping = {
            "scale": scale,
            "offset": low - scale,
            "encoding": "inverse" if inverse else "linear",
            "hole": 0,
        }
    stored = np.zeros(values.shape, np.uint16)
    stored[valid] = codes.astype(np.uint16)
    return stored, mapping


def _without_absurd(line: Float64[np.ndarray, " n"], kind: str) -> Float64[np.ndarray, " n"]:
    """Values (metric ones as 1/z) with a handful of absurd ones at the end of the others, so that steps stay fine."""
    absolute = kind in ("metric", "disparity")
    everywhere = np.ones(line.shape, bool)
    low, high = trusted_range(line.astype(np.float32), everywhere, 1.0 if absolute else 0.0)
    return line.clip(line.min() if absolute else low, np.float64(high))
