"""The estimator that ships: relative disparity and the subject by one small network, offline.

Enters: a photo. Leaves: a relative depth map with the span of distances that suits the picture. Trust: shapes and
order are estimated, distances only chosen.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch.nn import functional

from cocnet.depth.estimators.estimator import Rgb, as_rgb8
from cocnet.depth.mask_edges import lay_on_mask
from cocnet.depth.network_view import load_network, look_at
from cocnet.depth.placement import find_standing, suggest_span_m
from cocnet.imaging import DepthMap


def builtin_depth(rgb: Any, focal_px: float | None = None) -> DepthMap:
    """The estimator `builtin`: relative disparity of the photo's size, with the span (metres) it suggests.

    rgb: a photo as `render` takes it.
    """
    return _depth(as_rgb8(rgb), "built-in network", focal_px)


def retrained_depth(path: Path) -> Callable[..., DepthMap]:
    """`builtin_depth` by weights of your own; raises FileError."""
    network = load_network(path)
    return lambda rgb, focal_px=None: _depth(rgb, f"network '{path.name}'", focal_px, network)


def depth_on_mask(
    rgb: Rgb, mask: Float32[np.ndarray, "h w"], who: str, focal_px: float | None = None
) -> DepthMap:
    """The built-in network's disparity with its step laid on another mask of the same photo; `who` made that."""
    disparity = look_at(rgb).disparity
    laid = lay_on_mask(disparity, _resized(mask, (disparity.shape[0], disparity.shape[1])))
    return _map(rgb, laid, mask, f"built-in network, its subject's edge by {who}", focal_px)


def _depth(
    rgb: Rgb, who: str, focal_px: float | None = None, network: torch.nn.Module | None = None
) -> DepthMap:
    seen = look_at(rgb, network)
    return _map(rgb, seen.disparity, seen.mask, who, focal_px)


def _map(
    rgb: Rgb,
    disparity: Float32[np.ndarray, "i j"],
    mask: Float32[np.ndarray, "k l"],
    who: str,
    focal_px: float | None = None,
) -> DepthMap:
    small = _resized(mask, (disparity.shape[0], disparity.shape[1]))
    found = "no subject" if find_standing(disparity, small) is None else "a subject"
    return DepthMap(
        _resized(disparity, (rgb.shape[0], rgb.shape[1])),
        "relative_disparity",
        np.ones(rgb.shape[:2], bool),
        source=f"{who}: found {found}; shapes and order are estimated, distances are chosen",
        span_m=suggest_span_m(disparity, small, rgb.shape[:2], focal_px),
    )


def _resized(plane: Float32[np.ndarray, "i j"], size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    whole = torch.from_numpy(np.ascontiguousarray(plane))[None, None]
    return functional.interpolate(whole, size, mode="bilinear", antialias=True)[0, 0].numpy()
