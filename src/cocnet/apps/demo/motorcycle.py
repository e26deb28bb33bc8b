"""A real photo with measured depth, as the scikit-image package brings it.

Leaves: the motorcycle of Middlebury Stereo 2014 (741 × 500 px) and its depth in metres.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from cocnet.errors import MissingExtraError
from cocnet.imaging import DepthMap, Photo, read_photo

FOCAL_PX, BASELINE_M, DISPARITY_OFFSET_PX = 994.978, 0.193001, 31.086


def motorcycle() -> tuple[Photo, DepthMap]:
    """The left photo and its depth Z = B·f/(d + offset) in metres; holes (7 %) are not valid.

    B = 193.001 mm, f = 994.978 px, offset = 31.086 px (calib.txt of the scene, at a quarter of its size).
    Raises MissingExtraError without scikit-image.
    """
    data = data_folder()
    disparity = np.load(data / "motorcycle_disp.npz")["arr_0"]
    known = np.isfinite(disparity) & (disparity > 0)
    depth_m = np.where(
        known, BASELINE_M * FOCAL_PX / (np.where(known, disparity, 1) + DISPARITY_OFFSET_PX), np.nan
    )
    return read_photo(data / "motorcycle_left.png"), DepthMap.of(depth_m, "metric", "Middlebury 2014")


def data_folder() -> Path:
    """Where scikit-image keeps its photos; raises MissingExtraError without it."""
    package = find_spec("skimage")
    if package is None or package.origin is None:
        raise MissingExtraError(
            "expected scikit-image for the demo, got none, try: pip install 'cocnet[demo]'"
        )
    return Path(package.origin).parent / "data"
