"""The parts of a film joined with the sound of the one it was made of, packet by packet; nothing is encoded again.

Enters: parts, the times of their frames, the film. Leaves: the finished file with sound, subtitles, chapters,
timecode, metadata where the format takes them.
"""

import heapq
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from cocnet.apps.video.ffmpeg import explained, opened, pictures_of, pyav
from cocnet.apps.video.parts import Parts
from cocnet.apps.video.reel import Look
from cocnet.errors import FileError

NOT_KEPT = (
    *("rotate", "encoder", "duration", "number_of_", "bps", "_statistics", "handler_name", "vendor_id"),
    *("major_brand", "minor_version", "compatible_brands"),
)
COPIED = ("audio", "subtitle")


def join(out: Path, parts: Parts, look: Look, source: Path | None, form: str) -> tuple[str, ...]:
    """Write the film; returns notes on what its format doesn't take. Raises FileError."""
    with explained("to write the film", out, "another format"):
        first = opened(parts.film(0))
        original = None if source is None else opened(source)
        try:
            with opened(out, "w", form) as made:
                return _joined(made, first, original, parts, look, form)
        finally:
            first.close()
            if original is not None:
                original.close()


def check_sound(source: Path, out: Path, form: str) -> None:
    """Refuse a format that doesn't take the film's sound, before the work. Raises FileError."""
    with explained("a film", source, "another copy"), opened(source) as original:
        for stream in original.streams.audio:
            if stream.codec_context is not None and not _takes(form, stream):
                codec = stream.codec_context.name
                raise FileError(f"expected a format that takes sound as {codec}, got '{out}', try .mkv")


def _takes(form: str, stream: Any) -> bool:
    """Whether a format takes a stream as it is: tried with its header."""
    av = pyav()
    try:
        with av.open(io.BytesIO(), "w", format=form) as tried:
            tried.add_stream_from_template(stream)
            tried.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True


def _joined(made: Any, first: Any, original: Any, parts: Parts, look: Look, form: str) -> tuple[str, ...]:
    video = made.add_stream_from_template(first.streams.video[0])
    video.time_base = look.time_base
    notes, targets = list[str](), dict[int, Any]()
    if original is not None:
        made.metadata.update(_kept(original.metadata))
        video.metadata.update(_kept(pictures_of(original).metadata))
        for stream in (one for one in original.streams if one.type in COPIED):
            if stream.codec_context is None:
                notes.append(f"{stream.type} of a kind that FFmpeg doesn't know left out")
            elif _takes(form, stream):
                target = made.add_stream_from_template(stream)
                target.metadata.update(_kept(stream.metadata))
                target.disposition = stream.disposition
                targets[stream.index] = target
            else:
                notes.append(f"{stream.type} as {stream.codec_context.name} left out: {form} doesn't take it")
        made.set_chapters(original.chapters())
    made.start_encoding()
    packets = _pictures(parts, look, video)
    others = _copied(original, targets, form) if targets else iter(())
    for _, packet in heapq.merge(packets, others, key=lambda pair: pair[0]):
        made.mux(packet)
    return tuple(notes)


def _pictures(parts: Parts, look: Look, stream: Any) -> Iterator[tuple[Fraction, Any]]:
    """Packets of all parts with the times of their frames."""
    times = zip(parts.pts, parts.durations, strict=True)
    for number in range(parts.count):
        with opened(parts.film(number)) as file:
            for packet in file.demux(video=0):
                if packet.size:
                    pts, duration = next(times)
                    packet.time_base, packet.pts, packet.dts = look.time_base, pts, pts
                    packet.duration, packet.stream = duration, stream
                    yield pts * look.time_base, packet


def _copied(original: Any, targets: dict[int, Any], form: str) -> Iterator[tuple[Fraction, Any]]:
    """Packets of sound and subtitles as they are; those before an edit's beginning only where the format hides them,
    too."""
    for packet in original.demux([original.streams[index] for index in targets]):
        if packet.size and packet.dts is not None and not (packet.is_discard and form == "matroska"):
            at = packet.dts * packet.time_base
            packet.stream = targets[packet.stream.index]
            yield at, packet


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    """Tags that are still true of the new film."""
    return {name: text for name, text in metadata.items() if not name.lower().startswith(NOT_KEPT)}
