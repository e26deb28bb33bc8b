"""What is given as depth, as one plane of numbers and a mask of what is known.

Enters: arrays, tensors, masked arrays. Leaves: float32 [h w], with infinity as the farthest of its kind.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from cocnet.errors import DepthError

FARTHEST_M = 1e4
_EMPTY_BACKGROUND = 1e10  # what renderers write where no surface is


def as_array(given: Any) -> np.ndarray:
    """A tensor, masked array or what NumPy takes as an array; masked elements are NaN."""
    if isinstance(given, Tensor):
        tensor = given.detach().cpu()
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    if isinstance(given, np.ma.MaskedArray) and given.dtype.kind in "fiub":
        return np.where(np.ma.getmaskarray(given), np.nan, np.ma.getdata(given))
    return np.asarray(given)


def as_plane(array: Any, source: str) -> Float32[np.ndarray, "h w"]:
    """One plane of numbers as float32; raises DepthError for other shapes and types."""
    plane = as_array(array)
    if plane.ndim == 3 and 1 in (plane.shape[0], plane.shape[2]):
        plane = plane[0] if plane.shape[0] == 1 else plane[..., 0]
    if plane.ndim != 2 or plane.size == 0 or plane.dtype.kind not in "fiub":
        got = f"{plane.dtype} of shape {plane.shape}"
        raise DepthError(
            f"expected numbers of shape (h, w), got {got} from {source or 'the array'}, try one channel"
        )
    with np.errstate(over="ignore"):
        return plane.astype(np.float32)


def known_values(
    values: Float32[np.ndarray, "h w"], kind: str
) -> tuple[Float32[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Values with what is at infinity as the farthest of the kind and 0 where nothing is known, and the mask.

    Nothing is known where no value is finite.
    """
    finite = np.isfinite(values)
    if kind == "metric":
        finite &= values > 0
        infinite, farthest = values == np.inf, FARTHEST_M
        values = np.minimum(values, np.float32(FARTHEST_M))
    elif kind == "disparity":
        finite &= values > 0
        infinite, farthest = values == 0, 0.0
    elif kind == "relative_depth":
        infinite = values >= _EMPTY_BACKGROUND
        finite &= ~infinite
        farthest = float(values.max(where=finite, initial=-np.inf))
    else:
        infinite, farthest = np.zeros_like(finite), 0.0
    valid = finite | infinite if finite.any() else finite
    return np.where(finite, values, np.where(valid, np.float32(farthest), np.float32(0))), valid
