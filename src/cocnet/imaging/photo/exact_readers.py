"""What Pillow alone doesn't tell: which format a file is, 16-bit colour, HEIC.

Enters: a path or an opened picture. Leaves: a format's name, arrays as stored, or a FileError.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cocnet.errors import FileError, MissingExtraError

# Pillow's name of a 16-bit layout → the layouts that give its high and its low bytes (None: both at once)
WIDE_PNG: dict[str, tuple[str, str | None]] = {
    "RGB;16B": ("RGB;16B", "RGB;16L"),
    "RGBA;16B": ("RGBA;16B", "RGBA;16L"),
    "LA;16B": ("RGBA", None),
}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"v/1\x01", "EXR"),
)


def require(module: str, extra: str, purpose: str) -> Any:
    """Import an optional package; raises MissingExtraError naming the extra that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"expected the package {module} for {purpose}, got none, try: pip install 'cocnet[{extra}]'"
        ) from error


def sniff(file: Path) -> str:
    """Name a file's format by its first bytes; raises FileError where it can't be read or is empty."""
    if file.is_dir():
        raise FileError(f"expected a file, got the folder '{file}', try a file inside it")
    try:
        with file.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise FileError(
            f"expected a readable file, got '{file}' ({error.strerror}), try another path"
        ) from error
    except ValueError as error:
        raise FileError(f"expected a file name, got {str(file)!r}, try one without null bytes") from error
    if not head:
        raise FileError(f"expected a picture, got the empty file '{file}', try copying it again")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return "HEIC" if head[8:12] in _HEIF_BRANDS else "AVIF" if head[8:11] == b"avi" else "a video"
    if b"<svg" in head or head.lstrip().startswith(b"<?xml"):
        return "SVG"
    return next((name for magic, name in _SIGNATURES if head.startswith(magic)), "an unknown format")


def is_wide_tiff(image: Image.Image) -> bool:
    """True for a TIFF of several channels with more than 8 bits each, which Pillow would cut to 8."""
    bits = image.tag_v2.get(258, (1,)) if hasattr(image, "tag_v2") else (1,)
    bits = bits if isinstance(bits, tuple) else (bits,)
    return max(bits) > 8 and len(image.getbands()) > 1


def read_wide_tiff(file: Path, check: Callable[[int, int], None]) -> tuple[np.ndarray, bytes | None, int]:
    """Read the first page of a TIFF that Pillow would cut to 8 bit or can't read; needs the extra `tiff`.

    Returns pixels [h w c] as stored, profile and orientation; `check(width, height)` may refuse the size.
    """
    tifffile = require("tifffile", "tiff", "16-bit colour TIFF")
    require("imagecodecs", "tiff", "16-bit colour TIFF")
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages[0]
        check(page.imagewidth, page.imagelength)
        got = f"{page.dtype} {page.photometric.name} {page.axes}"
        if page.dtype not in (np.uint8, np.uint16) or page.photometric.name not in ("RGB", "MINISBLACK"):
            raise FileError(f"expected 8 or 16 bit RGB or grey, got {got} in '{file}', try PNG")
        pixels: np.ndarray = page.asarray()
        planar, channels = page.axes.startswith("S"), 4 if page.photometric.name == "RGB" else 2
        icc, turn = (page.tags[tag].value if tag in page.tags else None for tag in (34675, 274))
    pixels = np.moveaxis(pixels, 0, -1) if planar else pixels
    kept = pixels[..., :channels] if pixels.ndim == 3 else pixels
    return np.ascontiguousarray(kept).astype(pixels.dtype.newbyteorder("=")), icc, int(turn or 1)


def open_heif(file: Path) -> Any:
    """Open a HEIC's primary picture without decoding it; needs the extra `heif`."""
    pillow_heif = require("pillow_heif", "heif", "HEIC photos")
    return pillow_heif.open_heif(file, convert_hdr_to_8bit=False)


def heif_losses(heif: Any) -> list[str]:
    """Say what of a HEIC is not carried over: further pictures, gain map, HDR transfer."""
    notes = []
    if len(heif) > 1:
        notes.append("holds several frames; only the main one is used")
    if any("gainmap" in name for name in heif.info.get("aux", {})):
        notes.append("its HDR gain map is dropped; the picture is the standard one")
    if (heif.info.get("nclx_profile") or {}).get("transfer_characteristics") in (16, 18):
        notes.append("its HDR transfer curve is treated as sRGB; brightness will be off")
    return notes
