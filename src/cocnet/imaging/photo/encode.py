"""Pixels to picture files: JPEG and WebP through Pillow, 16-bit PNG and all TIFF written here, exactly.

Enters: pixels [h w 3] with alpha, profile and EXIF. Leaves: one whole file, or an error and the old file.
"""

import io
import struct
import warnings
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cocnet.errors import CocnetWarning, FileError, InputError
from cocnet.files.atomic import atomic_path
from cocnet.imaging.color.icc import HDR, color_space, hdr_codes, transfer
from cocnet.imaging.photo import png16
from cocnet.imaging.photo import tiff16 as tiffwriter
from cocnet.imaging.photo.about import About
from cocnet.imaging.photo.exif import shortened
from cocnet.imaging.photo.raster import IPTC_RESOURCE

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}
FORMATS |= {".avif": "AVIF"}
_LONGEST_SEGMENT = 65_500  # bytes of a JPEG's segment
_LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 65_535}
EIGHT_BIT = ("JPEG", "WEBP", "AVIF")
_NO_GREY = ("WEBP", "AVIF")


def write_pixels(
    path: Path,
    pixels: Shaped[np.ndarray, "h w 3"],
    *,
    alpha: Shaped[np.ndarray, "h w"] | None,
    icc: bytes | None,
    exif: bytes | None,
    grey: bool,
    source: Path | None,
    quality: int,
    xmp: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    iptc: bytes | None = None,
) -> None:
    """Write pixels atomically in the format of the suffix; raises FileError or InputError."""
    name = _check(path, pixels, quality)
    channels, profile = _channels(pixels, alpha, icc, grey, name)
    if name != "PNG" and (codes := hdr_codes(profile)):
        _warn(f"its light is HDR ({HDR[codes[1]]}), which most viewers show too dark as {name}, fewer as PNG")
    if iptc and name not in ("JPEG", "TIFF"):
        _warn(f"its IPTC caption and keywords aren't kept in {name}, but would be in JPEG and TIFF")
    with atomic_path(path, source) as temporary:
        try:
            _save(temporary, name, channels, About(profile, exif, xmp, dpi, iptc), quality)
        except OSError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            raise FileError(
                f"expected to write {name}, got '{reason}' for '{path}', try another suffix"
            ) from error


def jpeg_bytes(pixels: Shaped[np.ndarray, "h w 3"], icc: bytes | None, quality: int) -> bytes:
    """A JPEG in memory, in the colours of a profile (None: sRGB); raises FileError or InputError."""
    name = _check(Path("picture.jpg"), pixels, quality)
    channels, profile = _channels(pixels, None, icc, False, name)
    stream = io.BytesIO()
    Image.fromarray(channels).save(stream, name, **_settings(name, About(profile), quality))
    return stream.getvalue()


def _check(path: Path, pixels: Any, quality: int) -> str:
    name = FORMATS.get(path.suffix.lower())
    if name is None:
        raise FileError(f"expected a file name ending in {', '.join(FORMATS)}, got '{path}', try one of them")
    is_array = isinstance(pixels, np.ndarray)
    if not is_array or pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim != 3 or pixels.shape[2] != 3:
        got = f"{pixels.dtype} {pixels.shape}" if is_array else type(pixels).__name__
        raise InputError(f"expected uint8 or uint16 pixels of shape (h, w, 3), got {got}, try Photo.encode")
    if pixels.size == 0:
        raise InputError(f"expected pixels, got {pixels.shape}, try a photo of at least 1 px")
    check_quality(quality)
    check_side(path, max(pixels.shape))
    return name


def check_quality(quality: Any) -> None:
    """Refuse a quality that no format has; raises InputError."""
    if not isinstance(quality, Integral) or not 1 <= int(quality) <= 100:
        raise InputError(f"expected a quality of 1–100, a whole number, got {quality!r}, try 95")


def has_quality(path: str | Path) -> bool:
    """Whether the format of a name's suffix has a quality; the others keep every pixel."""
    return FORMATS.get(Path(path).suffix.lower()) in EIGHT_BIT


def check_side(path: Path, longest_px: int) -> None:
    """Refuse a picture whose longer side the format of the suffix can't hold; raises FileError."""
    name = FORMATS[path.suffix.lower()]
    if longest_px > _LONGEST_SIDE.get(name, 1 << 31):
        most = f"{_LONGEST_SIDE[name]:,} px for {name}"
        raise FileError(f"expected sides up to {most}, got {longest_px:,} for '{path}', try PNG")


