"""The bytes of depth files: PNG, TIFF, NPY, PFM, EXR to arrays [h w] and back.

Readers take (path, max_bytes), check the size from the header and raise FileError or DepthError on bad
files; writers take (path, array) and may raise OSError. Nothing here knows what the numbers mean.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped
from PIL import Image

from cocnet.errors import CocnetError, DepthError
from cocnet.imaging.photo.decode import decode, open_header
from cocnet.imaging.photo.exact_readers import require
from cocnet.imaging.photo.exif import read_exif
from cocnet.imaging.photo.limits import check_memory, damaged
from cocnet.imaging.photo.orientation import upright

Plane = Shaped[np.ndarray, "h w"]


def read_picture(path: Path, max_bytes: int) -> Plane:
    """Read a PNG or integer TIFF of one channel, or of three equal ones, turned upright."""
    raster = decode(path, max_bytes, formats=("PNG", "TIFF"))
    red = raster.pixels[..., 0]
    if not (raster.grey or all(np.array_equal(red, raster.pixels[..., c]) for c in (1, 2))):
        raise DepthError(
            f"expected depth in one channel, got a colour picture in '{path}', try the raw depth map"
        )
    return upright(red, 1 if raster.turned else read_exif(raster.exif).orientation)


def read_tiff(path: Path, max_bytes: int) -> Plane:
    """Read a TIFF of 8, 16 or 32 bit whole numbers or 32-bit floats."""
    with open_header(path, ("TIFF",), max_bytes) as image:
        if image.mode in ("F", "I"):
            return np.asarray(image)
    return read_picture(path, max_bytes)


def read_npy(path: Path, max_bytes: int) -> Plane:
    """Read an NPY array of numbers without ever unpickling."""
    try:
        mapped = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:
        reason = " ".join(str(error).split())
        if "Python objects" in reason:
            raise DepthError(
                f"expected an array of numbers, got Python objects in '{path}', try saving it as float32"
            ) from error
        raise damaged(path, "NPY", error) from error
    if mapped.ndim < 2 or mapped.dtype.kind not in "fiub":
        raise DepthError(
            f"expected numbers of shape (h, w), got {mapped.dtype} {mapped.shape} in '{path}', try one map"
        )
    columns, size = mapped.size // max(mapped.shape[0], 1), path.stat().st_size
    check_memory(columns, mapped.shape[0], max(4, mapped.dtype.itemsize), str(path), size, max_bytes)
    return np.array(mapped, dtype=mapped.dtype.newbyteorder("="))


def read_pfm(path: Path, max_bytes: int) -> Plane:
    """Read a grey PFM: header `Pf`, width height, scale (negative = little endian), rows bottom-up."""
    with path.open("rb") as stream:
        head = b" ".join(stream.readline(200).strip() for _ in range(3)).split()
        try:
            width, height, scale = int(head[1]), int(head[2]), float(head[3])
        except (IndexError, ValueError) as error:
            raise damaged(path, "PFM", error) from error
        if head[0] != b"Pf":
            raise DepthError(f"expected a grey PFM (Pf), got {head[0]!r} in '{path}', try one channel")
        check_memory(width, height, 4, str(path), path.stat().st_size, max_bytes)
        body = stream.read(4 * width * height) if width > 0 and height > 0 else b""
    if width < 1 or height < 1 or len(body) < 4 * width * height:
        raise damaged(path, "PFM", EOFError("fewer bytes than the header says"))
    rows = np.frombuffer(body, "<f4" if scale < 0 else ">f4").reshape(height, width)
    return rows[::-1].astype(np.float32)


def read_exr(path: Path, max_bytes: int) -> Plane:
    """Read channel Z, V, Y or R of an EXR (its first part); needs the extra `exr`."""
    openexr = require("OpenEXR", "exr", "EXR files")
    try:
        low, high = openexr.File(str(path), header_only=True).header()["dataWindow"]
        width, height = int(high[0] - low[0] + 1), int(high[1] - low[1] + 1)
        check_memory(width, height, 4, str(path), path.stat().st_size, max_bytes)
        channels: dict[str, Any] = openexr.File(str(path), separate_channels=True).channels()
    except CocnetError:
        raise
    except Exception as error:
        raise damaged(path, "EXR", error) from error
    name = next((c for c in ("Z", "V", "Y", "R") if c in channels), None)
    if name is None:
        raise DepthError(
            f"expected a channel Z, V, Y or R, got {sorted(channels)} in '{path}', try renaming it"
        )
    return np.asarray(channels[name].pixels)


def write_png(path: Path, codes: Plane) -> None:
    """Write 16-bit grey PNG."""
    Image.fromarray(codes.astype(np.uint16)).save(path, format="PNG")


def write_npy(path: Path, values: Plane) -> None:
    """Write float32 NPY."""
    with path.open("wb") as stream:
        np.save(stream, values.astype(np.float32), allow_pickle=False)


def write_pfm(path: Path, values: Plane) -> None:
    """Write little-endian grey PFM, rows bottom-up."""
    height, width = values.shape
    path.write_bytes(f"Pf\n{width} {height}\n-1.0\n".encode() + values[::-1].astype("<f4").tobytes())


def write_exr(path: Path, values: Plane) -> None:
    """Write channel Z as 32-bit float, ZIP-compressed; needs the extra `exr`."""
    openexr = require("OpenEXR", "exr", "EXR files")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    try:
        openexr.File(header, {"Z": openexr.Channel(np.ascontiguousarray(values, np.float32))}).write(
            str(path)
        )
    except RuntimeError as error:
        raise OSError(" ".join(str(error).split())) from error
