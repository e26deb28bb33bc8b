"""The frames of a film that are left, part by part.

Enters: a reel, a film's plans, the parts that are done. Leaves: parts that are whole, or pictures where no film
is written.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from cocnet.apps.video.clip import Clip
from cocnet.apps.video.encode import PartWriter
from cocnet.apps.video.parts import Parts
from cocnet.apps.video.reel import Frame, Reel
from cocnet.apps.video.sequence import picture_path
from cocnet.apps.video.settings import VideoRun
from cocnet.files.atomic import atomic_path
from cocnet.imaging import write_photo
from cocnet.imaging.photo.in_srgb import in_srgb
from cocnet.pipeline.film import Film
from cocnet.pipeline.options import RenderOptions, RenderSettings
from cocnet.pipeline.render_photo import RenderResult, render_plan

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
LANES = 2  # frames that are rendered at the same time
PRESETS = {True: "veryfast", False: "medium"}  # of x264, for previews or not
Pixels = Shaped[np.ndarray, "h w 3"]


class Work:
    """The frames that are left, part by part."""

    def __init__(
        self, run: VideoRun, reel: Reel, depths: Sequence[Path] | None, options: RenderOptions
    ) -> None:
        self._run, self._reel, self._depths, self._options = run, reel, depths, options
        self.done = 0
        self._first: RenderSettings | None = None

    def frames(self, film: Film, parts: Parts, part_frames: int) -> Iterator[int]:
        """Render what isn't done; yields how many are after each."""
        self.done = len(parts.pts)
        waiting = self._rendered(film, self.done, parts.pts[0] if parts.pts else None)
        ahead = next(waiting, None)
        while ahead is not None:
            pts, durations, state = list[int](), list[int](), dict[str, np.ndarray]()
            with ExitStack() as stack:
                writer = self._writer(parts, stack)
                while ahead is not None and len(pts) < part_frames:
                    frame, pixels, state = ahead
                    self._write(frame, pixels, writer)
                    pts.append(frame.pts)
                    durations.append(frame.duration)
                    self.done += 1
                    yield self.done
                    ahead = next(waiting, None)
            if not parts.count:
                parts.note_first(self._first)
            parts.add(state, pts, durations)

    def _rendered(
        self, film: Film, first: int, begun: int | None
    ) -> Iterator[tuple[Frame, Pixels, dict[str, np.ndarray]]]:
        """Frames in order with the film's state after each; `LANES` of them are rendered while depth of the next one
        is found."""
        pending: deque[tuple[Frame, dict[str, np.ndarray], Future[RenderResult]]] = deque()
        pool = ThreadPoolExecutor(LANES)
        try:
            for frame in self._reel.frames(first):
                begun = frame.pts if begun is None else begun
                second = float((frame.pts - begun) * self._reel.look.time_base)
                depth = None if self._depths is None else self._depths[frame.number]
                plan = film.plan(frame.photo, second, depth)
                self._first = self._first or plan.settings
                pending.append((frame, film.state, pool.submit(render_plan, plan)))
                if len(pending) > LANES:
                    yield _first(pending)
            while pending:
                yield _first(pending)
        finally:
            pool.shutdown(cancel_futures=True)

    def _writer(self, parts: Parts, stack: ExitStack) -> PartWriter | None:
        """The encoder of the next part; None where pictures are written."""
        if not is_film(self._run.out):
            return None
        path = stack.enter_context(atomic_path(parts.film(parts.count)))
        preset = PRESETS[self._options.preview]
        return stack.enter_context(PartWriter(path, self._reel.look, self._run.crf, preset))

    def _write(self, frame: Frame, pixels: Pixels, writer: PartWriter | None) -> None:
        if writer is not None:
            writer.add(pixels if isinstance(self._reel, Clip) else in_srgb(pixels, frame.photo))
            return
        write_photo(self._picture(frame.number), pixels, like=frame.photo)

    def _picture(self, number: int) -> Path:
        names = self._reel.names()
        return picture_path(self._run.out, number, None if names is None else names[number])

    def is_whole(self, parts: Parts, part: int, frames: range) -> bool:
        """Whether the pictures of a part are there."""
        if is_film(self._run.out):
            return parts.film(part).is_file()
        return all(self._picture(number).is_file() for number in frames)


def _first(pending: deque[Any]) -> tuple[Frame, Pixels, dict[str, np.ndarray]]:
    frame, state, future = pending.popleft()
    return frame, future.result().pixels, state


def is_film(out: Path) -> bool:
    """Whether a film file is to be written, not pictures."""
    return out.suffix.lower() in FORMATS
