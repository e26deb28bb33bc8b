"""Estimators of metres, where their packages are installed: Depth Pro (Apple) and MoGe-2 (Microsoft).

Enters: a photo, its focal length in px where known. Leaves: metric depth. Both packages bring their own
weights and licences: Depth Pro's are for research, MoGe-2's are MIT.
"""

import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from cocnet.depth.estimators.estimator import Rgb
from cocnet.errors import FileError, MissingExtraError
from cocnet.files.offline import keep_hub_offline
from cocnet.imaging import DepthMap

MOGE = "Ruicheng/moge-2-vits-normal"


class DepthPro:
    """Bochkovskii et al. 2024; `network` and `transform` are those of `depth_pro.create_model_and_transforms`."""

    def __init__(self, network: Any = None, transform: Any = None) -> None:
        if network is None:
            depth_pro = _package("depth_pro", "Depth Pro", "https://github.com/apple/ml-depth-pro")
            network, transform = _loaded("Depth Pro", depth_pro.create_model_and_transforms)
        self.network, self.transform = network.eval(), transform

    @torch.inference_mode()
    def __call__(self, rgb: Rgb, focal_px: float | None = None) -> DepthMap:
        given = None if focal_px is None else torch.tensor(float(focal_px))
        depth_m = self.network.infer(self.transform(rgb), f_px=given)["depth"]
        how = "its own guess of the focal length" if focal_px is None else "the photo's focal length"
        return DepthMap.of(depth_m, "metric", f"Depth Pro: metres by {how}, expect 10–30 % error")


class MoGe:
    """MoGe-2 (Wang et al. 2025): metric points; `network` is a `moge.model.v2.MoGeModel`."""

    def __init__(self, network: Any = None) -> None:
        if network is None:
            moge = _package("moge.model.v2", "MoGe-2", "https://github.com/microsoft/MoGe")
            keep_hub_offline()
            network = _loaded("MoGe-2", lambda: moge.MoGeModel.from_pretrained(MOGE))
        self.network = network.eval()

    @torch.inference_mode()
    def __call__(self, rgb: Rgb, focal_px: float | None = None) -> DepthMap:
        pixels = torch.from_numpy(rgb.copy()).permute(2, 0, 1).float() / 255
        angle = None if focal_px is None else math.degrees(2 * math.atan(rgb.shape[1] / (2 * focal_px)))
        found = self.network.infer(pixels, fov_x=angle)
        depth_m = found["depth"].float().cpu().numpy()
        if "mask" in found:
            depth_m = np.where(found["mask"].cpu().numpy(), depth_m, np.inf)  # sky
        return DepthMap.of(depth_m, "metric", "MoGe-2: metres, expect 10–30 % error")


def _package(module: str, name: str, home: str) -> Any:
    from importlib import import_module

    if find_spec(module.split(".")[0]) is None:
        raise MissingExtraError(f"expected the package of {name}, got none, try installing it from {home}")
    return import_module(module)


def _loaded(name: str, load: Any) -> Any:
    """What a package loads; whatever it raises becomes one line."""
    try:
        return load()
    except (OSError, ValueError, RuntimeError, ConnectionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(
            f"expected the weights of {name}, got '{reason}', try its own instructions"
        ) from error
