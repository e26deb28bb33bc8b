"""The bytes of depth files: PNG, TIFF, NPY, NPZ, PFM to arrays [h w] and back.

Readers take (path, max_bytes), check the size from the header and raise FileError or DepthError on bad
files; writers take (path, array) and may raise OSError. Nothing here knows what the numbers mean.
"""

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Shaped
from PIL import Image, UnidentifiedImageError

from cocnet.errors import CocnetError, DepthError, FileError
from cocnet.imaging.photo.decode import decode, open_header
from cocnet.imaging.photo.exact_readers import read_grey_tiff
from cocnet.imaging.photo.exif import read_exif
from cocnet.imaging.photo.limits import check_memory, damaged
from cocnet.imaging.photo.orientation import upright
from cocnet.imaging.photo.source import opened

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
    """Read a TIFF of one channel: whole numbers of 8, 16 or 32 bit, floats of 16, 32 or 64 bit."""
    try:
        with open_header(path, ("TIFF",), max_bytes) as image:
            tiff: Any = image
            turned_twice = tiff.tile[0].codec_name == "libtiff" and tiff.tag_v2.prefix == b"MM"
            if image.mode in ("F", "I") and not turned_twice:
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
        reason = " ".join(str(error).split())
        if "Python objects" in reason:
            raise DepthError(
                f"expected an array of numbers, got Python objects in '{path}', try saving it as float32"
            ) from error
        raise damaged(path, "NPY", error) from error
    _check_npy(mapped.shape, mapped.dtype, path, max_bytes)
    return np.array(mapped, dtype=mapped.dtype.newbyteorder("="))


def read_npz(path: Path, max_bytes: int) -> Plane:
    """Read the one array of an NPZ, or the one called depth, without ever unpickling."""
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = [name for name in archive.namelist() if name.endswith(".npy")]
            name = "depth.npy" if "depth.npy" in arrays else arrays[0] if len(arrays) == 1 else None
            if name is None:
                names = ", ".join(each.removesuffix(".npy")[:40] for each in arrays[:10]) or "none"
                raise DepthError(
                    f"expected one array, or one called depth, got {names} in '{path}', try saving one map"
                )
            with archive.open(name) as stream:
                return _npy_of(stream, path, max_bytes)
    except CocnetError:
        raise
    except Exception as error:
        raise damaged(path, "NPZ", error) from error


def _npy_of(stream: IO[bytes], path: Path, max_bytes: int) -> Plane:
    """An NPY within an archive: its size is checked from its header before it is unpacked."""
    version = np.lib.format.read_magic(stream)
    read_header = (
        np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = read_header(stream)
    _check_npy(shape, dtype, path, max_bytes)
    count = math.prod(shape)
    body = stream.read(count * dtype.itemsize)
    values = np.frombuffer(body, dtype, count).reshape(shape, order="F" if fortran else "C")
    return values.astype(dtype.newbyteorder("="))


def _check_npy(shape: tuple[int, ...], dtype: np.dtype[Any], path: Path, max_bytes: int) -> None:
    if dtype.hasobject:
        raise DepthError(
            f"expected an array of numbers, got Python objects in '{path}', try saving it as float32"
        )
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
    """Write float32 NPY."""
    with path.open("wb") as stream:
        np.save(stream, values.astype(np.float32), allow_pickle=False)


def write_pfm(path: Path, values: Plane) -> None:
    """Write little-endian grey PFM, rows bottom-up."""
    height, width = values.shape
    path.write_bytes(f"Pf\n{width} {height}\n-1.0\n".encode() + values[::-1].astype("<f4").tobytes())
