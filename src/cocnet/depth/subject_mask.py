"""The built-in estimator: where the subject is, by a small network that ships, and a pseudo-depth from it.

Enters: a photo. Leaves: the subject mask in 0..1 at the photo's size, or a relative depth map of subject, ground
and backdrop. Trust: the outline is estimated, distances are made up so that blur looks plausible.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from cocnet.depth.estimators.made_up import find_stand, pseudo_disparity, span_m
from cocnet.depth.estimators.protocol import Rgb, as_rgb8
from cocnet.depth.refinement.guided_filter import GuidedFilter, shrunk, stripes, working_size
from cocnet.errors import FileError
from cocnet.imaging import DepthMap
from cocnet.networks.architectures.subject_net import SubjectNet, padded_multiple, to_channels_last

WEIGHTS = Path(__file__).parents[1] / "weights" / "subject.safetensors"
MADE_UP = "distances are made up"
_VIEWS = ((320, False), (224, True))
_AREA_PX, _REACH_PX, _VARIANCE = 1024**2, 4, 5e-4


def load_subject_net(path: Path = WEIGHTS) -> SubjectNet:
    """The network of a weight file, in eval mode; raises FileError where that is missing or of another shape."""
    try:
        written = path.stat().st_mtime_ns
    except OSError:
        written = 0
    return _loaded(path, written)


@lru_cache(maxsize=2)
def _loaded(path: Path, written: int) -> SubjectNet:
    """Kept until the file changes."""
    try:
        weights = {name: tensor.float() for name, tensor in load_file(path).items()}
        network = SubjectNet()
        network.load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        hint = "installing again" if path == WEIGHTS else "the subject.safetensors of `cocnet train subject`"
        raise FileError(f"expected subject weights, got '{path}' ({reason}), try {hint}") from error
    to_channels_last(network).eval().requires_grad_(False)
    return network


def coarse_mask(photo: Any, network: torch.nn.Module | None = None) -> Float32[np.ndarray, "i j"]:
    """The mask in 0..1 as the network gives it, about 320² px of the photo's shape: enough to find a subject."""
    return _coarse(as_rgb8(photo), network or load_subject_net()).numpy()


def subject_mask(photo: Any, network: torch.nn.Module | None = None) -> Float32[np.ndarray, "h w"]:
    """Where the subject of a photo is: 0 = not, 1 = subject, soft at hair, at the photo's size.

    photo: [h w 3] uint8, uint16 or 0..1, or a tensor [3 h w], display-referred sRGB. The network's mask is
    refined with the photo's own edges by a guided filter, twice. Raises InputError for another shape.
    """
    rgb = as_rgb8(photo)
    return refine_mask(_coarse(rgb, network or load_subject_net()), rgb)


def refine_mask(mask: Float[Tensor, "i j"], rgb: Rgb) -> Float32[np.ndarray, "h w"]:
    """A coarse mask at the size of its photo, its soft edge laid along the photo's."""
    guide = shrunk(rgb, working_size(rgb.shape[0], rgb.shape[1], _AREA_PX))
    plane = functional.interpolate(mask[None, None], guide.shape[-2:], mode="bilinear", align_corners=False)
    guided = GuidedFilter(guide, _REACH_PX, _VARIANCE)
    a, b = guided.model(guided(plane[0]).clamp(0, 1))
    out = np.empty(rgb.shape[:2], np.float32)
    for rows, photo, model in stripes(rgb, torch.cat([a[0], b])):
        out[rows] = _contrast((model[:3] * photo).sum(0) + model[3]).numpy()
    return out


def subject_depth(rgb: Rgb, focal_px: float | None = None) -> DepthMap:
    """The estimator `subject`: relative disparity of the photo's size, with the span (metres) it suggests."""
    return depth_of_mask(subject_mask(rgb), "built-in estimator 'subject'")


def retrained(name: str) -> Path | None:
    """The weight file of `cocnet train subject` that an estimator's name means, None for other names."""
    return Path(name) if str(name).endswith(".safetensors") else None


def retrained_subject_depth(path: Path) -> Callable[..., DepthMap]:
    """`subject_depth` by weights of your own; raises FileError."""
    network = load_subject_net(path)
    return lambda rgb, focal_px=None: depth_of_mask(
        subject_mask(rgb, network), f"subject network '{path.name}'"
    )


def depth_of_mask(mask: Float32[np.ndarray, "h w"], who: str) -> DepthMap:
    """Pseudo-depth of a subject mask, relative disparity; `who` made the mask."""
    stand = find_stand(mask)
    found = "found no subject: ground and backdrop" if stand is None else "subject, ground and backdrop"
    return DepthMap(
        pseudo_disparity(mask),
        "relative_disparity",
        np.ones(mask.shape, bool),
        source=f"{who}: {found}; the outline is estimated, {MADE_UP}",
        span_m=span_m(stand),
    )


@torch.inference_mode()
def _coarse(rgb: Rgb, network: torch.nn.Module) -> Float[Tensor, "i j"]:
    """The mean of two views, as large as the first: as it is, and mirrored and smaller."""
    masks = []
    for side, mirrored in _VIEWS:
        view = shrunk(rgb, _network_size(rgb.shape[0], rgb.shape[1], side))
        view = view.flip(-1) if mirrored else view
        logits = network(view[None].contiguous(memory_format=torch.channels_last)).float()
        masks.append(logits.sigmoid().flip(-1) if mirrored else logits.sigmoid())
    size = masks[0].shape[-2:]
    other = functional.interpolate(masks[1], size, mode="bilinear", align_corners=False)
    return (masks[0] + other)[0, 0] / 2


def _network_size(height: int, width: int, side: int) -> tuple[int, int]:
    """About side² px of the photo's shape, in multiples of 32."""
    scale = side / math.sqrt(height * width)
    return padded_multiple(height * scale), padded_multiple(width * scale)


def _contrast(mask: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
    """Flat parts to 0 and 1, edges kept soft: linear from 0.03 to 0.97."""
    return ((mask - 0.03) / 0.94).clamp(0, 1)
