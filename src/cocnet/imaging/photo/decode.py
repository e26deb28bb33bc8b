"""Picture files to arrays: the formats that are let in, their limits, their many pixel modes.

Enters: a path. Leaves: a `Raster` as stored in the file (not yet turned upright), or a FileError.
Decoders raise whatever they like on bad input, hence the broad catch at their border.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Shaped
from PIL import Image, UnidentifiedImageError

from cocnet.errors import CocnetError, CocnetWarning, FileError
from cocnet.imaging.color.icc import color_space
from cocnet.imaging.photo import exact_readers as rawformats
from cocnet.imaging.photo import modes
from cocnet.imaging.photo.orientation import upright

MAX_PIXELS = 300_000_000
ALLOWED = ("JPEG", "PNG", "TIFF", "WEBP", "HEIC")
_TIFF_TEXT_TAGS = (0x010E, 0x010F, 0x0110, 0x0112, 0x0131, 0x0132, 0x013B, 0x8298, 0x8769, 0x8825)
_pillow_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Raster:
    """A decoded picture as stored; `exif` is the raw block, `turned` says if it is upright already."""

    pixels: Shaped[np.ndarray, "h w 3"]
    alpha: Shaped[np.ndarray, "h w"] | None
    grey: bool
    format: str
    icc: bytes | None = None
    exif: bytes | None = None
    turned: bool = False
    heif: Any = None


def decode(path: str | Path, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = ALLOWED) -> Raster:
    """Decode a picture whose format is in `formats`; the size is checked from the header, before decoding.

    Raises FileError (missing, refused format, too large, damaged) or MissingExtraError.
    """
    file = Path(path)
    name = rawformats.sniff(file)
    if name not in formats:
        raise refused(file, name, formats)
    try:
        with file.open("rb") as stream:
            return (
                _decode_heif(file, max_pixels)
                if name == "HEIC"
                else _decode_pillow(stream, name, file, max_pixels)
            )
    except CocnetError:
        raise
    except Exception as error:
        raise damaged(file, name, error) from error


@contextmanager
def open_header(path: Path, formats: tuple[str, ...], max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Open a picture through Pillow without decoding it, its format and size checked; raises FileError."""
    name = rawformats.sniff(path)
    if name not in formats:
        raise refused(path, name, formats)
    try:
        with path.open("rb") as stream:
            image = open_picture(stream, name)
            check_size(image.width, image.height, max_pixels, path)
            yield image
    except CocnetError:
        raise
    except Exception as error:
        raise damaged(path, name, error) from error


def refused(path: Path, name: str, formats: tuple[str, ...]) -> FileError:
    """The error for a format that is not let in."""
    return FileError(f"expected one of {', '.join(formats)}, got {name} in '{path}', try converting it")


def damaged(path: Path, name: str, error: Exception) -> FileError:
    """The error for a file that its decoder gave up on."""
    unreadable = isinstance(error, UnidentifiedImageError)
    reason = "no readable header" if unreadable else " ".join(str(error).split()) or type(error).__name__
    return FileError(
        f"expected a whole {name} file, got a damaged one in '{path}' ({reason}), try copying it again"
    )


def check_size(width: int, height: int, max_pixels: int, path: str | Path) -> None:
    """Raise FileError where width × height exceeds the limit, naming it."""
    if width * height > max_pixels:
        got = f"{width} × {height} in '{path}'"
        raise FileError(f"expected at most {max_pixels:,} pixels, got {got}, try a smaller picture")


@contextmanager
def _own_limit() -> Iterator[None]:
    """Pillow's global size limit is off inside: `check_size` is the limit here."""
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


def _load(image: Image.Image) -> None:
    if image.width * image.height > 50_000_000:
        with _own_limit():
            image.load()
    else:
        image.load()


