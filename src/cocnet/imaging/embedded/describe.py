"""Depth in phone photos and depth files: what is there, of which kind, how far to trust it.

Enters: a path. Leaves: upright depth with a note, or a description for people.
"""

from pathlib import Path
from typing import Any

import numpy as np

from cocnet.errors import DepthError, FileError
from cocnet.imaging.depth import depth_file as depthfile
from cocnet.imaging.depth.depth_array import as_array
from cocnet.imaging.depth.depth_map import KINDS_EXPLAINED, DepthMap, read_depth
from cocnet.imaging.embedded.extract import extract_depth
from cocnet.imaging.photo.limits import MAX_BYTES
from cocnet.imaging.photo.photo import read_photo
from cocnet.imaging.photo.source import Given, path_of

__all__ = ["describe_depth", "extract_depth"]

_UNITS = {"metric": "m", "disparity": "1/m"}


def describe_depth(path: Given) -> dict[str, Any]:
    """Say what depth a photo or a depth file holds, as a plain dict.

    Keys: file, holds ("photo with depth", "photo without depth", "depth file"), kind, width, height,
    min, max (of the valid values), units, valid_share (0..1), accuracy, source, note. Raises FileError or
    DepthError where the file itself can't be read.
    """
    file = path_of(path)
    name = "-" if file is None else str(file)
    if file is not None and file.suffix.lower() in depthfile.SUFFIXES and _is_depth_file(file):
        return {"file": str(file), "holds": "depth file"} | _describe_file(file)
    photo = read_photo(path)
    if photo.embedded_depth is None:
        note = photo.depth_note or "no depth came with this photo"
        return {"file": name, "holds": "photo without depth"} | _EMPTY | {"note": note}
    return {"file": name, "holds": "photo with depth"} | _describe_map(photo.embedded_depth)


_EMPTY: dict[str, Any] = dict.fromkeys(
    ("kind", "width", "height", "min", "max", "units", "valid_share", "accuracy", "source", "note")
)


def _is_depth_file(file: Path) -> bool:
    """NPY, NPZ, PFM and EXR always; PNG and TIFF where a sidecar or a single channel says so."""
    if (
        file.suffix.lower() in (".npy", ".npz", ".pfm", ".exr")
        or depthfile.read_sidecar(file).kind is not None
    ):
        return True
    try:
        depthfile.read_array(file, MAX_BYTES)
    except (DepthError, FileError):
        return False
    return True


def _describe_file(file: Path) -> dict[str, Any]:
    sidecar = depthfile.read_sidecar(file)
    if sidecar.kind is not None:
        return _describe_map(read_depth(file))
    stored = as_array(depthfile.read_array(file, MAX_BYTES)).astype(np.float64)
    finite = np.isfinite(stored)
    if not finite.any():
        raise DepthError(f"expected numbers, got none that are finite in '{file}', try another map")
    return _EMPTY | {
        "width": stored.shape[-1],
        "height": stored.shape[-2],
        "min": float(stored[finite].min()),
        "max": float(stored[finite].max()),
        "valid_share": float(finite.mean()),
        "source": f"stored numbers of {file.name}",
        "note": f"no kind is given: pass --depth-kind to cocnet render, one of {KINDS_EXPLAINED}",
    }


def _describe_map(depth: DepthMap) -> dict[str, Any]:
    known = depth.values[depth.valid]
    return _EMPTY | {
        "kind": depth.kind,
        "width": depth.width,
        "height": depth.height,
        "min": float(known.min()),
        "max": float(known.max()),
        "units": _UNITS.get(depth.kind, "none"),
        "valid_share": float(depth.valid.mean()),
        "accuracy": depth.accuracy,
        "source": depth.source,
    }
