"""What a film is read from, whatever it is: frames in order, each with its time.

Enters: nothing. Leaves: the types that clips and sequences of pictures share.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from cocnet.imaging import Photo


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame: its number from 0, the photo, and when it is shown and for how long, in units of the time base."""

    number: int
    photo: Photo
    pts: int
    duration: int


@dataclass(frozen=True)
class Look:
    """How frames are stored: their upright size in px, bits, pixel format; the shape of a pixel; FFmpeg's numbers for
    colour as the film has them, 2 (range: 0) where it says nothing."""

    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    bits: int = 8
    pixel_format: str = "yuv420p"
    matrix: int = 1
    range: int = 1
    primaries: int = 1
    curve: int = 1
    aspect: Fraction | None = None


class Reel(Protocol):
    """A clip or a sequence of pictures, looked through once."""

    @property
    def look(self) -> Look: ...

    @property
    def count(self) -> int: ...

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read."""
        ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def names(self) -> list[str] | None:
        """File names of the pictures; None for a clip."""
        ...

    def frames(self, first: int) -> Iterator[Frame]:
        """From that number on. Raises FileError."""
        ...
