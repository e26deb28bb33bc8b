"""Opening and decoding through Pillow, with our own limit on memory in place of its own.

Enters: a stream of bytes and the format it must have. Leaves: a Pillow picture, or what Pillow raises.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from PIL import Image

from cocnet.files.quiet import quiet_logger
from cocnet.imaging.photo.limits import check_memory
from cocnet.imaging.photo.source import Source

_pillow_lock = threading.Lock()
quiet_logger("PIL")


@contextmanager
def _own_limit() -> Iterator[None]:
    """Pillow's global size limit is off inside: `check_memory` is the limit here."""
    with _pillow_lock:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def open_picture(stream: BinaryIO, *names: str) -> Any:
    """Open a stream as one of the named formats without decoding it; the caller checks the size."""
    stream.seek(0)
    with _own_limit():
        return Image.open(stream, formats=names)


def load(image: Image.Image) -> None:
    """Decode an opened picture, of any size; raises what Pillow raises where its data is damaged."""
    if image.width * image.height > 50_000_000:
        with _own_limit():
            image.load()
    else:
        image.load()


def check_size(image: Any, source: Source, max_bytes: int) -> None:
    """Raise FileError where decoding an opened picture would take more than `max_bytes` of memory."""
    wide = (
        image.mode in ("I", "F") or ";16" in image.mode or (image.tile and ";16" in str(image.tile[0].args))
    )
    channels = max(3, len(image.getbands()))
    check_memory(
        image.width, image.height, channels * (2 if wide else 1), source.name, source.size, max_bytes
    )
