"""Which depth file of a folder is which photo's.

Enters: the folder, where all photos lie. Leaves: for a photo CLASS/NAME.* the file FOLDER/CLASS/NAME.*, else
FOLDER/NAME.*; where photos of several folders have that name, it could be any one's, and is none's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cocnet.datasets.pairs.matching import DEPTHS, files_by_stem
from cocnet.errors import FileError


@dataclass(frozen=True)
class PhotoDepths:
    """Depth files by NAME and by CLASS/NAME; `shared`: those of these names that several photos have."""

    folder: Path
    files: Mapping[str, Path]
    shared: frozenset[str]

    def of(self, photo: Path) -> Path:
        """A photo's depth file. Raises FileError where there is none, or not of this photo alone."""
        name = next((name for name in _names(photo) if name in self.files), None)
        if name is None:
            raise FileError(
                f"expected a depth file for '{photo.stem}' in '{self.folder}', got none, try one of that name"
            )
        if name in self.shared:
            raise FileError(
                f"expected a depth file for '{_names(photo)[0]}', got '{self.files[name]}', whose name photos of "
                "several folders have, try depth files in folders of the photos' names"
            )
        return self.files[name]


def photo_depths(folder: Path, photos: Iterable[Path]) -> PhotoDepths:
    """The depth files of all photos. Raises FileError where there is no such folder."""
    photos = set(photos)
    files = dict(files_by_stem(folder, DEPTHS)[0])
    for group in sorted({photo.parent.name for photo in photos} - {"", ".."}):
        if (folder / group).is_dir():
            files |= {
                f"{group}/{stem}": path for stem, path in files_by_stem(folder / group, DEPTHS)[0].items()
            }
    places: dict[str, set[Path]] = {}
    for photo in photos:
        for name in _names(photo):
            places.setdefault(name, set()).add(photo.parent)
    return PhotoDepths(folder, files, frozenset(name for name, some in places.items() if len(some) > 1))


def _names(photo: Path) -> tuple[str, str]:
    return f"{photo.parent.name}/{photo.stem}", photo.stem
