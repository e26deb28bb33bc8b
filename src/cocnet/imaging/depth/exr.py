"""Depth in OpenEXR files: one channel of any part to an array [h w] and back.

Enters: a path. Leaves: the channel as stored, or a FileError or DepthError. Sizes are checked from the headers
before any pixel is read. Needs the extra `exr`.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped

from cocnet.errors import CocnetError, DepthError
from cocnet.files.quiet import printed, quiet_stderr
from cocnet.imaging.depth.exr_channels import Place, choose_channel
from cocnet.imaging.photo.exact_readers import require
from cocnet.imaging.photo.limits import COPIES, check_memory, damaged

Plane = Shaped[np.ndarray, "h w"]
_TYPES = {"UINT": np.uint32, "HALF": np.float16, "FLOAT": np.float32}
_LARGEST_TILE_PIXELS = 1 << 24


def read_exr(path: Path, max_bytes: int, channel: str | None = None) -> Plane:
    """Read the depth of an EXR: the channel named, else Z, *.Z or depth* of any part, else its only channel.

    Colour is refused as depth. Raises FileError, DepthError or MissingExtraError.
    """
    openexr = require("OpenEXR", "exr", "EXR files")
    try:
        with quiet_stderr():
            parts = openexr.File(str(path), header_only=True).parts
        names = [(part.name() or "", [c.name for c in part.header["channels"]]) for part in parts]
    except Exception as error:
        raise damaged(path, "EXR", error) from error
    place = choose_channel(names, channel, path)
    try:
        _check(parts, place, path, max_bytes)
        with quiet_stderr(), printed() as warned:
            planes = _planes(openexr, path, place, len(parts))
        if said := " ".join(warned.getvalue().split()):  # it goes on without the pixels that are missing
            raise ValueError(said[:160])
    except CocnetError:
        raise
    except Exception as error:
        raise damaged(path, "EXR", error) from error
    if any(not np.array_equal(planes[0], other, equal_nan=True) for other in planes[1:]):
        raise DepthError(
            f"expected depth in one channel, got a colour picture in '{path}', try its pass of depth "
            "or --depth-channel"
        )
    return planes[0]


def _check(parts: list[Any], place: Place, path: Path, max_bytes: int) -> None:
    """Refuse deep or subsampled pixels, and headers that ask for too much: all parts are read, or one channel."""
    width, height, pixel_bytes = 0, 0, 4
    for index, part in enumerate(parts):
        low, high = part.header["dataWindow"]
        width = max(width, int(high[0]) - int(low[0]) + 1)
        height = max(height, int(high[1]) - int(low[1]) + 1)
        tile = part.header.get("tiles")
        if tile is not None and tile.xSize * tile.ySize > _LARGEST_TILE_PIXELS:
            raise ValueError(f"tiles of {tile.xSize} × {tile.ySize} pixels")
        if len(parts) > 1:
            pixel_bytes += 4 * len(part.header["channels"]) // COPIES
        if index == place.part:
            _check_channel(part, place, path)
    check_memory(width, height, pixel_bytes, str(path), path.stat().st_size, max_bytes)


def _check_channel(part: Any, place: Place, path: Path) -> None:
    if "deep" in str(part.header["type"]):
        raise DepthError(f"expected one depth a pixel, got deep data in '{path}', try flattening it")
    steps = [(c.xSampling, c.ySampling) for c in part.header["channels"] if c.name == place.channel]
    if steps != [(1, 1)]:
        raise DepthError(
            f"expected depth for each pixel, got a channel at steps {steps} in '{path}', try another"
        )


def _planes(openexr: Any, path: Path, place: Place, parts: int) -> list[Plane]:
    """The channel and those that must equal it; of a single part nothing else is held in memory."""
    names = (place.channel, *place.alike)
    if parts == 1 and hasattr(openexr, "InputFile"):
        stream = openexr.InputFile(str(path))
        low, high = (getattr(stream.header()["dataWindow"], end) for end in ("min", "max"))
        size = high.y - low.y + 1, high.x - low.x + 1
        kinds = [_TYPES[str(stream.header()["channels"][name].type)] for name in names]
        return [
            np.frombuffer(stream.channel(name), kind).reshape(size)
            for name, kind in zip(names, kinds, strict=True)
        ]
    channels = openexr.File(str(path), separate_channels=True).parts[place.part].channels
    return [np.asarray(channels[name].pixels) for name in names]


def write_exr(path: Path, values: Float32[np.ndarray, "h w"]) -> None:
    """Write channel Z as 32-bit float, ZIP-compressed."""
    openexr = require("OpenEXR", "exr", "EXR files")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    try:
        openexr.File(header, {"Z": openexr.Channel(np.ascontiguousarray(values, np.float32))}).write(
            str(path)
        )
    except RuntimeError as error:
        raise OSError(" ".join(str(error).split())) from error
