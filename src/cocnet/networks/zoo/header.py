"""The header of a safetensors file, read with bounded memory and believed only as far as the file's size.

Enters: a path. Leaves: the file's texts and, per tensor, dtype and shape. Layout: 8 bytes of header length
(little-endian), a JSON header, the tensors' bytes without gaps.
"""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cocnet.errors import FileError

MAX_HEADER_BYTES = 4_000_000
MAX_AXES = 8
_PICKLES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".bin", ".tar")
_ITEM_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}


@dataclass(frozen=True)
class Entry:
    """One tensor as the header has it: dtype by safetensors' name, shape, bytes from `start` to `stop`."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_header(path: Path) -> tuple[dict[str, str], dict[str, Entry]]:
    """The metadata and the tensors' entries; raises FileError for a pickle, or naming what is wrong."""
    _refuse_pickle_name(path)
    try:
        if not path.is_file():
            raise FileError(f"expected a safetensors file, got '{path}', which is none, try another path")
        size = path.stat().st_size
        with path.open("rb") as stream:
            header = _json(path, stream, size)
            data_bytes = size - stream.tell()
    except (OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"expected a readable file, got '{path}' ({error}), try another path") from error
    texts = header.pop("__metadata__", {})
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise FileError(f"expected texts in the metadata of '{path}', got something else, try another file")
    entries = {name: _entry(path, name, facts) for name, facts in header.items()}
    _check_places(path, entries, data_bytes)
    return texts, entries


def _refuse_pickle_name(path: Path) -> None:
    if path.suffix.lower() in _PICKLES:
        raise FileError(
            f"expected safetensors, got '{path}', a pickle by its name, which can run code, "
            "try cocnet.save_checkpoint to a .safetensors file"
        )


def _json(path: Path, stream: BinaryIO, size: int) -> dict[str, Any]:
    """The header as a dict; not a byte is read before its length fits in the file and in the limit."""
    head = stream.read(9)
    if head[8:] != b"{":
        what = "a pickle" if head.startswith((b"PK\x03\x04", b"\x80")) else "another format"
        raise FileError(f"expected safetensors, got '{path}', {what}, try a .safetensors file")
    (length,) = struct.unpack("<Q", head[:8])
    if length > min(size - 8, MAX_HEADER_BYTES):
        raise FileError(
            f"expected a header of at most {min(size - 8, MAX_HEADER_BYTES)} bytes, got {length} in '{path}', "
            "try a whole copy"
        )
    stream.seek(8)
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError) as error:
        raise FileError(f"expected a JSON header, got none in '{path}', try a new copy") from error
    if not isinstance(header, dict):
        raise FileError(f"expected a JSON object as header, got none in '{path}', try a new copy")
    return header


def _entry(path: Path, name: str, facts: Any) -> Entry:
    """One tensor's facts; raises FileError naming the tensor where they make no sense."""
    try:
        shape, (start, stop) = tuple(facts["shape"]), facts["data_offsets"]
        numbers = (*shape, start, stop)
        sound = len(shape) <= MAX_AXES and all(type(n) is int and 0 <= n < 2**48 for n in numbers)
        size = math.prod(shape) * _ITEM_BYTES[facts["dtype"]] if sound else -1
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(
            f"expected shape, dtype and place of tensor '{short(name)}', got {short(repr(error))} in '{path}', "
            "try a new copy"
        ) from error
    if size < 0 or stop - start != size:
        raise FileError(
            f"expected tensor '{short(name)}' to fill its place, got shape {short(str(facts['shape']))} in "
            f"'{path}', try a new copy"
        )
    return Entry(facts["dtype"], shape, start, stop)


def short(text: str) -> str:
    """Text of a file for one line of an error."""
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"


def _check_places(path: Path, entries: dict[str, Entry], data_bytes: int) -> None:
    """The tensors fill the data one after the other; raises FileError naming the first that doesn't fit."""
    place = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != place or entry.stop > data_bytes:
            raise FileError(
                f"expected tensor '{short(name)}' at byte {place} of {data_bytes}, got {entry.start} to "
                f"{entry.stop} in '{path}', which is cut off or damaged, try a new copy"
            )
        place = entry.stop
    if place != data_bytes:
        raise FileError(f"expected {place} bytes of tensors, got {data_bytes} in '{path}', try a new copy")
