"""The bytes of depth files: PNG, TIFF, NPY, NPZ, PFM to arrays [h w] and back.

Readers take (path, max_bytes), check the size from the header and raise FileError or DepthError on bad
files; writers take (path, array) and may raise OSError. Nothing here knows what the numbers mean.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped
from PIL import Image, UnidentifiedImageError

from cocnet.errors import CocnetError, DepthError, FileError
from cocnet.files import npz_file
from cocnet.files.quiet import quiet_stderr
from cocnet.imaging.photo.decode import decode, open_header
from cocnet.imaging.photo.exact_readers import read_grey_tiff
from cocnet.imaging.photo.exif import read_exif
from cocnet.imaging.photo.limits import check_memory, damaged
from cocnet.imaging.photo.orientation import upright
from cocnet.imaging.photo.source import opened

Plane = Shaped[np.ndarray, "h w"]


def read_picture(path: Path, max_bytes: int) -> Plane:
    """Read a PNG or integer TIFF of one channel, or of three equal ones, turned upright; masked where it is wholly
    transparent."""
    raster = decode(path, max_bytes, formats=("PNG", "TIFF"))
    red = raster.pixels[..., 0]
    if not (raster.grey or all(np.array_equal(red, raster.pixels[..., c]) for c in (1, 2))):
        raise DepthError(
            f"expected depth in one channel, got a colour picture in '{path}', try the raw depth map"
        )
    turn = 1 if raster.turned else read_exif(raster.exif).orientation
    plane = upright(red, turn)
    return plane if raster.alpha is None else np.ma.masked_array(plane, upright(raster.alpha, turn) == 0)


def read_tiff(path: Path, max_bytes: int) -> Plane:
    """Read a TIFF of one channel: whole numbers of 8, 16 or 32 bit, floats of 16, 32 or 64 bit."""
    try:
        with open_header(path, ("TIFF",), max_bytes) as image:
            tiff: Any = image
            turned_twice = tiff.tile[0].codec_name == "libtiff" and tiff.tag_v2.prefix == b"MM"
            if image.mode in ("F", "I") and not turned_twice:
                with quiet_stderr():
                    return np.asarray(image)
            scientific = image.mode in ("F", "I")
    except FileError as error:
        if not isinstance(error.__cause__, UnidentifiedImageError):
            raise
        scientific = True
    return _read_scientific_tiff(path, max_bytes) if scientific else read_picture(path, max_bytes)


def _read_scientific_tiff(path: Path, max_bytes: int) -> Plane:
    """What Pillow can't read, through tifffile: floats of 16 and 64 bit, and compressed big-endian numbers, whose
    bytes it swaps twice. Needs the extra `tiff`."""
    with opened(path) as source:

        def check(width: int, height: int, pixel_bytes: int) -> None:
            check_memory(width, height, pixel_bytes, source.name, source.size, max_bytes)

        try:
            return read_grey_tiff(source, check)
        except CocnetError:
            raise
        except Exception as error:
            raise damaged(path, "TIFF", error) from error


def read_npy(path: Path, max_bytes: int) -> Plane:
    """Read an NPY array of numbers without ever unpickling."""
    try:
        mapped = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:
        if "Python objects" in str(error):
            raise _objects(path) from error
        raise damaged(path, "NPY", error) from error
    _check_npy(mapped.shape, mapped.dtype, path, max_bytes)
    return np.array(mapped, dtype=mapped.dtype.newbyteorder("="))


def read_npz(path: Path, max_bytes: int) -> Plane:
    """Read the one array of an NPZ, or the one called depth, without ever unpickling."""
    try:
        names = npz_file.npz_names(path)
        name = "depth" if "depth" in names else names[0] if len(names) == 1 else None
        if name is None:
            some = ", ".join(each[:40] for each in names[:10]) or "none"
            raise DepthError(
                f"expected one array, or one called depth, got {some} in '{path}', try saving one map"
            )
        read = npz_file.read_npz(
            path, [name], max_bytes, lambda shape, dtype: _check_npy(shape, dtype, path, max_bytes)
        )
        return read[name]
    except CocnetError:
        raise
    except Exception as error:
        if "Python objects" in str(error):
            raise _objects(path) from error
        raise damaged(path, "NPZ", error) from error


def _objects(path: Path) -> DepthError:
    return DepthError(
        f"expected an array of numbers, got Python objects in '{path}', try saving it as float32"
    )


def _check_npy(shape: tuple[int, ...], dtype: np.dtype[Any], path: Path, max_bytes: int) -> None:
    if dtype.hasobject:
        raise _objects(path)
    if len(shape) < 2 or dtype.kind not in "fiub":
        raise DepthError(f"expected numbers of shape (h, w), got {dtype} {shape} in '{path}', try one map")
    size = path.stat().st_size
    check_memory(math.prod(shape[1:]), shape[0], max(4, dtype.itemsize), str(path), size, max_bytes)


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


def write_png(path: Path, codes: Plane) -> None:
    """Write 16-bit grey PNG."""
    Image.fromarray(codes.astype(np.uint16)).save(path, format="PNG")


def write_npy(path: Path, values: Plane) -> None:
    """Write depth as a NumPy file (.npy) of float32."""
    with path.open("wb") as stream:
        np.save(stream, values.astype(np.float32), allow_pickle=False)


def write_pfm(path: Path, values: Plane) -> None:
    """Write little-endian grey PFM, rows bottom-up."""
    height, width = values.shape
    path.write_bytes(f"Pf\n{width} {height}\n-1.0\n".encode() + values[::-1].astype("<f4").tobytes())
