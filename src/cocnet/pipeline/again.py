"""A render from the settings beside a picture: the same picture bit by bit.

Enters: `out.jpg.json`. Leaves: the photo, the depth file and the options that it names.
"""

import json
import os
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from cocnet import __version__
from cocnet.errors import CocnetError, FileError
from cocnet.pipeline.options import NO_FILE, RenderOptions

MOST_BYTES = 1_000_000
_DRAWN = ("keep", "subject", "aperture_image")
_READ = ("depth_kind", "depth_scale", "depth_channel", "depth_fit")
_NAMED = ("model", "estimator", "deblur_model")


@dataclass(frozen=True)
class Recorded:
    """What made a picture: paths as they are reached from here, None for a photo that was no file, or depth that
    wasn't given; depth that was given, but as no file, is "-"."""

    photo: str | None
    depth: str | None
    options: RenderOptions
    quality: int | None = None
    notes: tuple[str, ...] = ()

    def for_photo(self, photo: Path | None) -> "Recorded":
        """These settings for a photo: of another one than their own, without its depth, how that is read, and the
        masks drawn on it."""
        if photo is None or (self.photo is not None and _same(photo, Path(self.photo))):
            return self
        drawn = [name for name in ("keep", "subject") if getattr(self.options, name) is not None]
        notes = [f"--settings: {' and '.join(drawn)} left out, drawn on another photo"] if drawn else []
        default = RenderOptions()
        read = {name: getattr(default, name) for name in (_READ if self.depth is not None else ())}
        options = self.options.changed(**dict.fromkeys(drawn), **read)
        return replace(self, photo=None, depth=None, options=options, notes=(*self.notes, *notes))


def read_settings(path: str | Path) -> Recorded:
    """Read the settings that a render left. Raises FileError for another file or options that can't be."""
    text = _text(Path(path))
    try:
        found: Any = json.loads(text)
        if "tile_px" in found:
            raise FileError(
                f"expected the settings of a render, got those of a deblurring '{path}', try cocnet deblur"
            )
        known = {field.name for field in fields(RenderOptions)}
        asked: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in found["options"].items()
            if name in known
        }
        options, lost = RenderOptions(**asked), sorted(set(found["options"]) - known)
        photo, depth, folder, quality = (found.get(name) for name in ("photo", "depth", "folder", "quality"))
        texts = all(isinstance(one, str | None) for one in (photo, depth, folder))
        if not texts or type(quality) not in (int, type(None)):
            raise TypeError
        begin = None if folder is None else Path(path).parent / folder
        files = {name: _reached(getattr(options, name), begin) for name in _DRAWN}
        files |= {name: _reached(getattr(options, name), begin, sure=False) for name in _NAMED}
        options = options.changed(**files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error) if isinstance(error, CocnetError) else "no settings of a render"
        raise FileError(
            f"expected the settings of a render, got '{path}' ({reason}), try out.jpg.json"
        ) from None
    notes = [f"--settings: {', '.join(lost)}: not an option of this version"] if lost else []
    if found.get("version") != __version__:
        notes.append(f"--settings: made by version {found.get('version')}, this is {__version__}")
    return Recorded(_reached(photo, begin), _reached(depth, begin), options, quality, tuple(notes))


def _reached(path: str | None, begin: Path | None, sure: bool = True) -> str | None:
    """A recorded path, from here; not `sure`: it may be a name, unless such a file is there."""
    if path is None or path == NO_FILE or begin is None or Path(path).is_absolute() or _same(begin, Path()):
        return path
    found = Path(os.path.normpath(begin / path))
    return str(found) if sure or found.is_file() else path


def _same(first: Path, second: Path) -> bool:
    return first.resolve() == second.resolve()


def merged(recorded: RenderOptions, given: RenderOptions, written: Collection[str] = ()) -> RenderOptions:
    """The recorded options with those that aren't the default's, or that are named as `written`; a new focus, blur or
    aperture replaces the old."""
    default = RenderOptions()
    changed = {
        field.name: getattr(given, field.name)
        for field in fields(given)
        if field.name in written or getattr(given, field.name) != getattr(default, field.name)
    }
    for group in _ALTERNATIVES:
        if any(name in changed for name in group):
            changed = {name: getattr(default, name) for name in group} | changed
    return recorded.changed(**changed)


_ALTERNATIVES = (
    ("focus", "focus_m", "focus_point", "focus_range"),
    ("blur", "f_number"),
    ("aperture_image", "aperture_blades"),
)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FileError(f"expected settings of at most 1 MB, got '{path}', try out.jpg.json")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FileError(f"expected the settings of a render, got '{path}', try out.jpg.json") from None
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"expected settings, got '{path}' ({error.strerror}), try out.jpg.json") from None
