"""Where a subject touches something, depth goes on without a step, also when the subject is held at one distance.

Enters: inverse depth [h w] (1/m), the mask [h w] of a subject and the inverse depth at which it will be held. Leaves:
inverse depth whose surroundings meet the subject where they did before: the ground under feet, the table under a cup.
"""

import numpy as np
import torch
from jaxtyping import Float32
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from cocnet.depth.mask_edges import carried, grown
from cocnet.depth.refinement.guided_filter import working_size

AREA_PX = 1 << 16
_BESIDE = 1 / 100  # of the shorter side: where either side of the outline is read
_SMOOTH = 1 / 60  # of the shorter side
_REACH = 0.2  # of the shorter side: how far the surroundings are moved
_ALIKE = 0.02  # of the held inverse depth: what is no difference

Map = Float32[np.ndarray, "h w"]


def meeting(inverse_depth: Map, mask: Map, held: float) -> Map:
    """Inverse depth that meets a subject held at `held` wherever it met the subject before.

    At the outline the hold moves what touches by c = (d_in − held)·max(0, 1 − |d_out − d_in| / (|d_in − held| +
    0.02·held)). A part that the map puts farther than the hold may as well be one that it missed, in front of a
    background that touches nothing: there c counts as far as the outline faces down, as things stand on what is below
    them. The surroundings move as much, fading to nothing within a fifth of the shorter side, and not beyond `held`.
    Where depth jumps at the outline (c = 0) they stay.
    """
    height, width = inverse_depth.shape
    size = working_size(height, width, AREA_PX)
    depth, share = (
        functional.interpolate(torch.from_numpy(np.ascontiguousarray(x))[None, None], size, mode="area")
        for x in (inverse_depth, mask)
    )
    solid = (share > 0.5).float()
    beside = max(1, round(min(size) * _BESIDE))
    inside, outside = 1 - grown(1 - solid, beside), 1 - grown(solid, beside)
    if not (inside.any() and outside.any()):
        return inverse_depth
    within, without = carried(depth, inside), carried(depth, outside)
    off = within - held
    touching = (1 - (without - within).abs() / (off.abs() + _ALIKE * held)).clamp_min(0)
    touching = torch.where(off < 0, touching * _facing_down(solid[0, 0].numpy(), beside), touching)
    outline = (grown(solid, 1) - solid)[0, 0].numpy()
    distance, nearest = ndimage.distance_transform_edt(outline == 0, return_indices=True)
    by_hold = ndimage.gaussian_filter((off * touching)[0, 0].numpy()[tuple(nearest)], _SMOOTH * min(size))
    moved = (by_hold * (1 - distance / (_REACH * min(size))).clip(0)).astype(np.float32)
    if np.abs(moved).max() <= _ALIKE / 100 * held:
        return inverse_depth
    large = functional.interpolate(
        torch.from_numpy(moved)[None, None], (height, width), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    np.subtract(inverse_depth, large, out=large)
    nearer = inverse_depth >= held
    np.maximum(large, held, out=large, where=nearer)
    np.minimum(large, held, out=large, where=~nearer)
    return large


def _facing_down(solid: Float32[np.ndarray, "i j"], smooth_px: float) -> Float32[Tensor, "i j"]:
    """How far the outline of what is solid looks down: 1 = down, 1/2 = sideways, 0 = up."""
    smooth = np.pad(ndimage.gaussian_filter(solid, smooth_px), 1, "edge")
    down, right = (along[1:-1, 1:-1] for along in np.gradient(smooth))
    return torch.from_numpy(0.5 - 0.5 * down / np.maximum(np.hypot(down, right), 1e-6))
