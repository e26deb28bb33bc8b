"""What an estimator of depth is: anything called as `estimator(rgb, focal_px=None) → DepthMap`.

Enters: display-referred sRGB, uint8 [h w 3], and the focal length in px where it is known. Leaves: a `DepthMap`
of the photo's aspect whose `source` says in one line what it is and how far to trust it.
"""

from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from cocnet.errors import CocnetError, DepthError
from cocnet.imaging import DepthMap
from cocnet.imaging.photo.given_photo import as_photo, display_pixels

Rgb = UInt8[np.ndarray, "h w 3"]


@runtime_checkable
class Estimator(Protocol):
    """A network, a function, a service: see the file's first lines."""

    def __call__(self, rgb: Rgb, focal_px: float | None = None) -> DepthMap: ...


def estimate(
    estimator: Any, rgb: Rgb, focal_px: float | None = None, kind: str | None = None, name: str = ""
) -> DepthMap:
    """Call an estimator and check what comes back: a `DepthMap`, or a bare array with `kind`.

    Raises DepthError where it fails, for a bare array without a kind, for another aspect, and where nothing is valid.
    """
    label = name or getattr(estimator, "__name__", type(estimator).__name__)
    try:
        found = estimator(rgb, focal_px=focal_px)
    except CocnetError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DepthError(f"expected depth from '{label}', got '{reason}', try another estimator") from error
    if not isinstance(found, DepthMap):
        if kind is None:
            raise DepthError(
                f"expected a DepthMap or a kind, got a bare array from '{label}', try kind='relative_disparity'"
            )
        found = DepthMap.of(found, kind, f"estimated by {label}")
    found = found if found.source else replace(found, source=f"estimated by {label}")
    return found.resized(rgb.shape[0], rgb.shape[1])


def as_rgb8(photo: Any) -> Rgb:
    """Display-referred pixels as uint8 [h w 3] of what `render` takes as a photo: a path, a `Photo`, a Pillow
    picture, an array of uint8, uint16 or floats in 0..1, a tensor [3 h w].

    Raises InputError or FileError as `as_photo`.
    """
    pixels = display_pixels(photo) if isinstance(photo, np.ndarray | Tensor) else as_photo(photo).pixels
    return np.require(pixels >> 8 if pixels.dtype == np.uint16 else pixels, np.uint8, ["C", "W"])
