"""Depth Anything V2 Small (Yang et al. 2024, Apache-2.0) through transformers: relative disparity.

Enters: a photo. Leaves: relative disparity, bigger is nearer, no scale and no shift. The weights (99 MB) are
downloaded once, at a pinned revision, and checked; the larger models are not free to use and not offered.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.compute import finite_output
from cocnet.depth.estimators.estimator import Rgb
from cocnet.errors import FileError, MissingExtraError
from cocnet.files.download import Remote, fetch
from cocnet.imaging import DepthMap

REVISION = "5426e4f0f36572d16453bbda7a8389317b1bef99"
_HOME = "https://huggingface.co/depth-anything/Depth-Anything-V2-Small-hf"
_FOLDER = f"depth-anything-v2-small-{REVISION[:8]}"
FILES = (
    Remote(
        "config.json",
        f"{_HOME}/resolve/{REVISION}/config.json",
        "c56698d3643dde1f83ea2212759e6b31a22b8f827246a36dd007ee8a22b3ff75",
        950,
        "Apache-2.0",
        _FOLDER,
    ),
    Remote(
        "model.safetensors",
        f"{_HOME}/resolve/{REVISION}/model.safetensors",
        "3152477ce0d8d6978d76b995120de97cb5b928701fd0f817769f59e249a16b70",
        99_173_660,
        "Apache-2.0",
        _FOLDER,
    ),
)
SHORT_SIDE_PX, LONGEST_SIDE_PX = 518, 1078
SOURCE = "Depth Anything V2 Small: shapes and order are good, the scale is not known"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def is_installed() -> bool:
    """Whether transformers is there to run it."""
    return find_spec("transformers") is not None


class DepthAnything:
    """The estimator; `folder` holds config.json and model.safetensors of this architecture [the pinned ones]."""

    def __init__(self, folder: str | Path | None = None, short_side_px: int = SHORT_SIDE_PX) -> None:
        if not is_installed():
            raise MissingExtraError(
                "expected transformers for Depth Anything, got none, try: pip install 'cocnet[depth]'"
            )
        self.network = _load(Path(folder) if folder else _fetched())
        self.patch_px = int(self.network.config.patch_size)
        self.short_side_px = short_side_px

    @torch.inference_mode()
    def __call__(self, rgb: Rgb, focal_px: float | None = None) -> DepthMap:
        pixels = prepared(rgb, self.short_side_px, self.patch_px)
        disparity = self.network(pixel_values=pixels).predicted_depth[None].float()
        full = functional.interpolate(disparity, rgb.shape[:2], mode="bilinear", align_corners=False)
        return DepthMap.of(finite_output(full, "Depth Anything")[0, 0], "relative_disparity", SOURCE)


def prepared(rgb: Rgb, short_side_px: int, patch_px: int) -> Float[Tensor, "1 3 h w"]:
    """The photo as the network saw photos in training: short side of 518 px, multiples of a patch, normalised."""
    height, width = rgb.shape[:2]
    scale = min(short_side_px / min(height, width), LONGEST_SIDE_PX / max(height, width))
    size = [max(1, round(side * scale / patch_px)) * patch_px for side in (height, width)]
    pixels = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float() / 255
    pixels = functional.interpolate(pixels, size, mode="bicubic", antialias=True, align_corners=False)
    mean, deviation = (torch.tensor(x)[:, None, None] for x in (_MEAN, _DEVIATION))
    return (pixels.clamp(0, 1) - mean) / deviation


def _fetched() -> Path:
    """The folder of the pinned files, downloaded where they aren't there."""
    folders = [fetch(remote).parent for remote in FILES]
    return folders[0]


@cache
def _load(folder: Path) -> Any:
    """The network in eval mode; raises FileError where the folder is of something else."""
    from transformers import DepthAnythingForDepthEstimation

    try:
        network = DepthAnythingForDepthEstimation.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"expected Depth Anything in '{folder}', got '{reason}', try deleting it") from error
    whole: Any = network
    return whole.float().eval()
