"""Depth at another size.

Enters: values [i j] and which are known, a size. Leaves: both at that size; metric values are mixed as 1/z.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch.nn import functional


def same_aspect(width: int, height: int, new_width: int, new_height: int) -> bool:
    """Aspects agree within 1 %, or the smaller is the larger one rounded to whole pixels."""
    cross = abs(width * new_height - height * new_width)
    larger = max((width * height, min(width, height)), (new_width * new_height, min(new_width, new_height)))
    return cross <= 0.01 * height * new_width or cross < larger[1]


def resample(
    values: Float32[np.ndarray, "i j"], valid: Bool[np.ndarray, "i j"], height: int, width: int, metric: bool
) -> tuple[Float32[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Bilinear values and validity at a new size, normalised so that holes weigh nothing."""
    old_height, old_width = values.shape
    line = np.where(valid, 1.0 / np.where(valid, values, 1.0) if metric else values, 0.0)
    planes = torch.from_numpy(np.stack([line, valid]).astype(np.float32))[None]
    shrinking = height < old_height or width < old_width
    planes = functional.interpolate(planes, (height, width), mode="bilinear", antialias=shrinking)[0]
    weight = planes[1].numpy()
    valid = weight > min(0.5, float(weight.max()) * 0.999)
    mean = planes[0].numpy() / np.where(valid, weight, 1.0)
    if metric:
        valid &= mean > 0
        mean = 1.0 / np.where(valid, mean, 1.0)
    return np.where(valid, mean, 0.0).astype(np.float32), valid
