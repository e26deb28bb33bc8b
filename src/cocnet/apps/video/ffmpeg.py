"""FFmpeg by PyAV: the one place that imports it, and its errors as ours.

Enters: a path. Leaves: the package; FileError for what FFmpeg raises.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cocnet.errors import FileError, MissingExtraError

COVER = 0x400  # FFmpeg's AV_DISPOSITION_ATTACHED_PIC


def pyav() -> Any:
    """The package av, quiet. Raises MissingExtraError."""
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(
            "expected the package av, got none, try pip install 'cocnet[video]'"
        ) from error
    av.logging.set_level(av.logging.PANIC)
    return av


def opened(path: Path, mode: str = "r", form: str | None = None) -> Any:
    """A file of FFmpeg's, as a context; a colon in its name is no protocol."""
    return pyav().open(f"file:{path}", mode, format=form)


def pictures_of(file: Any) -> Any:
    """The stream of a film's pictures: the first that is no cover; None where there is none."""
    found = (one for one in file.streams.video if not one.disposition & COVER)
    return next(found, None)


@contextmanager
def explained(expected: str, path: Path, hint: str) -> Iterator[None]:
    """What FFmpeg raises inside becomes a FileError that names the file."""
    av = pyav()
    try:
        yield
    except av.FFmpegError as error:
        reason = " ".join((error.strerror or str(error)).split())
        raise FileError(f"expected {expected}, got '{path}' ({reason}), try {hint}") from error
