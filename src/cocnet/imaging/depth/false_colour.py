"""Depth as a coloured picture, for looking at: near is bright yellow, far is dark blue.

Enters: inverse depth [h w]. Leaves: uint8 sRGB [h w 3]. Not a file to compute with: 8 bit, no scale.
"""

import numpy as np
from jaxtyping import Float32, UInt8

_ANCHORS = np.array(
    [
        (13, 8, 60),
        (60, 20, 120),
        (110, 30, 140),
        (165, 45, 125),
        (210, 70, 90),
        (240, 115, 50),
        (250, 170, 40),
        (250, 225, 100),
        (253, 253, 190),
    ],
    np.float64,
)


def depth_picture(inverse: Float32[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Colours by inverse depth between its 0.5th and 99.5th percentile, in 256 steps; holes are black."""
    valid = np.isfinite(inverse)
    if not valid.any():
        return np.zeros((*inverse.shape, 3), np.uint8)
    low, high = np.percentile(inverse[valid][:: max(1, valid.sum() // 1_000_000)], (0.5, 99.5))
    share = (np.where(valid, inverse, low) - low) / max(high - low, 1e-12)
    steps = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    places = np.linspace(0, len(_ANCHORS) - 1, 256)
    table = [np.interp(places, range(len(_ANCHORS)), column) for column in _ANCHORS.T]
    colours = np.stack([np.rint(column).astype(np.uint8)[steps] for column in table], axis=-1)
    colours[~valid] = 0
    return colours
