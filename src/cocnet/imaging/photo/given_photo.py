"""Whatever Python hands over as a photo: a path, a file object, a Pillow picture, an array, a tensor.

Enters: one of those. Leaves: a `Photo`, or its pixels alone. Arrays are display-referred sRGB [h w 3], tensors
[3 h w]: uint8, uint16, or floats in 0..1, which become 16 bit.
"""

import os
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from PIL import Image
from torch import Tensor

from cocnet.errors import InputError
from cocnet.imaging.photo.decode import of_image
from cocnet.imaging.photo.limits import MAX_BYTES
from cocnet.imaging.photo.photo import Photo, photo_of, read_photo

OVERSHOOT = 0.1  # what filters leave outside of 0..1 in a picture of floats


def as_photo(given: Any, max_bytes: int = MAX_BYTES) -> Photo:
    """A `Photo` of what was given; a Pillow picture brings its profile and EXIF along, and is turned upright.

    max_bytes: as `read_photo`. Raises InputError or FileError.
    """
    if isinstance(given, Photo):
        return given
    if isinstance(given, str | os.PathLike | bytes | bytearray) or hasattr(given, "read"):
        return read_photo(given, max_bytes)
    if isinstance(given, Image.Image):
        return photo_of(of_image(given))
    return Photo(display_pixels(given))


def display_pixels(given: Any) -> Shaped[np.ndarray, "h w 3"]:
    """An array [h w 3] or a tensor [3 h w] as pixels of uint8 or uint16.

    Raises InputError for another shape or type, for NaN, for masked pixels, and for floats that aren't in 0..1.
    """
    if isinstance(given, Tensor):
        tensor = given.detach().cpu()
        array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
        array = np.moveaxis(array, 0, -1) if array.ndim == 3 else array
    else:
        array = _unmasked(given)
    if array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        got = f"{array.dtype} of shape {array.shape}"
        raise InputError(f"expected one photo [h w 3] or a tensor [3 h w], got {got}, try one RGB photo")
    if array.dtype.kind == "f":
        array = _of_floats(array)
    if array.dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        raise InputError(
            f"expected one photo of uint8, uint16 or floats in 0..1, got {array.dtype}, try astype(np.uint8)"
        )
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def _unmasked(given: Any) -> np.ndarray:
    if not isinstance(given, np.ma.MaskedArray):
        return np.asarray(given)
    if hidden := int(np.ma.getmaskarray(given).sum()):
        raise InputError(f"expected pixels everywhere, got {hidden} masked values, try filled(0)")
    return np.ma.getdata(given)


def _of_floats(array: np.ndarray) -> np.ndarray:
    low, high = float(array.min()), float(array.max())
    if not -OVERSHOOT <= low <= high <= 1 + OVERSHOOT:
        got = "NaN" if low != low else f"{low:.3g} to {high:.3g}"
        remedy = "array / 255" if 2 < high <= 255 and low >= 0 else "array / its largest value"
        raise InputError(f"expected one photo of floats in 0..1, got {got}, try {remedy}")
    return np.rint(array.astype(np.float32).clip(0, 1) * 65535).astype(np.uint16)
