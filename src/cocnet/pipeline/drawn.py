"""What a user draws: masks of what stays sharp and of the subject, and the aperture's shape.

Enters: a file, a Pillow picture, an array. Leaves: masks in 0..1 of the photo's size, an aperture [k k].
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

from cocnet.errors import InputError
from cocnet.imaging import Photo, as_photo
from cocnet.imaging.depth.resample import same_aspect

APERTURE_PX = 256  # the longest side of an aperture's picture that is kept

Mask = Float32[np.ndarray, "h w"]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Masks and aperture as files, pictures or arrays; None = not drawn."""

    keep: Any = None
    subject: Any = None
    aperture_image: Any = None


def paths_of(drawn: Drawn) -> dict[str, str]:
    """What of it are files, so that options can name them."""
    return {
        name: os.fspath(given) for name, given in vars(drawn).items() if isinstance(given, str | os.PathLike)
    }


def read_mask(given: Any, photo: Photo, name: str) -> Mask:
    """A mask of the photo's size: white (or opaque, where a picture is cut out) = in it.

    Arrays are [h w], [1 h w] or [h w 1] of bool, uint8, uint16 or 0..1. Raises InputError for another aspect or an
    empty one, FileError.
    """
    grey = _grey(given, name)
    height, width = grey.shape
    if not same_aspect(width, height, photo.width, photo.height):
        want, got = f"{photo.width} × {photo.height}", f"{width} × {height}"
        raise InputError(f"expected {name} of the photo's aspect {want}, got {got}, try a mask of this photo")
    if not (grey > 0.5).any():
        raise InputError(f"expected {name} to be white somewhere, got none, try white = in it, black = not")
    if grey.shape == photo.pixels.shape[:2]:
        return grey
    whole = torch.from_numpy(grey)[None, None]
    size = (photo.height, photo.width)
    return functional.interpolate(whole, size, mode="bilinear", antialias=True)[0, 0].numpy()


def read_aperture(given: Any) -> Float[Tensor, "k k"]:
    """The aperture [k k] of a picture: white lets light through. It is made square by black on both sides."""
    grey = torch.from_numpy(_grey(given, "aperture_image"))
    side = max(grey.shape)
    rest = [side - length for length in grey.shape]
    pads = (rest[1] // 2, rest[1] - rest[1] // 2, rest[0] // 2, rest[0] - rest[0] // 2)
    square = functional.pad(grey, pads)
    if side > APERTURE_PX:
        size = (APERTURE_PX, APERTURE_PX)
        square = functional.interpolate(square[None, None], size, mode="bilinear", antialias=True)[0, 0]
    if not bool((square > 0).any()):
        raise InputError("expected aperture_image to be white somewhere, got black, try white = light passes")
    return square.clamp(min=0)


def _grey(given: Any, name: str) -> Mask:
    """A picture's opacity where it has any, else the mean of its channels; 0..1."""
    if not isinstance(given, Photo | str | os.PathLike | bytes) and not hasattr(given, "read"):
        plane = _one_channel(np.asarray(given))
        if plane.dtype.kind in "bfui" and plane.ndim == 2 and plane.size:
            return _of_plane(plane, name)
    photo = as_photo(given)
    if photo.alpha is not None and photo.alpha.min() < np.iinfo(photo.alpha.dtype).max:
        return (photo.alpha / np.iinfo(photo.alpha.dtype).max).astype(np.float32)
    return (photo.pixels.mean(2) / np.iinfo(photo.pixels.dtype).max).astype(np.float32)


def _one_channel(array: np.ndarray) -> np.ndarray:
    """An array [1 h w] or [h w 1] as [h w]; any other as it is."""
    single = [axis for axis in (0, 2) if array.ndim == 3 and array.shape[axis] == 1]
    return array.squeeze(single[-1]) if single else array


def _of_plane(plane: np.ndarray, name: str) -> Mask:
    """Values in 0..1; whole numbers that are all 0 or 1 are such values, others a share of 255, in uint16 of its
    largest."""
    whole = plane.dtype.kind in "ui" and plane.max() > 1
    most = (65535.0 if plane.dtype == np.uint16 else 255.0) if whole else 1.0
    grey = (plane / most).astype(np.float32)
    if not (np.isfinite(grey).all() and grey.min() >= 0 and grey.max() <= 1):
        raise InputError(f"expected {name} of bool, uint8 or 0..1, got other values, try mask.clip(0, 1)")
    return grey
