"""Webdataset shards: tar files, where members whose names differ behind the first dot alone make a sample.

Enters: a shard; or members to write. Leaves: its samples, as places of bytes that are read when they are needed; a
shard that is equal bit for bit whenever the same members are written.
"""

import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path
from cocnet.files.listing import listed

SUFFIX = ".tar"
Sample = dict[str, "Part"]


@dataclass(frozen=True)
class Part:
    """A member of a shard: its name and where its bytes lie."""

    shard: Path
    name: str
    offset: int
    size: int

    def read(self) -> bytes:
        """Its bytes. Raises FileError."""
        try:
            with self.shard.open("rb") as file:
                file.seek(self.offset)
                found = file.read(self.size)
        except OSError as error:
            raise _broken(self.shard, error.strerror or str(error)) from error
        if len(found) < self.size:
            raise _broken(self.shard, f"{len(found)} of {self.size} bytes of {self.name}")
        return found

    def __str__(self) -> str:
        return f"{self.shard}:{self.name}"


def shards_in(given: Path) -> list[Path]:
    """The shard that a path is, or those of a folder; none for others."""
    if given.is_file():
        return [given] if given.suffix == SUFFIX else []
    return listed(given, f"*{SUFFIX}")


def samples(shard: Path) -> Iterator[tuple[str, Sample]]:
    """Each sample's key and parts, by what follows the first dot. Raises FileError for a shard that isn't whole."""
    for key, parts in groupby(_parts(shard), key=lambda part: _split(part.name)[0]):
        sample: Sample = {}
        for part in parts:
            kind = _split(part.name)[1]
            if kind in sample:
                raise _broken(shard, f"two members '{part.name}'")
            sample[kind] = part
        yield key, sample


def write_shard(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write members, without times and owners. Raises FileError."""
    with atomic_path(path) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))


def as_json(file: "Path | Part") -> str | list[str | int]:
    """A file or a member as JSON can hold it."""
    return str(file) if isinstance(file, Path) else [str(file.shard), file.name, file.offset, file.size]


def from_json(told: str | list[Any]) -> "Path | Part":
    """The file or member that `as_json` wrote down."""
    return Path(told) if isinstance(told, str) else Part(Path(told[0]), *told[1:])


def _parts(shard: Path) -> list[Part]:
    """The files in a shard; links, folders and devices are nothing to read."""
    try:
        with tarfile.open(shard, "r:") as tar:
            found = [
                Part(shard, each.name, each.offset_data, each.size)
                for each in tar
                if each.isreg() and not each.issparse()
            ]
            end = tar.offset
        with shard.open("rb") as file:
            file.seek(end)
            block = file.read(tarfile.BLOCKSIZE)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise _broken(shard, " ".join(str(error).split())[:120]) from error
    if len(block) < tarfile.BLOCKSIZE or any(block):  # tarfile takes a damaged member for the end
        raise _broken(shard, f"no end after {len(found)} members")
    return found


def _split(name: str) -> tuple[str, str]:
    folder, slash, file = name.rpartition("/")
    stem, _, kind = file.partition(".")
    return folder + slash + stem, kind.lower()


def _broken(shard: Path, got: str) -> FileError:
    return FileError(f"expected a whole tar without compression in '{shard}', got {got}, try making it again")
