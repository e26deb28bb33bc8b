"""Where a picture comes from: a path, bytes, a file object, or "-" for standard input.

Enters: one of these. Leaves: a stream that can be read again from its start, with a name for messages.
"""

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cocnet.errors import FileError, InputError

Given = str | Path | bytes | BinaryIO
MAX_STREAM_BYTES = 2 << 30
_LARGE_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Source:
    """An opened picture: its stream, its size in bytes, and how messages call it; `path` where it is a file."""

    stream: BinaryIO
    size: int
    name: str
    path: Path | None = None

    @property
    def suffix(self) -> str:
        """The ending of its name, in lower case."""
        return Path(self.name).suffix.lower()

    def read(self) -> bytes:
        """All bytes of the file, from its beginning."""
        self.stream.seek(0)
        return self.stream.read()


@contextmanager
def opened(given: Given) -> Iterator[Source]:
    """Open what was given; raises FileError where it can't be read or is empty, InputError for other things."""
    if isinstance(given, bytes | bytearray | memoryview):
        yield _checked(Source(io.BytesIO(given), len(given), "the bytes given"))
    elif isinstance(given, str) and given == "-":
        yield _checked(_held(sys.stdin.buffer, "standard input"))
    elif isinstance(given, str | os.PathLike):
        with _open(Path(given)) as stream:
            yield _checked(Source(stream, os.fstat(stream.fileno()).st_size, str(given), Path(given)))
    elif hasattr(given, "read"):
        yield _checked(_held(given, str(getattr(given, "name", "") or "the file object given")))
    else:
        got = type(given).__name__
        raise InputError(f"expected a path, bytes or a file object, got {got}, try the photo's path")


def path_of(given: Given) -> Path | None:
    """The path of what was given, None where it is no file."""
    return Path(given) if isinstance(given, str | os.PathLike) and given != "-" else None


class _Stream(io.BufferedReader):
    """A file of which no more is asked than there is: what a damaged length announces is never set aside."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LARGE_BYTES:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def _open(file: Path) -> BinaryIO:
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise FileError(f"expected a file, got the folder '{file}', try a file inside it")
        if not stat.S_ISREG(mode):
            raise FileError(
                f"expected a file, got the pipe or device '{file}', try - with its contents piped in"
            )
        return _Stream(io.FileIO(file))
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"expected a readable file, got '{file}' ({error.strerror}), try another path"
        ) from error
    except ValueError as error:
        raise FileError(f"expected a file name, got {str(file)!r}, try one without null bytes") from error


def _held(stream: BinaryIO, name: str) -> Source:
    """Everything a stream gives, up to a limit, because pipes can't be read twice."""
    if isinstance(stream, io.TextIOBase):
        raise InputError(
            f"expected a file opened for bytes, got {name} opened for text, try open(path, 'rb')"
        )
    try:
        if stream.seekable():
            stream.seek(0)
        data = stream.read(MAX_STREAM_BYTES + 1)
    except (OSError, ValueError) as error:
        raise FileError(f"expected a picture from {name}, got '{error}', try its path") from error
    if len(data) > MAX_STREAM_BYTES:
        raise FileError(f"expected at most {MAX_STREAM_BYTES:,} bytes from {name}, got more, try a file")
    return Source(io.BytesIO(data), len(data), name)


def _checked(source: Source) -> Source:
    if source.size == 0:
        raise FileError(f"expected a picture, got the empty file '{source.name}', try copying it again")
    return source
