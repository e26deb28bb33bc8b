"""How large a photo is, from its header where that says it.

Enters: a picture file. Leaves: height and width in px, as `read_photo` will turn it, in a fraction of its time.
"""

from pathlib import Path

from cocnet.errors import CocnetError
from cocnet.imaging.photo.decode import ALLOWED, decode, open_header
from cocnet.imaging.photo.exif import read_exif
from cocnet.imaging.photo.formats import sniff
from cocnet.imaging.photo.orientation import upright
from cocnet.imaging.photo.source import opened

_QUICK = ("JPEG", "PNG", "WEBP")
_BY_HEADER = (*_QUICK, "TIFF", "AVIF", "JPEG2000", "BMP", "PPM")
_SIDEWAYS = (5, 6, 7, 8)


def longest_side(path: str | Path) -> int | None:
    """The photo's longer side, px; None where its header doesn't say it without decoding."""
    try:
        with open_header(path, _BY_HEADER) as image:
            return max(image.size)
    except CocnetError:
        return None


def photo_size(path: str | Path) -> tuple[int, int]:
    """Height and width, px, of the upright photo. Raises FileError or MissingExtraError."""
    file = Path(path)
    with opened(file) as source:
        name = sniff(source.stream, source.suffix)
    if name not in _QUICK:
        raster = decode(file, formats=ALLOWED)
        turn = 1 if raster.turned else read_exif(raster.exif).orientation
        height, width = upright(raster.pixels[..., 0], turn).shape
        return int(height), int(width)
    with open_header(file, _QUICK) as image:
        sideways = read_exif(image.info.get("exif")).orientation in _SIDEWAYS
        return (image.width, image.height) if sideways else (image.height, image.width)
