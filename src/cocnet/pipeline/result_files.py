"""Where a picture and its settings lie, and writing both: whole, or not at all.

Enters: a path, pixels, settings (a dataclass). Leaves: `out.jpg` and `out.jpg.json`.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Shaped

from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path, check_writes, write_json
from cocnet.files.own_settings import check_settings
from cocnet.imaging import Photo, write_photo
from cocnet.imaging.photo.encode import EIGHT_BIT, FORMATS, check_side
from cocnet.imaging.photo.photo_size import longest_side
from cocnet.pipeline.noise import eight_bit

STREAM = "-"


def settings_path(path: str | Path) -> Path:
    """Where the settings of an output lie: `out.jpg.json`."""
    return beside(path, ".json")


def beside(path: str | Path, ending: str) -> Path:
    """A file's or folder's name with an ending more, in the folder that it is in; also for "."."""
    whole = Path(path) if Path(path).name else Path(path).resolve()
    return whole.with_name(whole.name + ending)


def working_folder(output: object) -> str:
    """The folder that relative paths begin in now, seen from that of an output; "." where that is no path."""
    if not isinstance(output, str | os.PathLike):
        return "."
    try:
        return os.path.relpath(Path.cwd(), Path(output).resolve().parent)
    except ValueError:  # another drive
        return str(Path.cwd())


def default_output(photo: str | Path, what: str = "bokeh") -> Path:
    """Where a picture goes when nobody says: `holiday-bokeh.jpg` beside holiday.jpg, JPEG for other formats. Raises
    FileError for a folder."""
    path = Path(photo)
    if not path.name:
        raise FileError(f"expected a photo, got the folder '{photo}', try a photo in it, or cocnet batch")
    return path.with_name(f"{path.stem}-{what}{writable_suffix(path)}")


def writable_suffix(photo: Path) -> str:
    """The photo's own suffix, or .jpg for a format that isn't written."""
    return photo.suffix if photo.suffix.lower() in FORMATS else ".jpg"


def check_outputs(path: str | Path, *sources: str | Path | None, others: Sequence[Path] = ()) -> None:
    """Refuse an output, its settings or `others` that can't be written, are an input, or the same file, settings that
    would replace another program's file, and a format that can't hold a picture as large as the first of the sources;
    raises FileError.

    Standard output ("-") is taken as it is.
    """
    if str(path) == STREAM:
        check_writes(others, sources)
        return
    check_suffix(Path(path), FORMATS)
    check_writes((path, settings_path(path), *others), sources)
    check_settings(settings_path(path))
    photo = next(iter(sources), None)
    if photo is not None and str(photo) != STREAM:
        check_side(Path(path), longest_side(photo) or 0)


def check_suffix(path: Path, known: Iterable[str]) -> None:
    """Refuse a name with an ending that isn't written; raises FileError."""
    if path.suffix.lower() not in known:
        raise FileError(f"expected a file name ending in {', '.join(known)}, got '{path}', try one of them")


def save_with_settings(
    path: str | Path | BinaryIO, pixels: Shaped[np.ndarray, "h w 3"], settings: Any, like: Photo, quality: int
) -> Path | None:
    """Write the photo with its profile, EXIF, alpha, and the settings beside it; returns the settings' path.

    A file object, or standard output ("-"), gets a PNG without settings: None. Raises FileError (unknown suffix,
    output = input, link, full disk).
    """
    if not isinstance(path, str | os.PathLike) or str(path) == STREAM:
        write_photo(path, pixels, like=like, quality=quality)
        return None
    if pixels.dtype == np.uint16 and FORMATS.get(Path(path).suffix.lower()) in EIGHT_BIT:
        pixels = eight_bit(pixels, like.colourless)
    told = settings_path(path)
    with atomic_path(told) as temporary:
        write_json(temporary, settings)
        write_photo(path, pixels, like=like, quality=quality)
    return told
