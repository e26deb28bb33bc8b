"""What can be asked of a film besides what can be asked of one render; plain data.

Enters: a user's wishes. Leaves: the same, checked.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from cocnet.errors import InputError
from cocnet.pipeline.film_options import FilmOptions
from cocnet.pipeline.keys import read_aperture_keys, read_focus_keys
from cocnet.pipeline.options import RenderOptions


@dataclass(frozen=True)
class VideoRun:
    """Where a film goes, what is in focus when, how it is encoded. Raises InputError."""

    out: Annotated[Path, arg(aliases=["-o"])]
    """Film to write: .mp4, .mov, .m4v or .mkv; or a folder or a pattern such as out/frame_%04d.png for pictures. Its
    settings go beside it (out.mp4.json). Run the same command again to continue after an interruption."""
    focus_keys: tuple[str, ...] = ()
    """Focus over time: SECOND:x,y, with x,y as fractions of width and height, several separated by spaces; the focus
    moves from one to the next (default: it follows the subject)."""
    aperture_keys: tuple[str, ...] = ()
    """Aperture over time: SECOND:F-NUMBER, several separated by spaces; it changes evenly in stops from one to the
    next (default: the aperture stays)."""
    depth: Path | None = None
    """Folder of depth maps: named as the pictures, or, for a film, one for each frame in the order of their names,
    where 2 comes before 10 (default: depth is estimated)."""
    steady: bool = True
    """Whether depth, subject and focus are kept steady from frame to frame; otherwise each frame is rendered as a
    photo."""
    fps: str | None = None
    """Frame rate of pictures in frames per second, also as 30000/1001 (default: 24); a film keeps its own."""
    crf: int = 17
    """Constant rate factor of H.264, from 0 to 51; a smaller one gives better and larger films."""

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise InputError(f"expected crf from 0 to 51, got {self.crf}, try 17")
        _ = self.rate, self.film(RenderOptions())

    @property
    def rate(self) -> Fraction:
        """Frames a second of pictures."""
        try:
            rate = Fraction(self.fps or 24)
        except (ValueError, ZeroDivisionError):
            rate = Fraction(0)
        rate = rate.limit_denominator(100_000)
        if not 0 < rate <= 1000:
            raise InputError(f"expected fps above 0, got '{self.fps}', try 24 or 30000/1001")
        return rate

    def film(self, rendering: RenderOptions) -> FilmOptions:
        """The options of the film with those of each frame. Raises InputError."""
        keys = read_focus_keys(self.focus_keys), read_aperture_keys(self.aperture_keys)
        return FilmOptions(rendering, *keys, self.steady)
