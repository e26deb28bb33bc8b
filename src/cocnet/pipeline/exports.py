"""Depth and mask of a render as files.

Enters: inverse depth (1/m) or a mask in 0..1, a path. Leaves: a depth file with its sidecar, or a picture.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float32

from cocnet.errors import DepthError, FileError
from cocnet.files.json_file import an_object, read_json
from cocnet.imaging import DepthMap, depth_picture, write_depth, write_photo
from cocnet.imaging.depth.depth_file import sidecar_paths
from cocnet.pipeline.options import RenderSettings
from cocnet.pipeline.result_files import check_suffix

PICTURES = (".jpg", ".jpeg", ".webp")
DEPTHS = (".png", ".npy", ".exr", ".pfm", *PICTURES)


def save_depth(
    path: str | Path, inverse: Float32[np.ndarray, "h w"] | None, settings: RenderSettings
) -> None:
    """Write inverse depth as disparity with where it is from, or coloured for PICTURES.

    Raises DepthError where a render had none, FileError or MissingExtraError as `write_depth`.
    """
    if inverse is None:
        raise DepthError("expected a render with depth, got one without, try cocnet.render(…)")
    if Path(path).suffix.lower() in PICTURES:
        write_photo(path, depth_picture(inverse))
        return
    chosen = "; its distances are chosen"
    told = settings.depth_source.endswith(chosen) or not settings.depth_kind.startswith("relative")
    placed = "" if told else chosen
    write_depth(path, DepthMap.of(inverse, "disparity", settings.depth_source + placed))


def depth_files(path: Path) -> tuple[Path, ...]:
    """What `save_depth` writes there: a picture, or a depth file and its sidecar.

    Raises FileError for another ending, and where the sidecar would replace another program's file.
    """
    check_suffix(path, DEPTHS)
    if path.suffix.lower() in PICTURES:
        return (path,)
    sidecar = sidecar_paths(path)[0]
    if sidecar.exists() and not _is_sidecar(sidecar):
        raise FileError(
            f"expected a new file, got '{sidecar}', which says nothing of depth, try another name"
        )
    return path, sidecar


def _is_sidecar(path: Path) -> bool:
    try:
        return "kind" in read_json(path, "a sidecar", "another name", an_object)
    except FileError:
        return False


def save_mask(path: str | Path, mask: Float32[np.ndarray, "h w"]) -> None:
    """Write a mask as a grey picture of 8 bit, white = 1. Raises FileError."""
    grey = np.rint(255 * mask.clip(0, 1)).astype(np.uint8)
    write_photo(path, np.repeat(grey[..., None], 3, 2))