def _decode_pillow(stream: BinaryIO, name: str, file: Path, max_pixels: int) -> Raster:
    try:
        image = open_picture(stream, name)
    except UnidentifiedImageError:
        if name != "TIFF":
            raise
        return _wide_tiff(file, None, max_pixels)
    check_size(image.width, image.height, max_pixels, file)
    if getattr(image, "is_animated", False) and image.format != "MPO":
        _warn(f"'{file}' holds several frames; only the first is used")
    exif = _tiff_exif(image, file) if name == "TIFF" else None
    if name == "TIFF" and rawformats.is_wide_tiff(image):
        return _wide_tiff(file, exif, max_pixels)
    if name == "PNG" and image.tile and str(image.tile[0].args) in rawformats.WIDE_PNG:
        pixels, icc = _wide_png(stream, image), image.info.get("icc_profile")
    else:
        _load(image)
        pixels, icc = modes.to_array(image, file)
    if name != "TIFF":
        exif = image.info.get("exif")
    return _raster(pixels, icc, exif, name, file, turned=name == "TIFF")


def _wide_png(stream: BinaryIO, image: Any) -> np.ndarray:
    """16-bit colour PNG, which Pillow cuts to 8 bit: decode its high bytes, then its low ones."""
    high_mode, low_mode = rawformats.WIDE_PNG[str(image.tile[0].args)]
    planes = []
    for raw in filter(None, (high_mode, low_mode)):
        again = open_picture(stream, "PNG")
        again.tile = [tile._replace(args=raw) for tile in again.tile]
        _load(again)
        planes.append(np.asarray(again).astype(np.uint16))
        image.info.update(again.info)
    if low_mode is None:
        return planes[0][..., 0::2] << 8 | planes[0][..., 1::2]
    return planes[0] << 8 | planes[1]


def _wide_tiff(file: Path, exif: bytes | None, max_pixels: int) -> Raster:
    """A TIFF through tifffile, turned upright here because its orientation isn't always part of `exif`."""
    pixels, icc, turn = rawformats.read_wide_tiff(file, lambda w, h: check_size(w, h, max_pixels, file))
    return _raster(upright(pixels, turn), icc, exif, "TIFF", file, turned=True)


def _decode_heif(file: Path, max_pixels: int) -> Raster:
    heif = rawformats.open_heif(file)
    check_size(heif.size[0], heif.size[1], max_pixels, file)
    for note in rawformats.heif_losses(heif):
        _warn(f"'{file}': {note}")
    info = heif.info
    return _raster(
        np.asarray(heif), info.get("icc_profile"), info.get("exif"), "HEIC", file, turned=True, heif=heif
    )


def _raster(
    pixels: np.ndarray, icc: bytes | None, exif: bytes | None, name: str, file: Path, **more: Any
) -> Raster:
    """Split an [h w] or [h w 1–4] array into colour and alpha, and drop a profile of another colour space."""
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    channels = pixels.shape[2]
    alpha = np.ascontiguousarray(pixels[..., -1]) if channels in (2, 4) else None
    grey = channels <= 2
    color = np.repeat(pixels[..., :1], 3, axis=2) if grey else np.ascontiguousarray(pixels[..., :3])
    if icc and color_space(icc) not in (("GRAY", "RGB") if grey else ("RGB",)):
        _warn(
            f"'{file}' carries a colour profile that doesn't fit its pixels; it was dropped, sRGB is assumed"
        )
        icc = None
    return Raster(color, alpha, grey, name, icc or None, exif or None, **more)


def _tiff_exif(image: Image.Image, file: Path) -> bytes | None:
    """The descriptive tags of a TIFF as an EXIF block; None, with a warning, where they can't be written."""
    try:
        found, kept = image.getexif(), Image.Exif()
        kept.update(
            {tag: found[tag] for tag in _TIFF_TEXT_TAGS if tag in found and tag not in (0x8769, 0x8825)}
        )
        for tag in (0x8769, 0x8825):
            if inner := found.get_ifd(tag):
                kept.get_ifd(tag).update(inner)
        return kept.tobytes() if len(kept) else None
    except Exception:
        _warn(f"the EXIF of '{file}' can't be written again and was dropped")
        return None


def _warn(message: str) -> None:
    warnings.warn(message, CocnetWarning, stacklevel=5)
