"""Photos in webdataset shards.

Enters: a shard or a folder of shards, whose samples have one picture each and perhaps a class, `cls`. Leaves: for
each its name, its place in the shard, its class's folder.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cocnet.datasets.labelled.imagenet import CLASSES, imagenet_numbers, wordnet_id
from cocnet.errors import FileError
from cocnet.files.shards import Part, Sample, samples, shards_in
from cocnet.imaging.photo.formats import PHOTO_SUFFIXES

_FOLDER = re.compile(r"[0-9A-Za-z_-]{1,100}")


@dataclass(frozen=True)
class ShardPhoto:
    """A photo's file name, its bytes' place, and the folder of its class, "" for none."""

    name: str
    part: Part
    folder: str


def shard_photos(given: Path) -> list[ShardPhoto]:
    """All photos, in order; none where there are no shards. Raises FileError for broken shards, and for samples of no
    picture or of several."""
    return [_photo(shard, key, sample) for shard in shards_in(given) for key, sample in samples(shard)]


def _photo(shard: Path, key: str, sample: Sample) -> ShardPhoto:
    kinds = [kind for kind in sample if f".{kind}" in PHOTO_SUFFIXES]
    name = PurePosixPath(key).name
    if len(kinds) != 1 or not name:
        got = ", ".join(sample) or "none"
        raise FileError(
            f"expected one picture (jpg, png, …) in each sample of '{shard}', got {got} in '{key}', try other shards"
        )
    folder = wordnet_id(PurePosixPath(key).parent.name) or wordnet_id(name) or ""
    if "cls" in sample:
        folder = _class(shard, key, sample["cls"].read())
    return ShardPhoto(f"{name}.{kinds[0]}", sample[kinds[0]], folder)


def _class(shard: Path, key: str, told: bytes) -> str:
    """The class's WordNet id, or the name that it has there."""
    text = told[:200].decode("utf-8", "replace").strip()
    if text.isdecimal() and int(text) < CLASSES:
        return list(imagenet_numbers())[int(text)]
    if not _FOLDER.fullmatch(text):
        raise FileError(
            f"expected ImageNet's class number or a class's name as cls in '{shard}', got {text[:40]!r} in '{key}', "
            "try other shards"
        )
    return text
