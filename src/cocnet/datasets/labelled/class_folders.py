"""A folder for each class, as torchvision's `ImageFolder` has them, or photos named by WordNet ids.

Enters: a folder, and how many classes the classifier tells apart, where that is known. Leaves: a dataset of
`LabelledPhoto`s; `numbering` says where the classes' numbers are from. What can't be known is refused, not guessed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cocnet.datasets.labelled.imagenet import CLASSES, NUMBERING, imagenet_numbers, wordnet_id
from cocnet.datasets.labelled.labelled_photos import SIZE_PX, LabelledFile, LabelledPhotos
from cocnet.datasets.pairs.matching import Problem, natural
from cocnet.errors import FileError, InputError
from cocnet.files.json_file import read_json
from cocnet.files.listing import listed
from cocnet.imaging.photo.formats import PHOTO_SUFFIXES

NAMES = "classes.json"
OWN, SORTED = "the folders' own numbers, from", "the folders in sorted order"
HINT = f'{NAMES} in it: a list of names in the classifier\'s order, or {{"cat": 281}}'


class LabelledFolder(LabelledPhotos):
    """FOLDER/CLASS/NAME.*, or FOLDER/n01440764_….* without class folders.

    A class's number is, in this order: its place in `names`, or its number there; in FOLDER/classes.json (a list of
    names, or a mapping of names to numbers); its folder's name where all of them are numbers, from `first_class`;
    ImageNet's number of the WordNet id that its folder's or photos' names begin with; its place in the sorted
    folders, where `classes`, the classifier's [not known], is as many as there are folders. Raises FileError,
    InputError.
    """

    def __init__(
        self,
        folder: str | Path,
        names: Sequence[str] | Mapping[str, int] | None = None,
        *,
        classes: int | None = None,
        size_px: int = SIZE_PX,
        skip_problems: bool = False,
        first_class: int = 0,
    ) -> None:
        root = Path(folder)
        folders, loose = _folders(root), list(_photos(root))
        by_file = not folders and bool(loose) and all(wordnet_id(path.name) for path in loose)
        if not folders and not by_file:
            raise FileError(
                f"expected a folder for each class in '{root}', got none, try a folder with images.csv, or with a "
                "table of ImageId and TrueLabel"
            )
        keys = [wordnet_id(path.name) or "" for path in loose] if by_file else [each.name for each in folders]
        numbers, numbering = _numbers(root, keys, names, classes, by_file)
        if first_class:
            numbers, numbering = _counted_from(first_class, numbers, numbering)
        if by_file:
            found, problems = _by_file(loose, numbers)
        else:
            found, problems = _by_folder(folders, numbers, numbering)
            problems += [Problem(path.name, "no label") for path in loose]
        super().__init__(
            found,
            problems,
            classes=classes or max(numbers.values(), default=-1) + 1,
            size_px=size_px,
            skip_problems=skip_problems,
            about=f"'{folder}'",
            numbering=numbering,
        )


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise FileError(f"expected a folder, got '{root}', try another path")
    folders = [each for each in root.iterdir() if each.is_dir() and not each.name.startswith(".")]
    return sorted(folders, key=lambda each: natural(each.name))


def _photos(folder: Path) -> Iterator[Path]:
    paths = [path for path in listed(folder) if path.suffix.lower() in PHOTO_SUFFIXES]
    yield from sorted(paths, key=lambda path: natural(path.name))


def _numbers(
    root: Path,
    keys: Sequence[str],
    names: Sequence[str] | Mapping[str, int] | None,
    classes: int | None,
    by_file: bool,
) -> tuple[dict[str, int], str]:
    """A number for each class name, and where they are from. Raises FileError where that can't be known."""
    if names is not None:
        return _numbers_of_names(names), "the names given"
    if (told := told_numbers(root)) is not None:
        return told, NAMES
    if all(name.isdecimal() for name in keys):
        return {name: int(name) for name in keys}, f"{OWN} 0"
    known = imagenet_numbers()
    ids = {name: known.get(wordnet_id(name) or "") for name in keys}
    if any(wordnet_id(name) for name in keys) and classes in (None, CLASSES):
        what = "the photos'" if by_file else "the folders'"
        return {name: number for name, number in ids.items() if number is not None}, f"{what} {NUMBERING}"
    if classes in (None, len(set(keys))):
        return {name: number for number, name in enumerate(sorted(set(keys)))}, SORTED
    found = sorted(set(keys))
    some = f"{', '.join(found[:3])}{', …' * (len(found) > 3)}"
    raise FileError(
        f"expected folders whose number among {classes} classes is known in '{root}', got {len(found)} named {some}, "
        f"try {HINT}"
    )


def _counted_from(first_class: int, numbers: Mapping[str, int], numbering: str) -> tuple[dict[str, int], str]:
    """Folders' own numbers, of which the first isn't 0. Raises InputError for others."""
    if not numbering.startswith(OWN):
        raise InputError(
            f"expected class folders named by numbers for first_class {first_class}, got classes numbered by "
            f"{numbering}, try without --first-class"
        )
    return {name: number - first_class for name, number in numbers.items()}, f"{OWN} {first_class}"


def told_numbers(folder: Path) -> dict[str, int] | None:
    """The number of each class that FOLDER/classes.json tells, None where there is no such file. Raises FileError."""
    if not (folder / NAMES).is_file():
        return None
    return read_json(
        folder / NAMES, "class names or a mapping to numbers", '["cat", "dog"]', _numbers_of_names
    )


def _numbers_of_names(said: Any) -> dict[str, int]:
    named = dict(said) if isinstance(said, Mapping) else {name: n for n, name in enumerate(said)}
    return {str(name): int(number) for name, number in named.items()}


def _by_folder(
    folders: Iterable[Path], numbers: Mapping[str, int], numbering: str
) -> tuple[list[LabelledFile], list[Problem]]:
    files, problems = [], []
    for each in folders:
        if each.name not in numbers:
            problems.append(Problem(each.name, f"no such class in {numbering}"))
            continue
        found = [LabelledFile(f"{each.name}/{path.name}", path, numbers[each.name]) for path in _photos(each)]
        files += found
        if not found and listed(each):
            problems.append(Problem(each.name, "no photo in it; folders below a class are not read"))
    return files, problems


def _by_file(photos: Iterable[Path], numbers: Mapping[str, int]) -> tuple[list[LabelledFile], list[Problem]]:
    files, problems = [], []
    for path in photos:
        found = numbers.get(wordnet_id(path.name) or "")
        if found is None:
            problems.append(Problem(path.name, "no such class in ImageNet's 1000 WordNet ids"))
        else:
            files.append(LabelledFile(path.name, path, found))
    return files, problems
