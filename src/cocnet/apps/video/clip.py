"""A film file as frames, upright, with their own times.

Enters: a path. Leaves: frames as photos of 8 or 16 bit, display-referred RGB by the film's own matrix and range; pts
and time base as they are. The file is read through once before the work, packet by packet: one that is cut off is
refused at once, and the number of frames is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from cocnet.apps.video.colour import LIMITED, rgb_of, usual_matrix
from cocnet.apps.video.ffmpeg import explained, opened, pictures_of, pyav
from cocnet.apps.video.reel import Frame, Look
from cocnet.apps.video.turn import Turn
from cocnet.errors import FileError
from cocnet.files.offline import is_there
from cocnet.imaging import Photo
from cocnet.imaging.color.profile import of_code_points

HDR_CURVES = {16: "PQ", 18: "HLG"}
KEPT_FORMATS = ("yuv420p", "yuv422p", "yuv444p")
MISSING_END_S, MISSING_SHARE = 0.5, 0.25


@dataclass(frozen=True, eq=False)
class Clip:
    """A film file that was looked through."""

    path: Path
    look: Look
    count: int
    turn: Turn
    notes: tuple[str, ...] = field(default=())

    @property
    def files(self) -> tuple[Path, ...]:
        """The film's file, as the only one that is read."""
        return (self.path,)

    def names(self) -> None:
        """A film's frames have none."""

    def frames(self, first: int) -> Iterator[Frame]:
        """Decode from that frame on. Raises FileError."""
        number, step = 0, max(1, round(1 / (self.look.rate * self.look.time_base)))
        before: Any = None
        for found in self._decoded():
            pts = number * step if found.pts is None else found.pts
            if before is not None:
                if pts <= before.pts:
                    pts = before.pts + 1
                yield from self._frame(before, pts - before.pts, number - 1, first)
            found.pts, before, number = pts, found, number + 1
        if before is not None:
            yield from self._frame(before, before.duration or step, number - 1, first)

    def _decoded(self) -> Iterator[Any]:
        with explained("a film that can be decoded", self.path, "another copy"), opened(self.path) as file:
            stream = pictures_of(file)
            stream.thread_type = "AUTO"
            yield from file.decode(stream)

    def _frame(self, found: Any, duration: int, number: int, first: int) -> Iterator[Frame]:
        if number >= first:
            stored = self.turn.size(self.look.width, self.look.height)
            pixels = self.turn.shown(rgb_of(found, self.look, stored))
            photo = Photo(pixels, icc=of_code_points(self.look.primaries, self.look.curve))
            yield Frame(number, photo, found.pts, duration)


def open_clip(path: Path) -> Clip:
    """Look a film through. Raises FileError for no film, one without pictures, and one that is cut off."""
    if not is_there(path):
        raise FileError(f"expected a film, got '{path}', which isn't there, try another name")
    with explained("a film", path, "a file that a player plays"), opened(path) as file:
        count = _looked_through(file, pictures_of(file), path)
    with explained("a film that can be decoded", path, "another copy"), opened(path) as file:
        stream = pictures_of(file)
        first = next(file.decode(stream), None)
        if first is None:
            raise _no_pictures(path)
        turn = Turn.of(first)
        look = _look(first, stream, turn)
        return Clip(path, look, count, turn, _notes(first, look))


def _looked_through(file: Any, stream: Any | None, path: Path) -> int:
    """Packets with pictures. Raises FileError where there are none, or where the film ends before it says it does."""
    if stream is None:
        raise _no_pictures(path)
    count, end_s = 0, 0.0
    for packet in file.demux():
        if packet.size == 0:
            continue
        if packet.is_corrupt:
            raise FileError(f"expected a whole film, got '{path}' cut off or damaged, try copying it again")
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None:
            end_s = max(end_s, float((stamp + (packet.duration or 0)) * packet.time_base))
        count += packet.stream.index == stream.index and not packet.is_discard
    if file.duration is not None:
        unit = pyav().time_base
        start = 0 if "matroska" in file.format.name else file.start_time or 0  # its duration counts from 0
        said_s, got_s = file.duration / unit, end_s - start / unit
        if said_s - got_s > min(MISSING_END_S, MISSING_SHARE * said_s):
            got = f"{max(0, got_s):.1f} of {said_s:.1f} s"
            raise FileError(f"expected a whole film, got '{path}' cut off ({got}), try copying it again")
    return count


def _no_pictures(path: Path) -> FileError:
    return FileError(f"expected a film with pictures, got '{path}' without any, try another file")


def _look(first: Any, stream: Any, turn: Turn) -> Look:
    width, height = turn.size(first.width, first.height)
    bits = max(part.bits for part in first.format.components)
    base = next(
        (name for name in KEPT_FORMATS if first.format.name.replace("j", "").startswith(name)),
        KEPT_FORMATS[0],
    )
    if (base != "yuv444p" and width % 2) or (base == "yuv420p" and height % 2):
        base = "yuv444p"
    aspect = stream.sample_aspect_ratio
    if aspect is not None and (aspect <= 0 or aspect == 1):
        aspect = None
    if aspect is not None and turn.sideways:
        aspect = 1 / aspect
    rgb = first.format.is_rgb  # written as YUV
    rate = stream.average_rate or stream.guessed_rate or Fraction(24)
    return Look(
        width=width,
        height=height,
        rate=Fraction(rate),
        time_base=stream.time_base,
        bits=8 if bits <= 8 else 10,
        pixel_format=base if bits <= 8 else f"{base}10le",
        matrix=usual_matrix(width, height) if rgb else int(first.colorspace),
        range=LIMITED if rgb else int(first.color_range),
        primaries=int(first.color_primaries),
        curve=int(first.color_trc),
        aspect=aspect,
    )


def _notes(first: Any, look: Look) -> tuple[str, ...]:
    lines = []
    if look.bits > 8:
        lines.append("more than 8 bits: computed with 16, written with 10 (H.264 High 10)")
    if look.curve in HDR_CURVES:
        name = HDR_CURVES[look.curve]
        lines.append(f"HDR ({name}): blurred in its own light; metadata of the mastering display isn't kept")
    if first.interlaced_frame:
        lines.append("interlaced: both fields are rendered as one frame")
    return tuple(lines)
