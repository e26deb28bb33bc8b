"""A user's own labelled photos: a folder of folders, one each class.

Enters: a folder, and the classes' names in the victim's order. Leaves: a dataset of `LabelledPhoto`s.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from cocnet.datasets.labelled.labelled_photos import SIZE_PX, LabelledFile, LabelledPhotos
from cocnet.datasets.pairs.matching import PICTURES, Problem, natural
from cocnet.errors import FileError
from cocnet.files.listing import listed

NAMES = "classes.json"


class LabelledFolder(LabelledPhotos):
    """FOLDER/CLASS/NAME.*.

    A class's number is, in this order: its place in `names`; in FOLDER/classes.json (a list of names, or a mapping of
    names to numbers); its folder's name where all of them are numbers, 0-based; its place in the sorted folders.
    `numbering` says which it was. Raises FileError, InputError.
    """

    def __init__(
        self,
        folder: str | Path,
        names: Sequence[str] | None = None,
        *,
        classes: int | None = None,
        size_px: int = SIZE_PX,
        skip_problems: bool = False,
    ) -> None:
        root = Path(folder)
        folders = _folders(root)
        numbers, self.numbering = _numbers(root, [each.name for each in folders], names)
        problems = [
            Problem(each.name, f"no such class in {self.numbering}")
            for each in folders
            if each.name not in numbers
        ]
        found = [each for each in folders if each.name in numbers]
        files = [file for each in found for file in _files(each, numbers[each.name])]
        super().__init__(
            files,
            [*problems, *_loose(root)],
            classes=classes or max(numbers.values(), default=-1) + 1,
            size_px=size_px,
            skip_problems=skip_problems,
            about=f"'{folder}'",
        )


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise FileError(f"expected a folder, got '{root}', try another path")
    folders = [each for each in root.iterdir() if each.is_dir() and not each.name.startswith(".")]
    if not folders:
        raise FileError(
            f"expected a folder each class in '{root}', got none, try a folder with images.csv, or with a "
            "table of ImageId and TrueLabel"
        )
    return sorted(folders, key=lambda each: natural(each.name))


def _numbers(root: Path, folders: Sequence[str], names: Sequence[str] | None) -> tuple[dict[str, int], str]:
    """A number for each class name, and where they are from."""
    if names is not None:
        return {name: number for number, name in enumerate(names)}, "names"
    if (root / NAMES).is_file():
        return _numbers_of_file(root / NAMES), NAMES
    if all(name.isdecimal() for name in folders):
        return {name: int(name) for name in folders}, "the folders' own numbers"
    return {name: number for number, name in enumerate(sorted(folders))}, "the sorted folders"


def _numbers_of_file(path: Path) -> dict[str, int]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        named = {name: number for number, name in enumerate(said)} if isinstance(said, list) else dict(said)
        return {str(name): int(number) for name, number in named.items()}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise FileError(
            f"expected class names or a mapping to numbers in '{path}', got '{error}', try [\"cat\", \"dog\"]"
        ) from error


def _files(folder: Path, number: int) -> Iterator[LabelledFile]:
    paths = [path for path in listed(folder) if path.suffix.lower() in PICTURES]
    for path in sorted(paths, key=lambda path: natural(path.name)):
        yield LabelledFile(f"{folder.name}/{path.name}", path, number)


def _loose(root: Path) -> list[Problem]:
    """Photos beside the classes' folders: they have no label."""
    paths = [path for path in listed(root) if path.suffix.lower() in PICTURES]
    return [Problem(path.name, "no label") for path in paths]
