"""Pictures in a folder as the frames of a film, and a film as pictures in a folder.

Enters: a folder, or a pattern such as frame_%04d.png. Leaves: their photos in the order of their numbers or names;
names for pictures that are written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from cocnet.apps.batch.inputs import find_photos
from cocnet.apps.video.reel import Frame, Look
from cocnet.errors import FileError, InputError
from cocnet.imaging import read_photo
from cocnet.imaging.photo.encode import FORMATS
from cocnet.imaging.photo.limits import budget_bytes

NUMBERED = re.compile(r"%0?(\d{0,2})d")
PICTURES_NAME = "frame_%06d.png"


@dataclass(frozen=True, eq=False)
class Sequence:
    """Pictures of one size, shown one after the other."""

    look: Look
    files: tuple[Path, ...]
    max_mem_mb: int | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return len(self.files)

    def names(self) -> list[str]:
        """File names of the pictures; those of the result are called the same."""
        return [path.name for path in self.files]

    def frames(self, first: int) -> Iterator[Frame]:
        """Read from that picture on. Raises FileError."""
        for number, path in enumerate(self.files[first:], first):
            photo = read_photo(path, budget_bytes(self.max_mem_mb))
            if (photo.width, photo.height) != (self.look.width, self.look.height):
                raise FileError(
                    f"expected frames of {self.look.width} × {self.look.height} px, got '{path}' of "
                    f"{photo.width} × {photo.height}, try pictures of one size"
                )
            if (photo.pixels.itemsize > 1) != (self.look.bits > 8):
                raise FileError(
                    f"expected frames of one bit depth, got '{path}' of {8 * photo.pixels.itemsize} bit, try another"
                )
            yield Frame(number, photo, number, 1)


def open_sequence(given: Path, rate: Fraction, out: Path, max_mem_mb: int | None = None) -> Sequence:
    """Find the pictures of a folder or pattern. Raises FileError for none."""
    files = _numbered(given) if is_pattern(given) else _of_folder(given, out)
    first = read_photo(files[0], budget_bytes(max_mem_mb))
    deep = first.pixels.itemsize > 1
    even = first.width % 2 == 0 and first.height % 2 == 0
    base = "yuv420p" if even else "yuv444p"
    look = Look(first.width, first.height, rate, 1 / rate, 10 if deep else 8, f"{base}10le" if deep else base)
    return Sequence(look, tuple(files), max_mem_mb)


def is_pattern(path: Path) -> bool:
    """Whether a path means numbered pictures."""
    return NUMBERED.search(path.name) is not None and not path.is_file()


def check_pattern(pattern: Path) -> None:
    """Raise InputError for a pattern of more than one number."""
    if pattern.name.count("%") != 1:
        raise InputError(f"expected one number in the pattern, got '{pattern}', try frame_%04d.png")


def picture_path(out: Path, number: int, name: str | None) -> Path:
    """Where a frame's picture goes: by the pattern, or into the folder by its own name."""
    if is_pattern(out):
        return out.with_name(out.name % number)
    if name is None:
        return out / (PICTURES_NAME % number)
    return out / (name if Path(name).suffix.lower() in FORMATS else Path(name).with_suffix(".png"))


def _of_folder(folder: Path, out: Path) -> list[Path]:
    return [item.photo for item in find_photos([str(folder)], out)]


def _numbered(pattern: Path) -> list[Path]:
    """Numbers of the pattern that are there, in order; a gap ends in an error."""
    check_pattern(pattern)
    match = NUMBERED.search(pattern.name)
    assert match is not None  # who calls this has asked is_pattern
    before, after = pattern.name[: match.start()], pattern.name[match.end() :]
    expression = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))
    found = {}
    for path in pattern.parent.glob("*") if pattern.parent.is_dir() else ():
        number = expression.fullmatch(path.name)
        if number and path.name == pattern.name % int(number[1]):
            found[int(number[1])] = path
    if not found:
        raise FileError(f"expected pictures of the pattern '{pattern}', got none, try frame_%04d.png")
    missing = sorted(set(range(min(found), max(found))) - set(found))
    if missing:
        gap = pattern.name % missing[0]
        raise FileError(f"expected pictures without gaps, got none called '{gap}', try a folder")
    return [found[number] for number in sorted(found)]
