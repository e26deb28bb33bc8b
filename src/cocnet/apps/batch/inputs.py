"""Which photos a batch renders, from which depth, to which names.

Enters: folders, files and patterns. Leaves: `Item`s in the order of their names, where numbers count as numbers.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cocnet.errors import FileError
from cocnet.files.listing import is_hidden, natural
from cocnet.imaging.photo.formats import PHOTO_SUFFIXES
from cocnet.pipeline.result_files import writable_suffix

DEPTHS = (".npy", ".npz", ".png", ".exr", ".pfm", ".tif", ".tiff")
_ENDINGS = ("", "_depth", "-depth", ".depth", "_disparity")


@dataclass(frozen=True)
class Item:
    """A photo, its name below what was asked for, and where its picture goes, below the batch's folder."""

    photo: Path
    name: str
    output: Path


def find_photos(given: Sequence[str], out: Path, form: str = "own") -> list[Item]:
    """Photos of folders (not of those below), patterns (`**` goes below) and files; raises FileError for
    none, and for files and patterns that aren't there.

    What lies in `out` is none of them. Pictures of photos of one name keep the photo's ending: a.heic.jpg.
    """
    for text in given:
        if Path(text).exists() and _is_below(Path(text), out):
            raise FileError(
                f"expected photos outside of the output folder, got '{text}' in '{out}', try another --out"
            )
    found, matching = dict[Path, Path](), {text: _matching(text) for text in given}
    lost = [text for text, pairs in matching.items() if not pairs and not Path(text).is_dir()]
    if lost or not any(matching.values()):
        asked = "', '".join(lost or given) or "nothing"
        raise FileError(
            f"expected photos ({', '.join(PHOTO_SUFFIXES)}), got none in '{asked}', try another folder"
        )
    for path, base in itertools.chain(*matching.values()):
        if not _is_below(path, out):
            found.setdefault(path, path.relative_to(base))
    if not found:
        raise FileError(
            f"expected photos outside of the output folder, got '{out}' for both, try another --out"
        )
    below = sorted(found.items(), key=lambda pair: (natural(pair[1]), natural(pair[0])))
    suffixes = [writable_suffix(path) if form == "own" else f".{form}" for path, _ in below]
    plain = [name.with_suffix(suffix) for (_, name), suffix in zip(below, suffixes, strict=True)]
    counts = Counter(str(name).lower() for name in plain)
    items: list[Item] = []
    for (path, name), suffix, output in zip(below, suffixes, plain, strict=True):
        if counts[str(output).lower()] > 1:
            output = name.with_name(name.name + suffix)
        items.append(Item(path, str(name), output))
    _refuse_twins(items)
    return items


def depths_for(items: Sequence[Item], folder: Path | None) -> list[Path | FileError | None]:
    """The depth map of each photo, from a folder laid out like the photos or from a single one; or why it has none,
    as when photos of several folders would share one."""
    found, users = list[Path | FileError | None](), defaultdict[Path | None, set[Path]](set)
    for item in items:
        try:
            depth = depth_for(item.photo, folder, Path(item.name).parent)
        except FileError as error:
            found.append(error)
        else:
            found.append(depth)
            users[depth].add(item.photo.parent)
    for number, (item, one) in enumerate(zip(items, found, strict=True)):
        if isinstance(one, Path) and len(users[one]) > 1:
            found[number] = FileError(
                f"expected a depth map for '{item.name}' alone, got '{one}' for photos of several folders, "
                "try depth maps in folders as the photos are"
            )
    return found


def depth_for(photo: Path, folder: Path | None, below: Path = Path()) -> Path | None:
    """The depth map of a photo's name, `below` the folder or else in it; None without a folder. Raises FileError for
    none or several."""
    if folder is None:
        return None
    names = [photo.stem + ending + suffix for ending in _ENDINGS for suffix in DEPTHS]
    for where in (folder / below, folder):
        found = [path for path in (where / name for name in names) if path.is_file() and path != photo]
        if found:
            break
    if len(found) == 1:
        return found[0]
    got = "none" if not found else " and ".join(path.name for path in found)
    raise FileError(
        f"expected one depth map for '{photo.name}' in '{folder}', got {got}, try {photo.stem}.png"
    )


def _matching(text: str) -> list[tuple[Path, Path]]:
    """Paths that a folder, file or pattern means, each with the folder that its name is told from."""
    path = Path(text)
    if path.is_dir():
        return [(file, path) for file in sorted(path.iterdir()) if _is_photo(file, path)]
    if path.is_file():
        return [(path, path.parent)]
    base = _fixed_part(path)
    below = path.relative_to(base)
    if below.name == "**":
        below /= "*"
    try:
        return [(file, base) for file in sorted(base.glob(str(below))) if _is_photo(file, base)]
    except (ValueError, NotImplementedError) as error:
        raise FileError(f"expected a pattern, got '{text}' ({error}), try photos/**/*.jpg") from error


def _fixed_part(pattern: Path) -> Path:
    """The folder before the first part of a pattern that isn't a plain name."""
    fixed: list[str] = []
    for part in pattern.parts[:-1]:
        if any(mark in part for mark in "*?["):
            break
        fixed.append(part)
    return Path(*fixed)


def _is_photo(path: Path, base: Path) -> bool:
    named = path.suffix.lower() in PHOTO_SUFFIXES and path.is_file() and not is_hidden(path.relative_to(base))
    return named and not _is_depth(path)


def _is_depth(path: Path) -> bool:
    """Whether a name says that this is the depth of a photo beside it."""
    stems = [path.stem.removesuffix(ending) for ending in _ENDINGS if ending and path.stem.endswith(ending)]
    beside = (path.with_name(stem + suffix) for stem in stems for suffix in PHOTO_SUFFIXES)
    return any(photo.is_file() or photo.with_suffix(photo.suffix.upper()).is_file() for photo in beside)


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _refuse_twins(items: Sequence[Item]) -> None:
    seen: dict[str, Item] = {}
    for item in items:
        other = seen.setdefault(str(item.output).lower(), item)
        if other is not item:
            both = f"'{other.photo}' and '{item.photo}'"
            raise FileError(f"expected photos of different names, got {both}, try them one folder at a time")
