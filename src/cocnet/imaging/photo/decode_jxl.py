"""JPEG XL: 8 bits through a plugin of Pillow's, more bits and the first of several frames through imagecodecs.

Enters: an opened source. Leaves: a `Raster`, or an error of any type: the caller's border names the file.
"""

import numpy as np
from jaxtyping import Shaped

from cocnet.imaging.photo import modes
from cocnet.imaging.photo.exact_readers import require
from cocnet.imaging.photo.jxl import JxlHeader, jxl_header
from cocnet.imaging.photo.limits import check_memory
from cocnet.imaging.photo.open_picture import load, open_picture
from cocnet.imaging.photo.raster import Raster, described, raster_of, warn
from cocnet.imaging.photo.source import Source


def decode_jxl(source: Source, name: str, max_bytes: int) -> Raster:
    """The first frame of a JPEG XL, of more than 8 bits a channel as 16; needs the extra `jxl`.

    The plugin decodes when it opens, so the size is read from the bytes before.
    """
    require("pillow_jxl", "jxl", "JPEG XL photos")
    data = source.read()
    header = jxl_header(data)
    pixel_bytes = 6 if header.bits <= 8 else 16
    check_memory(header.width, header.height, pixel_bytes, source.name, source.size, max_bytes)
    if header.animated:
        warn(f"'{source.name}' holds several frames; only the first is used")
    image = open_picture(source.stream, "JXL")
    load(image)
    from_jpeg = bool(getattr(image, "jpeg", False))
    wide = header.bits > 8 and image.mode != "I;16"
    if (wide or header.animated) and not from_jpeg:
        pixels, icc = _first_frame(data, header), image.info.get("icc_profile")
    else:
        pixels, icc = modes.to_array(image, source.name)
    about = described(image)
    return raster_of(pixels, icc, image.info.get("exif"), name, source.name, turned=not from_jpeg, **about)


def _first_frame(data: bytes, header: JxlHeader) -> Shaped[np.ndarray, "h w *c"]:
    """What the plugin doesn't give: it cuts colour to 8 bits, and of several frames it has the last."""
    imagecodecs = require("imagecodecs", "jxl", "JPEG XL of more than 8 bits or one frame")
    pixels: np.ndarray = imagecodecs.jpegxl_decode(data, index=0)
    if header.bits == 8:
        return pixels
    shares = pixels.astype(np.float32) / (1.0 if header.floats else 2**header.bits - 1)
    return np.rint(np.clip(np.nan_to_num(shares), 0, 1) * 65535).astype(np.uint16)
