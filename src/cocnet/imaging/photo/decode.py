"""Picture files to arrays: the formats that are let in, and a decoder for each.

Enters: a path, bytes or a file object. Leaves: a `Raster` as stored in the file (not yet turned upright), or a
FileError. Decoders raise whatever they like on bad input, hence the broad catch at their border.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from cocnet.containers import completeness
from cocnet.containers.bit_depth import avif_bits, jpeg2000_bits
from cocnet.containers.isobmff import read_items
from cocnet.errors import CocnetError
from cocnet.imaging.color.profile import of_code_points
from cocnet.imaging.photo import exact_readers as exact
from cocnet.imaging.photo import modes
from cocnet.imaging.photo.decode_jxl import decode_jxl
from cocnet.imaging.photo.decode_png import decode_png
from cocnet.imaging.photo.decode_tiff import decode_tiff
from cocnet.imaging.photo.formats import sniff
from cocnet.imaging.photo.limits import MAX_BYTES, check_memory, damaged, refused
from cocnet.imaging.photo.open_picture import check_size, load, open_picture
from cocnet.imaging.photo.raster import Raster, described, raster_of, warn
from cocnet.imaging.photo.source import Given, Source, opened

ALLOWED = ("JPEG", "PNG", "TIFF", "WEBP", "HEIC", "AVIF", "JXL", "JPEG2000", "BMP", "PPM")
_BITS = {"AVIF": avif_bits, "JPEG2000": jpeg2000_bits}


def decode(given: Given, max_bytes: int = MAX_BYTES, formats: tuple[str, ...] = ALLOWED) -> Raster:
    """Decode a picture whose format is in `formats`; its size is checked from the header, before decoding.

    Raises FileError (missing, refused format, too large, damaged) or MissingExtraError.
    """
    with _known(given, formats) as (source, name):
        readers = {"HEIC": _decode_heif, "TIFF": decode_tiff, "PNG": decode_png}
        readers |= {"AVIF": _decode_avif, "JXL": decode_jxl, "PPM": _decode_ppm}
        return readers.get(name, _decode_pillow)(source, name, max_bytes)


def of_image(image: Image.Image, name: str = "the picture given") -> Raster:
    """A Pillow picture of any mode, with the profile and EXIF that it holds; raises FileError where it is damaged."""
    try:
        load(image)
        pixels, icc = modes.to_array(image, name)
        exif = image.info.get("exif") or (image.getexif().tobytes() if len(image.getexif()) else None)
        return raster_of(pixels, icc, exif, str(image.format), name, **described(image))
    except CocnetError:
        raise
    except Exception as error:
        raise damaged(name, str(image.format or image.mode), error) from error


@contextmanager
def open_header(given: Given, formats: tuple[str, ...], max_bytes: int = MAX_BYTES) -> Iterator[Image.Image]:
    """Open a picture through Pillow without decoding it, its format, size and layout checked; raises FileError."""
    with _known(given, formats) as (source, name):
        image = open_picture(source.stream, name)
        check_size(image, source, max_bytes)
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


def _decode_pillow(source: Source, name: str, max_bytes: int) -> Raster:
    image = open_picture(source.stream, name)
    check_size(image, source, max_bytes)
    if getattr(image, "is_animated", False) and image.format != "MPO":
        warn(f"'{source.name}' holds several frames; only the first is used")
    load(image)
    pixels, icc = modes.to_array(image, source.name)
    if name == "JPEG":
        _check_jpeg(image, source)
    if name == "WEBP":
        completeness.check_webp(source.read())
    bits = _BITS[name](source.read()) if name in _BITS else 8
    if bits > 8 * pixels.itemsize:
        warn(f"'{source.name}' has {bits} bits a channel, of which 8 are read; as PNG or TIFF all would be")
    return raster_of(pixels, icc, image.info.get("exif"), name, source.name, **described(image))


def _decode_avif(source: Source, name: str, max_bytes: int) -> Raster:
    """AVIF, turned upright by its decoder; all parts of the file must be there."""
    items = read_items(source.read())
    items.check(source.size)
    items.check_ends(source.read())
    raster = _decode_pillow(source, name, max_bytes)
    icc = raster.icc or (of_code_points(*items.nclx) if items.nclx else None)
    return replace(raster, icc=icc)


def _decode_ppm(source: Source, name: str, max_bytes: int) -> Raster:
    image = open_picture(source.stream, name)
    if exact.ppm_white(image) <= 255:
        return _decode_pillow(source, name, max_bytes)
    check_memory(image.width, image.height, 6, source.name, source.size, max_bytes)
    return raster_of(exact.wide_ppm(image, source.read()), None, None, name, source.name)


def _check_jpeg(image: Any, source: Source) -> None:
    """Raise ValueError where the decoder made up the end: mid-grey where it had no data, or coarse scans only."""
    if image.info.get("progressive"):
        completeness.check_progressive(source.read())
    stored = np.asarray(image)
    if np.isin(stored[-1, -1], (127, 128)).all():
        again = open_picture(io.BytesIO(completeness.filled_up(source.read())), "JPEG")
        if not np.array_equal(np.asarray(again), stored):
            raise ValueError("its picture data ends early")


def _decode_heif(source: Source, name: str, max_bytes: int) -> Raster:
    data = source.read()
    heif, items = exact.open_heif(data)
    width, height = heif.size
    pixel_bytes = max(3, len(heif.mode.split(";")[0])) * (2 if ";" in heif.mode else 1)
    check_memory(width, height, pixel_bytes, source.name, source.size, max_bytes)
    for note in exact.heif_losses(heif, items):
        warn(f"'{source.name}': {note}")
    pixels, info = exact.heif_pixels(heif, data, items), heif.info
    icc = info.get("icc_profile") or (of_code_points(*items.nclx) if items.nclx else None)
    return raster_of(
        pixels, icc, info.get("exif"), name, source.name, turned=True, heif=heif, xmp=info.get("xmp")
    )
