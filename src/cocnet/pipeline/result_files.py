"""Where a picture and its settings lie, and writing both: whole, or not at all.

Enters: a path, pixels, settings (a dataclass). Leaves: `out.jpg` and `out.jpg.json`.
"""

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Shaped

from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path, check_output, write_json
from cocnet.imaging import Photo, write_photo
from cocnet.imaging.photo.encode import FORMATS

STREAM = "-"


def settings_path(path: str | Path) -> Path:
    """Where the settings of an output lie: `out.jpg.json`."""
    return Path(path).with_name(Path(path).name + ".json")


def default_output(photo: str | Path, what: str = "bokeh") -> Path:
    """Where a picture goes when nobody says: `holiday-bokeh.jpg` beside holiday.jpg, JPEG for other formats."""
    path = Path(photo)
    return path.with_name(f"{path.stem}-{what}{writable_suffix(path)}")


def writable_suffix(photo: Path) -> str:
    """The photo's own suffix, or .jpg for a format that isn't written."""
    return photo.suffix if photo.suffix.lower() in FORMATS else ".jpg"


def check_outputs(path: str | Path, *sources: str | Path | None) -> None:
    """Refuse an output (or its settings) that can't be written or is one of the inputs; raises FileError.

    Standard output ("-") is taken as it is.
    """
    if str(path) == STREAM:
        return
    if Path(path).suffix.lower() not in FORMATS:
        raise FileError(f"expected a file name ending in {', '.join(FORMATS)}, got '{path}', try one of them")
    for source in (None, *sources):
        check_output(path, source)
        check_output(settings_path(path), source)


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
    beside = settings_path(path)
    with atomic_path(beside) as temporary:
        write_json(temporary, settings)
        write_photo(path, pixels, like=like, quality=quality)
    return beside
