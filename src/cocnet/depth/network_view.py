"""What the network that ships sees in a photo: relative disparity and the subject's mask, in one run.

Enters: a photo, which the network sees squeezed to a square as in its training, or up to 3:2 towards one. Leaves: two
maps of about 256² px of the photo's shape: disparity in 0..1 (bigger is nearer, no scale or zero of its own: 0 and 1
are the photo's farthest and nearest) and the subject in 0..1.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from cocnet.compute import finite_output
from cocnet.depth.estimators.estimator import Rgb
from cocnet.depth.refinement.guided_filter import shrunk
from cocnet.errors import FileError
from cocnet.networks.architectures.depth_subject_net import (
    DepthSubjectNet,
    padded_multiple,
    to_channels_last,
)

WEIGHTS = Path(__file__).parents[1] / "weights" / "depth_subject.safetensors"
SIDE_PX, MIRRORED_PX = 256, 224
SQUEEZE = 1.5
_ENDS = (0.01, 0.99)


@dataclass(frozen=True, eq=False)
class DepthView:
    """Disparity, bigger is nearer, and the subject's mask, both in 0..1 and of one size."""

    disparity: Float32[np.ndarray, "i j"]
    mask: Float32[np.ndarray, "i j"]


def load_network(path: Path = WEIGHTS) -> DepthSubjectNet:
    """The network of a weight file, in eval mode; raises FileError where that is missing or of another shape."""
    try:
        written = path.stat().st_mtime_ns
    except OSError:
        written = 0
    return _loaded(path, written)


@lru_cache(maxsize=2)
def _loaded(path: Path, written: int) -> DepthSubjectNet:
    """Kept until the file changes."""
    try:
        weights = {name: x.float() if x.is_floating_point() else x for name, x in load_file(path).items()}
        with torch.device("meta"):  # no memory, and no random numbers drawn for nothing
            network = DepthSubjectNet()
        network.load_state_dict(weights, assign=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        hint = "installing again" if path == WEIGHTS else f"the {WEIGHTS.name} of `cocnet train subject`"
        raise FileError(
            f"expected weights of depth and subject, got '{path}' ({reason}), try {hint}"
        ) from error
    to_channels_last(network).eval().requires_grad_(False)
    return network


def retrained(name: str) -> Path | None:
    """The weight file of `cocnet train subject` that an estimator's name means, None for other names."""
    return Path(name) if str(name).endswith(".safetensors") else None


def look_at(rgb: Rgb, network: torch.nn.Module | None = None) -> DepthView:
    """Run the network over a photo; who asks again for the same photo gets what was found before."""
    height, width = rgb.shape[:2]
    aspect = height / width
    aspect /= min(max(aspect, 1 / SQUEEZE), SQUEEZE)
    sizes = _size(aspect, SIDE_PX), _size(aspect, MIRRORED_PX)
    view = (shrunk(rgb, sizes[0]) * 255).round().byte()
    seen = network or load_network()
    changes = sum(x._version for x in (*seen.parameters(), *seen.buffers()))
    planes = _seen(seen, changes, view.numpy().tobytes(), sizes)
    shape = _size(height / width, SIDE_PX)
    disparity, mask = functional.interpolate(planes[None], shape, mode="bilinear", antialias=True)[0]
    return DepthView(_stretched(disparity).numpy(), mask.clone().numpy())


@lru_cache(maxsize=4)
@torch.inference_mode()
def _seen(
    network: torch.nn.Module, changes: int, pixels: bytes, sizes: tuple[tuple[int, int], tuple[int, int]]
) -> Float[Tensor, "2 i j"]:
    """Disparity and mask, the mean of two views: as it is, and mirrored and smaller. changes: how often the network's
    weights were changed in place, as other weights see something else."""
    view = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(1, 3, *sizes[0]).float() / 255
    other = functional.interpolate(view, sizes[1], mode="bilinear", antialias=True).flip(-1)
    planes = [torch.cat(_run(network, view), 1), torch.cat(_run(network, other), 1).flip(-1)]
    planes[1] = functional.interpolate(planes[1], sizes[0], mode="bilinear", align_corners=False)
    return finite_output((planes[0] + planes[1]) / 2, "the network of depth and subject")[0]


def _run(network: torch.nn.Module, view: Float[Tensor, "1 3 h w"]) -> tuple[Tensor, Tensor]:
    logits, disparity = network(view.contiguous(memory_format=torch.channels_last))
    return disparity.float(), logits.float().sigmoid()


def _stretched(disparity: Float[Tensor, "i j"]) -> Float[Tensor, "i j"]:
    """From its 1st to its 99th percentile to 0..1; of what is level, 0."""
    low, high = torch.quantile(disparity.flatten(), disparity.new_tensor(_ENDS))
    if float(high - low) < 1e-6:
        return torch.zeros_like(disparity)
    return ((disparity - low) / (high - low)).clamp(0, 1)


def _size(aspect: float, side: int) -> tuple[int, int]:
    """About side² px, height over width `aspect`, in multiples of 32."""
    return padded_multiple(side * math.sqrt(aspect)), padded_multiple(side / math.sqrt(aspect))
