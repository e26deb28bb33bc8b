"""TIFF: its first full page, through Pillow, or through tifffile where Pillow would cut 16 bits to 8.

Enters: an opened source. Leaves: a `Raster`, or an error of any type: the caller's border names the file.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from cocnet.errors import FileError
from cocnet.files.quiet import quiet_stderr
from cocnet.imaging.color.profile import of_gamma, of_tables
from cocnet.imaging.photo import exact_readers as exact
from cocnet.imaging.photo import modes
from cocnet.imaging.photo.limits import check_memory
from cocnet.imaging.photo.open_picture import check_size, load, open_picture
from cocnet.imaging.photo.orientation import upright
from cocnet.imaging.photo.raster import Raster, described, raster_of, warn
from cocnet.imaging.photo.source import Source

_TEXT_TAGS = (0x010E, 0x010F, 0x0110, 0x0112, 0x0131, 0x0132, 0x013B, 0x8298, 0x8769, 0x8825)
_REDUCED, _PHOTOMETRIC, _TRANSFER, _WHITE, _COLOURS = 254, 262, 301, 318, 319  # tags of TIFF
_MOST_PAGES = 16


def decode_tiff(source: Source, name: str, max_bytes: int) -> Raster:
    """The first full page of a TIFF of 8 or 16 bits a channel, its size checked before it is decoded."""
    try:
        image = open_picture(source.stream, name)
    except UnidentifiedImageError:
        return _wide_tiff(source, None, max_bytes)
    page = _full_page(image)
    check_size(image, source, max_bytes)
    exact.tiff_layout(image).check(source.size)
    if getattr(image, "is_animated", False) and page == 0:
        warn(f"'{source.name}' holds several frames; only the first is used")
    exif = _tiff_exif(image, source.name)
    meant = _profile_meant(image)
    if exact.is_wide_tiff(image):
        if page > 0:
            raise FileError(
                f"expected the picture before its small copies in '{source.name}', got it as page {page + 1}, "
                "try saving it alone"
            )
        about = described(image) | {"xmp": image.info.get("xmp") or image.tag_v2.get(700)}
        wide = _wide_tiff(source, exif, max_bytes)
        return replace(wide, icc=wide.icc or meant, **about)
    with quiet_stderr() as said:
        load(image)
        if faults := exact.tiff_faults(said()):
            raise ValueError(faults[0])
    pixels, icc = modes.to_array(image, source.name)
    if image.tag_v2.get(_PHOTOMETRIC) == 0 and image.mode.startswith("I;16"):
        pixels = np.iinfo(pixels.dtype).max - pixels
    about = described(image) | {"xmp": image.info.get("xmp") or image.tag_v2.get(700)}
    return raster_of(pixels, icc or meant, exif, name, source.name, turned=True, **about)


def _profile_meant(image: Any) -> bytes | None:
    """What WhitePoint, PrimaryChromaticities and TransferFunction mean, where there are any."""
    points = (*image.tag_v2.get(_WHITE, ()), *image.tag_v2.get(_COLOURS, ()))
    table, codes = image.tag_v2.get(_TRANSFER, ()), 1 << int(max(exact.tiff_bits(image)))
    points = tuple(map(float, points))
    if len(table) not in (codes, 3 * codes):
        return of_gamma(None, points)
    tables = [table[at : at + codes] for at in range(0, len(table), codes)]
    return of_tables(tables * 3 if len(tables) == 1 else tables, points)


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
    return raster_of(upright(pixels, turn), icc, exif, "TIFF", source.name, turned=True)


def _tiff_exif(image: Image.Image, file: str) -> bytes | None:
    """The descriptive tags of a TIFF as an EXIF block; None, with a warning, where they can't be written."""
    try:
        found, kept = image.getexif(), Image.Exif()
        kept.update({tag: found[tag] for tag in _TEXT_TAGS if tag in found and tag not in (0x8769, 0x8825)})
        for tag in (0x8769, 0x8825):
            if inner := found.get_ifd(tag):
                kept.get_ifd(tag).update(inner)
        return kept.tobytes() if len(kept) else None
    except Exception:
        warn(f"the EXIF of '{file}' can't be written again and was dropped")
        return None
