"""Picture files to arrays: the formats that are let in, their limits, their many pixel modes.

Enters: a path, bytes or a file object. Leaves: a `Raster` as stored in the file (not yet turned upright), or a
FileError. Decoders raise whatever they like on bad input, hence the broad catch at their border.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Shaped
from PIL import Image, UnidentifiedImageError

from cocnet.containers import completeness
from cocnet.containers.bit_depth import avif_bits, jpeg2000_bits
from cocnet.containers.isobmff import read_items
from cocnet.errors import CocnetError, CocnetWarning, FileError
from cocnet.files.quiet import quiet_logger, quiet_stderr
from cocnet.imaging.color.icc import color_space
from cocnet.imaging.color.profile import of_code_points, of_gamma
from cocnet.imaging.photo import exact_readers as exact
from cocnet.imaging.photo import modes
from cocnet.imaging.photo.formats import sniff
from cocnet.imaging.photo.jxl import jxl_size
from cocnet.imaging.photo.limits import MAX_BYTES, check_memory, damaged, refused
from cocnet.imaging.photo.orientation import upright
from cocnet.imaging.photo.source import Given, Source, opened

ALLOWED = ("JPEG", "PNG", "TIFF", "WEBP", "HEIC", "AVIF", "JXL", "JPEG2000", "BMP", "PPM")
_TIFF_TEXT_TAGS = (0x010E, 0x010F, 0x0110, 0x0112, 0x0131, 0x0132, 0x013B, 0x8298, 0x8769, 0x8825)
_BITS = {"AVIF": avif_bits, "JPEG2000": jpeg2000_bits}
_REDUCED, _WHITE, _COLOURS = 254, 318, 319  # tags of TIFF
_MOST_PAGES = 16
_pillow_lock = threading.Lock()
quiet_logger("PIL")


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
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None


def decode(given: Given, max_bytes: int = MAX_BYTES, formats: tuple[str, ...] = ALLOWED) -> Raster:
    """Decode a picture whose format is in `formats`; its size is checked from the header, before decoding.

    Raises FileError (missing, refused format, too large, damaged) or MissingExtraError.
    """
    with _known(given, formats) as (source, name):
        readers = {"HEIC": _decode_heif, "TIFF": _decode_tiff, "PNG": _decode_png}
        readers |= {"AVIF": _decode_avif, "JXL": _decode_jxl}
        return readers.get(name, _decode_pillow)(source, name, max_bytes)


def of_image(image: Image.Image, name: str = "the picture given") -> Raster:
    """A Pillow picture of any mode, with the profile and EXIF that it holds; raises FileError where it is damaged."""
    try:
        _load(image)
        pixels, icc = modes.to_array(image, name)
        exif = image.info.get("exif") or (image.getexif().tobytes() if len(image.getexif()) else None)
        return _raster(pixels, icc, exif, str(image.format), name, **_described(image))
    except CocnetError:
        raise
    except Exception as error:
        raise damaged(name, str(image.format or image.mode), error) from error


@contextmanager
def open_header(given: Given, formats: tuple[str, ...], max_bytes: int = MAX_BYTES) -> Iterator[Image.Image]:
    """Open a picture through Pillow without decoding it, its format, size and layout checked; raises FileError."""
    with _known(given, formats) as (source, name):
        image = open_picture(source.stream, name)
        _check(image, source, max_bytes)
        if name == "TIFF":
            exact.tiff_layout(image).check(source.size)
        yield image


@contextmanager
def _known(given: Given, formats: tuple[str, ...]) -> Iterator[tuple[Source, str]]:
    """An opened source and its format, which is one of `formats`; whatever goes wrong inside is a FileError."""
    with opened(given) as source:
        name = sniff(source.stream, source.suffix)
        if name not in formats:
            raise refused(source.name, name, formats)
        try:
            yield source, name
        except CocnetError:
            raise
        except Exception as error:
            raise damaged(source.name, name, error) from error


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


def _load(image: Image.Image) -> None:
    if image.width * image.height > 50_000_000:
        with _own_limit():
            image.load()
    else:
        image.load()


def _check(image: Any, source: Source, max_bytes: int) -> None:
    wide = (
        image.mode in ("I", "F") or ";16" in image.mode or (image.tile and ";16" in str(image.tile[0].args))
    )
    channels = max(3, len(image.getbands()))
    check_memory(
        image.width, image.height, channels * (2 if wide else 1), source.name, source.size, max_bytes
    )


def _decode_pillow(source: Source, name: str, max_bytes: int) -> Raster:
    image = open_picture(source.stream, name)
    _check(image, source, max_bytes)
    if getattr(image, "is_animated", False) and image.format != "MPO":
        _warn(f"'{source.name}' holds several frames; only the first is used")
    _load(image)
    pixels, icc = modes.to_array(image, source.name)
    if name == "JPEG":
        _check_jpeg(image, source)
    bits = _BITS[name](source.read()) if name in _BITS else 8
    if bits > 8 * pixels.itemsize:
        _warn(f"'{source.name}' has {bits} bits a channel, of which 8 are read; as PNG or TIFF all would be")
    return _raster(pixels, icc, image.info.get("exif"), name, source.name, **_described(image))


def _described(image: Any) -> dict[str, Any]:
    """XMP and resolution (dots an inch) as Pillow has them."""
    dpi = image.info.get("dpi")
    fine = isinstance(dpi, tuple) and len(dpi) == 2 and all(1 < float(each) < 1e6 for each in dpi)
    return {"xmp": image.info.get("xmp"), "dpi": (float(dpi[0]), float(dpi[1])) if fine else None}


def _decode_avif(source: Source, name: str, max_bytes: int) -> Raster:
    """AVIF, turned upright by its decoder; all parts of the file must be there."""
    items = read_items(source.read())
    items.check(source.size)
    raster = _decode_pillow(source, name, max_bytes)
    icc = raster.icc or (of_code_points(*items.nclx) if items.nclx else None)
    return replace(raster, icc=icc)


def _decode_jxl(source: Source, name: str, max_bytes: int) -> Raster:
    """JPEG XL through a plugin of Pillow's that decodes when it opens, so the size is read from the bytes before."""
    exact.require("pillow_jxl", "jxl", "JPEG XL photos")
    width, height = jxl_size(source.read())
    check_memory(width, height, 6, source.name, source.size, max_bytes)
    image = open_picture(source.stream, "JXL")
    _load(image)
    pixels, icc = modes.to_array(image, source.name)
    about, turned = _described(image), not getattr(image, "jpeg", False)
    return _raster(pixels, icc, image.info.get("exif"), name, source.name, turned=turned, **about)