def _channels(
    pixels: np.ndarray, alpha: np.ndarray | None, icc: bytes | None, grey: bool, name: str
) -> tuple[np.ndarray, bytes | None]:
    """Put together the array to store, [h w 1–4] in the format's bit depth, and the profile that fits it."""
    single = grey and color_space(icc) != "RGB" and name not in _NO_GREY
    if single and not (
        np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 0], pixels[..., 2])
    ):
        single = False
    if not single and color_space(icc) == "GRAY":
        why = "a picture in colour" if name not in _NO_GREY else f"{name}, which has no grey pictures"
        _warn(f"a grey colour profile doesn't fit {why}; the picture was converted to sRGB")
        pixels, icc = _from_grey_profile(pixels, icc), None
    stored = pixels[..., :1] if single else pixels
    if alpha is not None and (name == "JPEG" or alpha.shape != pixels.shape[:2]):
        why = "JPEG can't hold it" if name == "JPEG" else "it is of another size"
        _warn(f"transparency was dropped: {why}")
        alpha = None
    if alpha is not None:
        stored = np.concatenate([stored, _as_depth(alpha, pixels.dtype)[..., None]], axis=2)
    return (_as_depth(stored, np.dtype(np.uint8)) if name in EIGHT_BIT else stored), icc


def _from_grey_profile(pixels: Shaped[np.ndarray, "h w 3"], icc: bytes | None) -> Shaped[np.ndarray, "h w 3"]:
    """The same light in sRGB's codes."""
    bits = 8 * pixels.itemsize
    light = torch.from_numpy(transfer(icc, bits).decode[0])
    codes = transfer(None, bits).encode(light[None], 0)[0].numpy().astype(pixels.dtype)
    return np.take(codes, pixels)


def _as_depth(values: np.ndarray, dtype: Any) -> np.ndarray:
    """Convert codes between 8 and 16 bit with rounding: 255 ↔ 65535."""
    if values.dtype == dtype:
        return values
    if dtype == np.uint16:
        return values.astype(np.uint16) * np.uint16(257)
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _save(path: Path, name: str, stored: np.ndarray, about: About, quality: int) -> None:
    if name == "TIFF":
        tiffwriter.write(path, stored, about)
    elif name == "PNG" and stored.dtype == np.uint16:
        png16.write(path, stored, about)
    else:
        image = Image.fromarray(stored[..., 0] if stored.shape[2] == 1 else stored)
        image.save(path, format=name, **_settings(name, about, quality))


def _settings(name: str, about: About, quality: int) -> dict[str, Any]:
    """What Pillow is told besides the pixels."""
    settings: dict[str, Any] = {"icc_profile": about.icc} if about.icc else {}
    exif, xmp = about.exif, about.xmp
    if name == "JPEG":
        exif = shortened(exif, _LONGEST_SEGMENT) if exif else None
        if xmp and len(xmp) > _LONGEST_SEGMENT:
            _warn("the photo's XMP is too large for a JPEG and was dropped")
            xmp = None
        settings |= {"quality": quality, "subsampling": 0 if quality >= 90 else 2}
        settings["extra"] = _photoshop_segment(about.iptc) if about.iptc else b""
    if name == "WEBP":
        settings |= {"quality": quality, "method": 4, "exact": True, "lossless": quality == 100}
    if name == "AVIF":
        settings |= {"quality": quality, "subsampling": "4:4:4" if quality >= 90 else "4:2:0", "speed": 6}
    if about.dpi and name in ("JPEG", "PNG"):
        settings["dpi"] = about.dpi
    if name == "PNG":
        settings["pnginfo"] = _chunks(about)
    elif xmp:
        settings["xmp"] = xmp
    return settings | ({"exif": b"Exif\x00\x00" + exif} if exif else {})


def _photoshop_segment(iptc: bytes) -> bytes:
    """A JPEG's segment (APP13) that holds IPTC as a resource of Photoshop's."""
    resource = struct.pack(">4sHHI", b"8BIM", IPTC_RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    body = b"Photoshop 3.0\x00" + resource
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def _chunks(about: About) -> PngInfo:
    """What Pillow writes into a PNG only when it is given as chunks."""
    chunks = PngInfo()
    if codes := hdr_codes(about.icc):
        chunks.add(b"cICP", png16.cicp(codes))
    if about.xmp:
        chunks.add_itxt(png16.XMP, about.xmp.decode("utf-8"))
    return chunks


def _warn(message: str) -> None:
    warnings.warn(message, CocnetWarning, stacklevel=5)
