"""Which clipped spots of a photo are lights, and how bright they were: a network of a thousand numbers.

Enters: scene-linear light [3 h w] in strips, whatever the photo's size. Leaves: `Lights`, which raise the lights of
any window of it. Surfaces keep their light.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int32
from safetensors.numpy import load_file
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from cocnet.rendering.lights.candidates import FEATURES, LUMINANCE, Candidates, find_candidates

WEIGHTS = Path(__file__).parents[2] / "weights" / "lights.safetensors"
LONGER_SIDE_PX = 1600  # of the reduced copy, at most
SURE, HALF_SURE = 0.85, 0.6  # probability from which a light gets its whole gain, and none
MAX_SHARE, MAX_LENGTH = 0.004, 0.1  # of the picture's area and longer side: larger spots are surfaces,
MAX_SURROUND, MAX_OTHERS = 0.6, 0.1  # as are those before something bright, or among so much that is clipped
MAX_GAIN = 60.0
WHITENESS = 0.05  # light added to a rim's colour before it is believed
PART, FULL = 0.85, 0.95  # smallest channel from which a pixel of a light is raised in part, and in full


@dataclass(frozen=True, eq=False)
class Lights:
    """Numbers of the lights in blocks of `scale` px (0: none), each one's gain per channel, and the share of it that
    each block gets."""

    labels: Int32[np.ndarray, "h w"]
    core: Float32[np.ndarray, "h w"]
    gains: Float32[np.ndarray, "n 3"]
    scale: int

    @property
    def any(self) -> bool:
        """Whether there is a light at all."""
        return len(self.gains) > 1

    def restore(self, light: Float[Tensor, "3 h w"], top: int = 0, left: int = 0) -> Float[Tensor, "3 h w"]:
        """Raise the lights of a window whose first pixel is (top, left) of the photo."""
        rows = (top + np.arange(light.shape[1])) // self.scale
        columns = (left + np.arange(light.shape[2])) // self.scale
        labels = self.labels[rows[:, None], columns]
        if not labels.any():
            return light
        raised = np.maximum(self.gains[labels] * self.core[rows[:, None], columns, None], 1)
        extra = torch.from_numpy(raised - 1).permute(2, 0, 1)
        share = ((light.amin(0) - PART) / (FULL - PART)).clamp(0, 1)
        return light * (1 + share * extra.to(light))

    def shown(self, light: Float[Tensor, "3 h w"]) -> Float[Tensor, "3 h w"]:
        """Rendered light as the photo would show it: as it is, clipped when it is encoded."""
        return light


def find_lights(strip: Callable[[slice], Float[Tensor, "3 h w"]], height: int, width: int) -> Lights:
    """The lights of a photo of height × width px; strip(rows) gives scene-linear light of some of its rows."""
    scale = -(-max(height, width) // LONGER_SIDE_PX)
    means, leasts = [], []
    rows = scale * 128
    for start in range(0, height, rows):
        light = strip(slice(start, min(start + rows, height)))[None]
        padded = functional.pad(light, (0, -width % scale, 0, -light.shape[2] % scale), mode="replicate")
        means.append(functional.avg_pool2d(padded, scale)[0])
        leasts.append(functional.max_pool2d(padded.amin(1, keepdim=True), scale)[0, 0])
    found = find_candidates(torch.cat(means, 1).numpy(), torch.cat(leasts).numpy())
    gains = gains_of(found)
    numbers = np.concatenate([[0], np.where(gains.max(1) > 1, np.arange(1, len(gains) + 1), 0)])
    taken, number = np.unique(numbers, return_inverse=True)
    labels = number.astype(np.int32)[found.labels]
    grown = ndimage.grey_dilation(labels, size=(3, 3))
    labels = np.where(found.labels == 0, grown, labels)
    core = np.maximum(found.core, 0.1)
    table = np.concatenate([np.ones((1, 3)), gains[taken[1:] - 1]]).astype(np.float32)
    return Lights(labels, core, table, scale)


def restore_lights(light: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """Whole photos with their lights raised."""
    restored = []
    for one in light:

        def strip(rows: slice, one: Tensor = one) -> Tensor:
            return one[:, rows]

        restored.append(find_lights(strip, *one.shape[1:]).restore(one))
    return torch.stack(restored)


def gains_of(found: Candidates) -> Float32[np.ndarray, "n 3"]:
    """Gain per channel of each spot, 1 for surfaces; the light's colour is that of its rim."""
    if not len(found.area):
        return np.ones((0, 3), np.float32)
    probability, gain = judge(found.features)
    sure = np.clip((probability - HALF_SURE) / (SURE - HALF_SURE), 0, 1) * may_be_lights(found.features)
    gain = np.exp(sure * np.log(np.clip(gain, 1, MAX_GAIN)))
    colour = found.rim + WHITENESS
    colour = colour / (colour @ LUMINANCE)[:, None]
    return np.where(sure[:, None] > 0, np.maximum(gain[:, None] * colour, 1), 1).astype(np.float32)


def may_be_lights(features: Float32[np.ndarray, "n f"]) -> Bool[np.ndarray, " n"]:
    """Whether each spot is compact, before something darker, and not one of very many, whatever the network says."""
    share, length, around, others = (
        features[:, FEATURES.index(name)]
        for name in (
            "log share of the picture",
            "log share of the longer side",
            "surround 4",
            "other clipped, wide",
        )
    )
    compact = (share < np.log(MAX_SHARE)) & (length < np.log(MAX_LENGTH))
    return compact & (around < np.log(MAX_SURROUND)) & (others < np.log(MAX_OTHERS))


def judge(
    features: Float32[np.ndarray, "n f"],
) -> tuple[Float32[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
    """For each spot the probability that it is a light, and by how much its light was clipped if it is one."""
    w = _weights()
    inner = np.tanh(np.clip((features - w["mean"]) / w["deviation"], -4, 4) @ w["inner"] + w["inner_bias"])
    out = inner @ w["outer"] + w["outer_bias"]
    return 1 / (1 + np.exp(-out[:, 0])), np.exp(out[:, 1])


@cache
def _weights() -> dict[str, np.ndarray]:
    return load_file(WEIGHTS)
