"""Arrays of an NPY or NPZ, without ever unpickling, in bounded memory: every header is read before what it announces.

Enters: a path, the names wanted, bytes that they may have together. Leaves: arrays by name, or a ValueError, KeyError
or OSError with what is wrong. Source: NumPy's format, NEP 1.
"""

import lzma
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

MOST_BYTES = 4_000_000_000
_END = ".npy"
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, struct.error)
Shape = tuple[int, ...]


def npz_names(path: Path) -> list[str]:
    """The names of an NPZ's arrays."""
    with _opened(path) as archive:
        return [name.removesuffix(_END) for name in archive.namelist() if name.endswith(_END)]


def npz_shape(path: Path, name: str) -> Shape:
    """The shape of one array by its header."""
    with _opened(path) as archive, archive.open(name + _END) as stream:
        return _header(stream)[0]


def read_npz(
    path: Path,
    names: Iterable[str] | None = None,
    most_bytes: int = MOST_BYTES,
    check: Callable[[Shape, np.dtype[Any]], None] = lambda shape, dtype: None,
) -> dict[str, np.ndarray]:
    """The arrays of those names [all]. check: may refuse what a header announces before it is read."""
    found: dict[str, np.ndarray] = {}
    room = most_bytes
    for name in npz_names(path) if names is None else names:
        with _opened(path) as archive, archive.open(name + _END) as stream:
            shape, fortran, dtype = _header(stream)
            check(shape, dtype)
            size = math.prod(shape) * dtype.itemsize
            room -= size
            if room < 0:
                raise ValueError(f"more than {most_bytes:,} bytes of arrays")
            found[name] = _array(stream.read(size), shape, fortran, dtype)
    return found


def read_npy(path: Path, most_bytes: int = MOST_BYTES) -> np.ndarray:
    """The array of an NPY."""
    with path.open("rb") as stream:
        shape, fortran, dtype = _header(stream)
        size = math.prod(shape) * dtype.itemsize
        if size > most_bytes:
            raise ValueError(f"more than {most_bytes:,} bytes of an array")
        there = os.fstat(stream.fileno()).st_size - stream.tell()
        return _array(stream.read(min(size, there)), shape, fortran, dtype)


def _array(body: bytes, shape: Shape, fortran: bool, dtype: np.dtype[Any]) -> np.ndarray:
    count = math.prod(shape)
    if len(body) < count * dtype.itemsize:
        raise ValueError("an array ends early")
    values = np.frombuffer(body, dtype, count).reshape(shape, order="F" if fortran else "C")
    return values.astype(dtype.newbyteorder("="))


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; what its parts raise becomes ValueError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _BROKEN as error:
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def _header(stream: IO[bytes]) -> tuple[Shape, bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, fortran, dtype = read(stream)
    except (tokenize.TokenError, SyntaxError) as error:
        raise ValueError(f"a header of another kind ({error})") from error
    if dtype.hasobject:
        raise ValueError("Python objects")
    if any(side < 0 for side in shape):
        raise ValueError(f"the shape {shape}")
    return shape, fortran, dtype
