"""Bokeh as a corruption of five severities, beside a control that knows no depth.

Enters: a photo, sRGB [3 h w] in 0..1, its inverse depth [h w] (1/m) and subject's mask. Leaves: the photo, corrupted.
A severity is the mean radius of the circle of confusion as a share of the photo's width, the same for every
corruption: they differ in where the blur lies, not in how much there is; the f-number follows (Eq. 1).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cocnet.augment.camera_ranges import (
    FARTHEST,
    FOCAL_LENGTH_M,
    NEAREST,
    SENSOR_WIDTH_M,
    with_mean_coc,
)
from cocnet.depth.focal_plane import subject_inverse
from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.optics import ThinLens
from cocnet.renderers import Physical

MEAN_COC = (0.0, 0.004, 0.008, 0.013, 0.02, 0.03)  # by severity, of the width: 0.9 to 6.7 px of 224
CONTROL = "one_blur"
LARGEST = 0.25  # blur radius, of the width
ENDS = 0.02  # quantiles that count as the nearest and the farthest
RENDERER = Physical(sharp_lights=False, largest_radius=LARGEST)


@dataclass(frozen=True, eq=False)
class CorruptionScene:
    """What a corruption knows of a photo beside its pixels; mask None where no subject was found, u of 0..1: the
    photo's own random number."""

    inverse_depth: Float[Tensor, "h w"]
    mask: Bool[Tensor, "h w"] | None = None
    u: float = 0.5

    @property
    def near(self) -> float:
        """Inverse depth of the nearest point, 1/m."""
        return self._quantile(1 - ENDS)

    @property
    def far(self) -> float:
        """Inverse depth of the farthest point, 1/m."""
        return self._quantile(ENDS)

    @property
    def subject(self) -> float:
        """Inverse depth of the subject, 1/m: the median under its mask, else of what is near in the middle."""
        if self.mask is None or not bool(self.mask.any()):
            return subject_inverse(self.inverse_depth.numpy())
        return float(self.inverse_depth[self.mask].median())

    @property
    def background(self) -> float:
        """Median inverse depth of everything behind the subject, 1/m."""
        behind = self.inverse_depth[self.inverse_depth < self.subject - 1e-6]
        return float(behind.median()) if behind.numel() else self.far

    def _quantile(self, share: float) -> float:
        return float(np.quantile(self.inverse_depth.numpy(), share))


@dataclass(frozen=True)
class Corruption:
    """One of them in words; where its focus lies (1/m), and what its lens has beside."""

    about: str
    focus: Callable[[CorruptionScene], float]
    lens: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Corrupted:
    """A corrupted photo; lens None where nothing was done; mean_coc as it came out, of the width."""

    picture: Float[Tensor, "3 h w"]
    lens: ThinLens | None
    mean_coc: float


def _pulled(scene: CorruptionScene) -> float:
    return scene.far + scene.u * (scene.near - scene.far)


CORRUPTIONS: Mapping[str, Corruption] = {
    "near_focus": Corruption("the focus on the nearest", lambda scene: scene.near),
    "far_focus": Corruption("the focus on the farthest", lambda scene: scene.far),
    "subject_focus": Corruption(
        "the focus on the subject, as a photographer has it", lambda scene: scene.subject
    ),
    "background_focus": Corruption("the focus missed: behind the subject", lambda scene: scene.background),
    "focus_pull": Corruption("the focus anywhere between the nearest and the farthest", _pulled),
    "cat_eye": Corruption(
        "the focus on the subject, discs cut towards the corners",
        lambda scene: scene.subject,
        {"cat_eye": 0.8},
    ),
    "polygon": Corruption(
        "the focus on the subject, an aperture of five straight blades",
        lambda scene: scene.subject,
        {"blades": 5},
    ),
    "axial_ca": Corruption(
        "the focus on the subject, red's closer and blue's farther",
        lambda scene: scene.subject,
        {"axial_ca": 0.06},
    ),
    CONTROL: Corruption("no depth: one disc everywhere", lambda scene: scene.subject),
}


def corrupted(photo: Float[Tensor, "3 h w"], scene: CorruptionScene, name: str, severity: int) -> Corrupted:
    """The photo under a corruption; severity 0, and a photo whose depth is all one, stay as they are, by all alike.

    Raises InputError for a corruption or severity that there isn't.
    """
    if name not in CORRUPTIONS:
        raise InputError(f"expected a corruption, got '{name}', try one of {', '.join(CORRUPTIONS)}")
    if not 0 <= severity < len(MEAN_COC):
        raise InputError(f"expected a severity of 0 to {len(MEAN_COC) - 1}, got {severity}, try 3")
    chosen, share = CORRUPTIONS[name], MEAN_COC[severity]
    focus = min(max(chosen.focus(scene), FARTHEST), NEAREST)
    plane = scene.inverse_depth
    if name == CONTROL and bool((plane != plane.flatten()[0]).any()):
        plane = torch.full_like(plane, focus + (1.0 if focus < 1 else -0.5))
    lens = ThinLens(FOCAL_LENGTH_M, 2.8, 1 / focus, SENSOR_WIDTH_M, **chosen.lens)
    found = with_mean_coc(lens, plane, share, LARGEST)
    if severity == 0 or found is lens:
        return Corrupted(photo.clone(), None, 0.0)
    with torch.no_grad():
        light = RENDERER.render(srgb_to_linear(photo[None]), plane[None, None], found)
    radius = found.coc_radius_px(plane, 1).abs().clamp(max=LARGEST)
    return Corrupted(linear_to_srgb(light)[0].clamp(0, 1), found, float(radius.mean()))
