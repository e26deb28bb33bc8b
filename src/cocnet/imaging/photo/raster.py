"""A decoded picture as it is stored in its file.

Enters: an array of a decoder, with the profile, EXIF and XMP beside it. Leaves: a `Raster`: colour and alpha as
stored (8 or 16 bit), not yet turned upright.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped

from cocnet.errors import CocnetWarning
from cocnet.imaging.color.icc import color_space
from cocnet.imaging.photo.modes import CONVERTED

IPTC_TAG, IPTC_RESOURCE = 33723, 0x0404  # where a TIFF and Photoshop's segment have it
_PNG_TEXTS = ("Title", "Author", "Description", "Copyright")


@dataclass(frozen=True, eq=False)
class Raster:
    """A decoded picture as stored; `exif` is the raw block, `turned` says if it is upright already, `is_srgb` that
    its colours are sRGB's, whatever `exif` says; `losses`: what its file holds and nobody keeps."""

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
    is_srgb: bool = False
    iptc: bytes | None = None
    losses: tuple[str, ...] = ()


def raster_of(
    pixels: np.ndarray, icc: bytes | None, exif: bytes | None, name: str, file: str, **more: Any
) -> Raster:
    """Split an [h w] or [h w 1–4] array into colour and alpha, and drop a profile of another colour space.

    name: the format. file: for the warning. more: further fields of Raster.
    """
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    channels = pixels.shape[2]
    alpha = np.ascontiguousarray(pixels[..., -1]) if channels in (2, 4) else None
    grey = channels <= 2
    color = np.repeat(pixels[..., :1], 3, axis=2) if grey else np.ascontiguousarray(pixels[..., :3])
    if icc and color_space(icc) not in (("GRAY", "RGB") if grey else ("RGB",)):
        warn(
            f"'{file}' carries a colour profile that doesn't fit its pixels; it was dropped, sRGB is assumed"
        )
        icc, more = None, more | {"is_srgb": True}
    return Raster(color, alpha, grey, name, icc or None, exif or None, **more)


def described(image: Any) -> dict[str, Any]:
    """XMP, IPTC and resolution (dots an inch) as Pillow has them, what it has of no use here, and whether `modes`
    made its colours sRGB."""
    dpi = image.info.get("dpi")
    fine = isinstance(dpi, tuple) and len(dpi) == 2 and all(1 < float(each) < 1e6 for each in dpi)
    about = {"xmp": image.info.get("xmp"), "dpi": (float(dpi[0]), float(dpi[1])) if fine else None}
    if image.format == "PNG" and (texts := ", ".join(filter(image.info.__contains__, _PNG_TEXTS))):
        about["losses"] = (f"its PNG texts ({texts}) aren't kept",)
    return about | {"iptc": _iptc(image)} | ({"is_srgb": True} if image.mode in CONVERTED else {})


def _iptc(image: Any) -> Any:
    """The block of a TIFF's tag, or in a JPEG's Photoshop segment."""
    if image.format == "TIFF":
        return getattr(image.tag_v2, "_tagdata", {}).get(IPTC_TAG)  # as numbers Pillow cuts it to the first
    resources = image.info.get("photoshop")
    return resources.get(IPTC_RESOURCE) if isinstance(resources, dict) else None


def warn(message: str) -> None:
    """Warn of something that is lost in reading; stacked so that it names the caller of the reader."""
    warnings.warn(message, CocnetWarning, stacklevel=5)