def _check_jpeg(image: Any, source: Source) -> None:
    """Raise ValueError where the decoder made up the end: mid-grey where it had no data, or coarse scans only."""
    if image.info.get("progressive"):
        completeness.check_progressive(source.read())
    stored = np.asarray(image)
    if np.isin(stored[-1, -1], (127, 128)).all():
        again = open_picture(io.BytesIO(completeness.filled_up(source.read())), "JPEG")
        if not np.array_equal(np.asarray(again), stored):
            raise ValueError("its picture data ends early")


def _decode_png(source: Source, name: str, max_bytes: int) -> Raster:
    image = open_picture(source.stream, name)
    _check(image, source, max_bytes)
    completeness.check_png(source.stream)
    if getattr(image, "is_animated", False):
        _warn(f"'{source.name}' holds several frames; only the first is used")
    if image.tile and str(image.tile[0].args) in exact.WIDE_PNG:
        pixels = _wide_png(source.stream, image)
    else:
        source.stream.seek(0)
        image = open_picture(source.stream, name)
        _load(image)
        pixels, _ = modes.to_array(image, source.name)
    icc, about = _png_profile(source.stream, image), _described(image)
    return _raster(pixels, icc, image.info.get("exif"), name, source.name, **about)


def _png_profile(stream: BinaryIO, image: Any) -> bytes | None:
    """By PNG's order of trust: cICP, iCCP, sRGB, then gAMA with cHRM."""
    codes = completeness.png_chunk(stream, b"cICP")
    if codes is not None and len(codes) == 4 and (meant := of_code_points(codes[0], codes[1])):
        return meant
    if "icc_profile" in image.info or "srgb" in image.info:
        return image.info.get("icc_profile")
    return of_gamma(image.info.get("gamma"), image.info.get("chromaticity"))


