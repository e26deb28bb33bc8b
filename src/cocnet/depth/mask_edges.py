"""Depth whose step at the subject's outline lies where the mask has it.

Enters: disparity [i j] and a mask [i j] in 0..1. Leaves: disparity of the same levels: on either side of the mask's
edge what is found a little way in, carried outwards by pull-push (Gortler et al. 1996), mixed by the mask.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

_BAND_SHARE = 1 / 48
_LEAST_SHARE, _MOST_SHARE = 0.004, 0.95

Plane = Float[Tensor, "1 1 i j"]


def lay_on_mask(
    disparity: Float32[np.ndarray, "i j"], mask: Float32[np.ndarray, "i j"]
) -> Float32[np.ndarray, "i j"]:
    """d = m·d_inside + (1 − m)·d_outside; as it came where the mask finds no subject or nothing else."""
    depth, share = (
        torch.from_numpy(np.ascontiguousarray(plane, np.float32))[None, None] for plane in (disparity, mask)
    )
    solid = (share > 0.5).float()
    if not _LEAST_SHARE < float(solid.mean()) < _MOST_SHARE:
        return disparity
    reach = max(1, round(max(mask.shape) * _BAND_SHARE))
    inside, outside = 1 - grown(1 - solid, reach), 1 - grown(solid, reach)
    if not (inside.any() and outside.any()):
        return disparity
    mixed = share * carried(depth, inside) + (1 - share) * carried(depth, outside)
    return mixed[0, 0].numpy()


def grown(plane: Plane, reach: int) -> Plane:
    """The largest value within a square of so many pixels to each side."""
    return functional.max_pool2d(plane, 2 * reach + 1, 1, reach)


def carried(values: Plane, known: Plane) -> Plane:
    """Values where they are known, elsewhere the means of what is known around, from fine to coarse."""
    if bool(known.all()):
        return values
    weight = functional.avg_pool2d(known, 2, ceil_mode=True)
    sums = functional.avg_pool2d(values * known, 2, ceil_mode=True)
    coarse = carried(sums / weight.clamp_min(1e-6), (weight > 0).float())
    wide = functional.interpolate(coarse, values.shape[-2:], mode="bilinear", align_corners=False)
    return known * values + (1 - known) * wide
