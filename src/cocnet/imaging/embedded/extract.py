"""Depth that came along inside a photo, whoever wrote it; never an error, always a reason.

Enters: the photo's file, its orientation and size. Leaves: an upright `DepthMap`, or None and a note with the
reason.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from cocnet.errors import CocnetError
from cocnet.imaging.depth.depth_map import DepthMap, same_aspect
from cocnet.imaging.embedded.apple import heif_depth
from cocnet.imaging.embedded.gdepth import android_depth
from cocnet.imaging.photo.orientation import upright

_MAX_FILE_BYTES = 500_000_000
_TRAILERS = ((b"DualShot_", "Samsung"), (b"PMPD", "Xiaomi"), (b"depthlength", "Xiaomi"))


def extract_depth(
    path: str | Path, width: int, height: int, orientation: int = 1, heif: Any = None
) -> tuple[DepthMap | None, str | None]:
    """Find the depth embedded in a JPEG or (opened as `heif`) HEIC photo of width × height px when upright.

    Returns (depth, note): upright depth and None, or None and why depth that is there can't be used, or
    (None, None) where there is none. A HEIC's depth is turned by its decoder, a JPEG's by `orientation`.
    """
    try:
        if Path(path).stat().st_size > _MAX_FILE_BYTES:
            return None, f"embedded depth ignored: the file is over {_MAX_FILE_BYTES:,} bytes"
        data = Path(path).read_bytes()
        found = heif_depth(heif, data) if heif is not None else android_depth(data)
    except (ValueError, OSError, CocnetError, RecursionError, MemoryError) as error:
        return None, f"embedded depth ignored: {' '.join(str(error).split())}"
    if found is None:
        return None, _trailer_note(data)
    return _turned(found, width, height, 1 if heif is not None else orientation)


def _turned(depth: DepthMap, width: int, height: int, orientation: int) -> tuple[DepthMap | None, str | None]:
    """Turn depth with its photo; a map whose aspect shows it upright is left, another aspect is refused."""
    stored = (height, width) if orientation >= 5 else (width, height)
    if same_aspect(depth.width, depth.height, *stored):
        turned = replace(
            depth, values=upright(depth.values, orientation), valid=upright(depth.valid, orientation)
        )
        return turned, None
    if orientation >= 5 and same_aspect(depth.width, depth.height, width, height):
        return replace(depth, source=f"{depth.source}; found upright"), None
    sizes = f"its aspect {depth.width} × {depth.height} is not the photo's {width} × {height}"
    return None, f"embedded depth ignored: {sizes}"


def _trailer_note(data: bytes) -> str | None:
    tail = data[-2_000_000:]
    maker = next((name for mark, name in _TRAILERS if mark in tail), None)
    return f"embedded depth ignored: {maker}'s own depth trailer is not supported" if maker else None
