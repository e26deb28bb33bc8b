"""Pillow's many pixel modes as arrays of grey or RGB, with or without alpha, 8 or 16 bit.

Enters: a loaded Pillow picture. Leaves: [h w] or [h w 2–4] and the profile that still applies to it.
"""

import io
import warnings
from typing import Any

import numpy as np
from jaxtyping import Shaped
from PIL import Image, ImageCms

from cocnet.errors import CocnetWarning, FileError

CONVERTED = ("CMYK", "LAB")  # modes that become sRGB


def to_array(image: Image.Image, file: str) -> tuple[np.ndarray, bytes | None]:
    """A loaded Pillow picture of any mode as an [h w] or [h w 2–4] array of uint8 or uint16."""
    icc = image.info.get("icc_profile")
    if image.mode.startswith("I;16"):
        codes = np.asarray(image).astype(np.uint16)
        return with_transparent_colour(codes, image.info.get("transparency")), icc
    if image.mode == "I" and image.format == "PPM":
        return np.asarray(image).clip(0, 65535).astype(np.uint16), icc
    if image.mode in ("I", "F"):
        raise FileError(
            f"expected 8 or 16 bit pixels, got mode {image.mode} in '{file}', try a 16-bit PNG or TIFF"
        )
    if image.mode in CONVERTED:
        return np.asarray(_to_srgb(image, icc, file)), None
    targets = {
        "1": "L",
        "L": "L",
        "LA": "LA",
        "La": "LA",
        "P": "RGB",
        "PA": "RGBA",
        "RGBA": "RGBA",
        "RGBa": "RGBA",
    }
    mode = targets.get(image.mode, "RGB")
    if "transparency" in image.info and mode in ("L", "RGB"):
        mode = {"L": "LA", "RGB": "RGBA"}[mode]
    return np.asarray(image if image.mode == mode else image.convert(mode)), icc


def with_transparent_colour(pixels: Shaped[np.ndarray, "h w *c"], key: Any) -> Shaped[np.ndarray, "h w *c2"]:
    """16-bit pixels with an opacity that is 0 where they are of the colour `key` of a PNG; unchanged without one."""
    if not isinstance(key, int | tuple):
        return pixels
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    shown = (planes != np.asarray(key, planes.dtype)).any(axis=2, keepdims=True)
    return np.concatenate([planes, shown * planes.dtype.type(np.iinfo(planes.dtype).max)], axis=2)


def _to_srgb(image: Image.Image, icc: bytes | None, file: str) -> Image.Image:
    """CMYK and Lab to sRGB: through the embedded profile if there is one, else by Pillow's plain formula."""
    srgb = ImageCms.createProfile("sRGB")
    try:
        if image.mode == "LAB":
            source: Any = ImageCms.createProfile("LAB")
        elif icc is None:
            return image.convert("RGB")
        else:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
        return converted if converted is not None else image.convert("RGB")
    except ImageCms.PyCMSError:
        message = f"'{file}' carries an unusable {image.mode} profile; its colours are approximate"
        warnings.warn(message, CocnetWarning, stacklevel=6)
        return image.convert("RGB")
