"""The mask of a photo's subject.

Enters: a photo. Leaves: the mask in 0..1, as the network gives it or at the photo's size, its edge on the photo's.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

from cocnet.depth.estimators.estimator import Rgb, as_rgb8
from cocnet.depth.network_view import look_at
from cocnet.depth.refinement.guided_filter import GuidedFilter, shrunk, stripes, working_size

AREA_PX = 1024**2
_REACH_PX, _VARIANCE = 4, 5e-4


def coarse_mask(photo: Any, network: torch.nn.Module | None = None) -> Float32[np.ndarray, "i j"]:
    """The mask in 0..1 as the network gives it, about 256² px of the photo's shape: enough to find a subject."""
    return look_at(as_rgb8(photo), network).mask


def subject_mask(photo: Any, network: torch.nn.Module | None = None) -> Float32[np.ndarray, "h w"]:
    """Where the subject of a photo is: 0 = not, 1 = subject, soft at hair, at the photo's size.

    photo: [h w 3] uint8, uint16 or 0..1, or a tensor [3 h w], display-referred sRGB. The network's mask is
    refined with the photo's own edges by a guided filter, twice. Raises InputError for another shape.
    """
    rgb = as_rgb8(photo)
    return refine_mask(torch.from_numpy(look_at(rgb, network).mask), rgb)


def refine_mask(mask: Float[Tensor, "i j"], rgb: Rgb, area_px: int = AREA_PX) -> Float32[np.ndarray, "h w"]:
    """A coarse mask at the size of its photo, its soft edge laid along the photo's, worked out at area_px."""
    guide = shrunk(rgb, working_size(rgb.shape[0], rgb.shape[1], area_px))
    plane = functional.interpolate(mask[None, None], guide.shape[-2:], mode="bilinear", align_corners=False)
    guided = GuidedFilter(guide, _REACH_PX, _VARIANCE)
    a, b = guided.model(guided(plane[0]).clamp(0, 1))
    out = np.empty(rgb.shape[:2], np.float32)
    for rows, photo, model in stripes(rgb, torch.cat([a[0], b])):
        out[rows] = _contrast((model[:3] * photo).sum(0) + model[3]).numpy()
    return out


def _contrast(mask: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
    """Flat parts to 0 and 1, edges kept soft: linear from 0.03 to 0.97."""
    return ((mask - 0.03) / 0.94).clamp(0, 1)
