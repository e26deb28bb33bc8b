"""Pillow's many pixel modes as arrays of grey or RGB, with or without alpha, 8 or 16 bit.

Enters: a loaded Pillow picture. Leaves: [h w] or [h w 2–4] and the profile that still applies to it.
"""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from cocnet.errors import CocnetWarning, FileError


def to_array(image: Image.Image, file: Path) -> tuple[np.ndarray, bytes | None]:
    """A loaded Pillow picture of any mode as an [h w] or [h w 2–4] array of uint8 or uint16."""
    icc = image.info.get("icc_profile")
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16), icc
    if image.mode in ("I", "F"):
        raise FileError(
            f"expected 8 or 16 bit pixels, got mode {image.mode} in '{file}', try a 16-bit PNG or TIFF"
        )
    if image.mode in ("CMYK", "LAB"):
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


def _to_srgb(image: Image.Image, icc: bytes | None, file: Path) -> Image.Image:
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
