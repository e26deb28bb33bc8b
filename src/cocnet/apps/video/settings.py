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
    """The film to write: .mp4, .mov, .m4v or .mkv; or a folder, or a pattern such as out/frame_%%04d.png, for
    pictures. Its settings go beside it (out.mp4.json). The same command goes on where it was stopped."""
    focus_keys: tuple[str, ...] = ()
    """What is in focus when: second:x,y as fractions of width and height, several with spaces between. Focus is
    pulled from one to the next [the subject is followed]."""
    aperture_keys: tuple[str, ...] = ()
    """How wide the aperture is when: second:f-number, several with spaces between; even in stops from one to the
    next [render's]."""
    depth: Path | None = None
    """Folder of depth maps: of the pictures' names, or, for a film, one for each frame in the order of their names
    [estimated]."""
    steady: bool = True
    """Hold depth, subject and focus to those of the frame before; without, each frame is a photo of its own."""
    fps: str | None = None
    """Frames a second of pictures, also 30000/1001 [24; a film's own times are kept]."""
    crf: int = 17
    """Constant rate factor of H.264, 0..51: smaller is better and larger."""

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
        if not 0 < rate <= 1000:
            raise InputError(f"expected fps above 0, got '{self.fps}', try 24 or 30000/1001")
        return rate.limit_denominator(100_000)

    def film(self, rendering: RenderOptions) -> FilmOptions:
        """The options of the film with those of each frame. Raises InputError."""
        keys = read_focus_keys(self.focus_keys), read_aperture_keys(self.aperture_keys)
        return FilmOptions(rendering, *keys, self.steady)