def _wide_png(stream: BinaryIO, image: Any) -> np.ndarray:
    """16-bit colour PNG, which Pillow cuts to 8 bit: decode its high bytes, then its low ones."""
    high_mode, low_mode = exact.WIDE_PNG[str(image.tile[0].args)]
    planes = []
    for raw in filter(None, (high_mode, low_mode)):
        again = open_picture(stream, "PNG")
        again.tile = [tile._replace(args=raw) for tile in again.tile]
        _load(again)
        planes.append(np.asarray(again).astype(np.uint16))
        image.info.update(again.info)
    if low_mode is None:
        return planes[0][..., 0::2] << 8 | planes[0][..., 1::2]
    return modes.with_transparent_colour(planes[0] << 8 | planes[1], image.info.get("transparency"))


def _decode_tiff(source: Source, name: str, max_bytes: int) -> Raster:
    try:
        image = open_picture(source.stream, name)
    except UnidentifiedImageError:
        return _wide_tiff(source, None, max_bytes)
    page = _full_page(image)
    _check(image, source, max_bytes)
    exact.tiff_layout(image).check(source.size)
    if getattr(image, "is_animated", False) and page == 0:
        _warn(f"'{source.name}' holds several frames; only the first is used")
    exif = _tiff_exif(image, source.name)
    points = (*image.tag_v2.get(_WHITE, ()), *image.tag_v2.get(_COLOURS, ()))
    meant = of_gamma(None, tuple(map(float, points)))
    if exact.is_wide_tiff(image):
        if page > 0:
            raise FileError(
                f"expected the picture before its small copies in '{source.name}', got it as page {page + 1}, "
                "try saving it alone"
            )
        about = _described(image) | {"xmp": image.info.get("xmp") or image.tag_v2.get(700)}
        wide = _wide_tiff(source, exif, max_bytes)
        return replace(wide, icc=wide.icc or meant, **about)
    with quiet_stderr():
        _load(image)
    pixels, icc = modes.to_array(image, source.name)
    if image.tag_v2.get(262) == 0 and image.mode.startswith("I;16"):
        pixels = np.iinfo(pixels.dtype).max - pixels
    about = _described(image) | {"xmp": image.info.get("xmp") or image.tag_v2.get(700)}
    return _raster(pixels, icc or meant, exif, name, source.name, turned=True, **about)


def _full_page(image: Any) -> int:
    """Turn to the first page that isn't a small copy of another, and return its number."""
    for page in range(min(getattr(image, "n_frames", 1), _MOST_PAGES)):
        image.seek(page)
        if not int(image.tag_v2.get(_REDUCED, 0)) & 1:
            return page
    image.seek(0)
    return 0


def _wide_tiff(source: Source, exif: bytes | None, max_bytes: int) -> Raster:
    """A TIFF through tifffile, turned upright here because its orientation isn't always part of `exif`."""

    def check(width: int, height: int, pixel_bytes: int) -> None:
        check_memory(width, height, pixel_bytes, source.name, source.size, max_bytes)

    pixels, icc, turn = exact.read_wide_tiff(source, check)
    return _raster(upright(pixels, turn), icc, exif, "TIFF", source.name, turned=True)


def _decode_heif(source: Source, name: str, max_bytes: int) -> Raster:
    data = source.read()
    heif, items = exact.open_heif(data)
    width, height = heif.size
    pixel_bytes = max(3, len(heif.mode.split(";")[0])) * (2 if ";" in heif.mode else 1)
    check_memory(width, height, pixel_bytes, source.name, source.size, max_bytes)
    for note in exact.heif_losses(heif):
        _warn(f"'{source.name}': {note}")
    pixels, info = exact.heif_pixels(heif, data, items), heif.info
    icc = info.get("icc_profile") or (of_code_points(*items.nclx) if items.nclx else None)
    return _raster(
        pixels, icc, info.get("exif"), name, source.name, turned=True, heif=heif, xmp=info.get("xmp")
    )


def _raster(
    pixels: np.ndarray, icc: bytes | None, exif: bytes | None, name: str, file: str, **more: Any
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


def _tiff_exif(image: Image.Image, file: str) -> bytes | None:
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
