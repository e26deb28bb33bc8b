"""A part of a film, encoded by itself.

Enters: pixels of frames in order. Leaves: a Matroska file of H.264 that begins with a key frame; every packet is one
frame in the order of showing, so that parts are joined by their packets alone. Times are kept elsewhere.
"""

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Shaped

from cocnet.apps.video.colour import frame_of
from cocnet.apps.video.ffmpeg import explained, opened
from cocnet.apps.video.reel import Look

CODEC = "libx264"
GLOBAL_HEADER = 1 << 22


class PartWriter:
    """Encodes frames into a file, as a context."""

    def __init__(self, path: Path, look: Look, crf: int, preset: str) -> None:
        self._path, self._look, self._count = path, look, 0
        with explained("to encode the film", path, "another format"):
            self._file = opened(path, "w", "matroska")
            self._stream = self._encoder(crf, preset)

    def _encoder(self, crf: int, preset: str) -> Any:
        look = self._look
        stream = self._file.add_stream(CODEC, rate=look.rate, options={"crf": str(crf), "preset": preset})
        stream.width, stream.height, stream.pix_fmt = look.width, look.height, look.pixel_format
        context = stream.codec_context
        context.max_b_frames = 0
        context.flags |= GLOBAL_HEADER
        context.colorspace, context.color_range = look.matrix, look.range
        context.color_primaries, context.color_trc = look.primaries, look.curve
        if look.aspect is not None:
            context.sample_aspect_ratio = look.aspect
        return stream

    def add(self, pixels: Shaped[np.ndarray, "h w 3"]) -> None:
        """Encode the next frame. Raises FileError."""
        frame = frame_of(pixels, self._look)
        frame.pts, frame.time_base = self._count, 1 / self._look.rate
        self._count += 1
        with explained("to encode the film", self._path, "another format"):
            self._file.mux(self._stream.encode(frame))

    def __enter__(self) -> "PartWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with explained("to encode the film", self._path, "another format"):
            if kind is None:
                self._file.mux(self._stream.encode(None))
            self._file.close()
