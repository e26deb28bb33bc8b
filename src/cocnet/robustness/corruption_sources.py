"""The photos of a set of corruptions, and what their files are called.

Enters: photos in class folders, named by WordNet ids, in a table, loose, or in webdataset shards. Leaves: where each
lies, its class's folder, a name for each that no other of its class has; and what of a table can't be used.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cocnet.datasets import NeurIPS2017
from cocnet.datasets.labelled.imagenet import CLASSES, imagenet_numbers, wordnet_id
from cocnet.datasets.labelled.shard_photos import shard_photos
from cocnet.datasets.pairs.matching import Problem
from cocnet.errors import FileError
from cocnet.files.listing import listed
from cocnet.files.shards import Part
from cocnet.imaging.photo.formats import PHOTO_SUFFIXES


@dataclass(frozen=True)
class SourcePhoto:
    """A photo of the set: its file or its place in a shard, its name and its class's folder, "" for none."""

    file: Path | Part
    path: Path
    folder: str

    @property
    def place(self) -> Path:
        """CLASS/NAME, and where that lies."""
        if isinstance(self.file, Path):
            return self.path
        return self.file.shard / Path(self.file.name).parent / self.folder / self.path.name


def source_photos(images: Path, split: str | None = None) -> tuple[list[SourcePhoto], tuple[Problem, ...]]:
    """Photos with their class folders, and those of a table that have no class or no file. Raises FileError,
    InputError."""
    if in_shards := shard_photos(images):
        return [SourcePhoto(each.part, Path(each.name), each.folder) for each in in_shards], ()
    if not images.is_dir():
        raise FileError(f"expected a folder of photos or shards, got '{images}', try another path")
    if listed(images, "*.csv"):
        ids = list(imagenet_numbers())
        table = NeurIPS2017(images, split, classes=CLASSES, skip_problems=True)
        return [SourcePhoto(file.path, file.path, ids[file.label]) for file in table.files], table.problems
    folders = [each for each in sorted(images.iterdir()) if each.is_dir() and not each.name.startswith(".")]
    found = [SourcePhoto(path, path, each.name) for each in folders for path in _pictures(each)]
    found += [SourcePhoto(path, path, wordnet_id(path.name) or "") for path in _pictures(images)]
    if not found:
        raise FileError(f"expected photos in '{images}', got none, try another folder")
    return found, ()


def file_names(sources: Sequence[SourcePhoto], form: str, in_shards: bool = False) -> list[str]:
    """Names of the files, each its own in its class: the photos' with another ending; JPEGs as JPEG keep theirs.
    Names in shards have no dots but that of their ending."""
    ending = "png" if form == "png" else "jpg"

    def plain(source: SourcePhoto) -> str:
        if in_shards:
            return f"{source.path.stem.replace('.', '_')}.{ending}"
        if form == "jpeg" and source.path.suffix.lower() in (".jpg", ".jpeg"):
            return source.path.name
        return f"{source.path.stem}.{ending}"

    def longer(number: int, source: SourcePhoto) -> str:
        name = f"{source.path.name.replace('.', '_')}-{number}" if in_shards else source.path.name
        return f"{name}.{ending}"

    def numbered(number: int, source: SourcePhoto) -> str:
        return f"{source.path.stem.replace('.', '_')}-{number}.{ending}"

    names = [plain(source) for source in sources]
    for other in (longer, numbered):
        count = Counter((source.folder, name.lower()) for source, name in zip(sources, names, strict=True))
        names = [
            name if count[source.folder, name.lower()] == 1 else other(number, source)
            for number, (source, name) in enumerate(zip(sources, names, strict=True))
        ]
    return names


def _pictures(folder: Path) -> list[Path]:
    return [path for path in listed(folder) if path.suffix.lower() in PHOTO_SUFFIXES]
