"""How large a photo is, from its header where that says it.

Enters: a picture file. Leaves: height and width in px, as `read_photo` will turn it, in a fraction of its time.
"""

from pathlib import Path

from cocnet.imaging.photo.decode import ALLOWED, decode, open_header
from cocnet.imaging.photo.exif import read_exif
from cocnet.imaging.photo.formats import sniff
from cocnet.imaging.photo.orientation import upright
from cocnet.imaging.photo.source import opened

_QUICK = ("JPEG", "PNG", "WEBP")
_SIDEWAYS = (5, 6, 7, 8)


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
