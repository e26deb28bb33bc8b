"""PNG: the decoder that keeps 16 bits of colour, checks that the file is whole and reads its colour chunks.

Enters: an opened source. Leaves: a `Raster`, or an error of any type: the caller's border names the file.
"""

from typing import Any, BinaryIO

import numpy as np

from cocnet.containers import completeness
from cocnet.imaging.color.profile import SRGB_CODES, of_code_points, of_gamma
from cocnet.imaging.photo import exact_readers as exact
from cocnet.imaging.photo import modes
from cocnet.imaging.photo.open_picture import check_size, load, open_picture
from cocnet.imaging.photo.raster import Raster, described, raster_of, warn
from cocnet.imaging.photo.source import Source


def decode_png(source: Source, name: str, max_bytes: int) -> Raster:
    """A PNG of 8 or 16 bits a channel, its size checked before it is decoded."""
    image = open_picture(source.stream, name)
    check_size(image, source, max_bytes)
    completeness.check_png(source.stream)
    if getattr(image, "is_animated", False):
        warn(f"'{source.name}' holds several frames; only the first is used")
    if image.tile and str(image.tile[0].args) in exact.WIDE_PNG:
        pixels = _wide_png(source.stream, image)
    else:
        source.stream.seek(0)
        image = open_picture(source.stream, name)
        load(image)
        pixels, _ = modes.to_array(image, source.name)
    icc, about = _png_profile(source.stream, image), described(image)
    return raster_of(pixels, icc, image.info.get("exif"), name, source.name, **about)


def _png_profile(stream: BinaryIO, image: Any) -> bytes | None:
    """By PNG's order of trust: cICP, iCCP, sRGB, then gAMA with cHRM."""
    codes = completeness.png_chunk(stream, b"cICP")
    if codes is not None and len(codes) == 4:
        meant = of_code_points(codes[0], codes[1])
        if meant or (codes[0], codes[1]) in SRGB_CODES:
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
        load(again)
        planes.append(np.asarray(again).astype(np.uint16))
        image.info.update(again.info)
    if low_mode is None:
        return planes[0][..., 0::2] << 8 | planes[0][..., 1::2]
    return modes.with_transparent_colour(planes[0] << 8 | planes[1], image.info.get("transparency"))
