"""Subject masks by `rembg` where it is installed: larger networks than the one that ships, and slower.

Enters: a photo. Leaves: its mask in 0..1, or depth by the built-in network with its step laid on that mask. rembg
downloads its own weights.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from cocnet.depth.estimators.builtin import depth_on_mask
from cocnet.depth.estimators.estimator import Rgb, as_rgb8
from cocnet.errors import FileError, MissingExtraError
from cocnet.files.offline import check_download
from cocnet.imaging import DepthMap

MODEL = "isnet-general-use"


class Rembg:
    """The estimator `rembg`; `remove` is `rembg.remove` with a session, by default of ISNet (Apache-2.0)."""

    def __init__(self, remove: Any = None) -> None:
        self.remove = remove or _remove_of_package()

    def mask(self, photo: Any) -> Float32[np.ndarray, "h w"]:
        """Where the subject is, 0..1, at the photo's size: as `cocnet.depth.subject_mask` gives it."""
        found = np.asarray(self.remove(as_rgb8(photo), only_mask=True))
        return np.ascontiguousarray(found.reshape(found.shape[:2]), np.float32) / 255

    def __call__(self, rgb: Rgb, focal_px: float | None = None) -> DepthMap:
        return depth_on_mask(rgb, self.mask(rgb), f"rembg ({MODEL})")


def _remove_of_package() -> Any:
    if find_spec("rembg") is None:
        raise MissingExtraError("expected rembg, got none, try: pip install 'rembg[cpu]'")
    folder = os.environ.get("U2NET_HOME") or os.path.expanduser("~/.u2net")  # noqa: PTH111
    check_download(
        f"rembg's {MODEL}", Path(folder) / f"{MODEL}.onnx", "try unsetting it, or putting it there"
    )
    rembg = import_module("rembg")
    try:
        session = rembg.new_session(MODEL)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"expected the weights of rembg, got '{reason}', try its instructions") from error
    return lambda rgb, **asked: rembg.remove(rgb, session=session, **asked)
