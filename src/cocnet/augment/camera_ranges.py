"""Which cameras an augmentation draws from, in a photographer's words, and one drawn from them.

Enters: ranges, a random generator, a photo's inverse depth (1/m) [h w]. Leaves: a `ThinLens` (metres). The blur may
be asked for as an f-number or as the mean radius of the circle of confusion, which Eq. 1 turns into one.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.choices import MOST_BLADES, check_choices
from cocnet.depth.focal_plane import subject_inverse
from cocnet.errors import InputError
from cocnet.optics import ThinLens

FocusWord = Literal["subject", "background", "random"]
FOCAL_LENGTH_M, SENSOR_WIDTH_M = 0.075, 0.036
FARTHEST, NEAREST = 0.01, 10.0  # 1/m, of a focus
LARGEST = 0.2  # blur radius that is rendered, of the width
SHARPEST, OPENEST = 1e3, 1e-2  # f-numbers: at these nothing is blurred, or everything
BACKGROUND = 0.2  # quantile of inverse depth
NEWTON_STEPS = 20
SUBJECT_PX = 48  # side of the picture in which the subject is found, at least


@dataclass(frozen=True)
class CameraRanges:
    """What is drawn for each photo. Raises InputError for ranges that can't be.

    f_number: evenly in stops between these; mean_coc, instead: the mean radius of the circle of confusion as a share
    of the photo's width, in which none counts for more than 0.2 of it, as rendered; or as near to it as an f-number
    comes. focus: on the subject, the background, a random point of the photo, or anywhere between two distances in
    metres (evenly in inverse distance). blades: one of these numbers of aperture blades, 0 for a circle. cat_eye: how
    far discs in the corners are cut, between these, of 0 to 1.
    """

    f_number: tuple[float, float] = (1.4, 8.0)
    mean_coc: tuple[float, float] | None = None
    focus: FocusWord | tuple[float, float] = "subject"
    blades: tuple[int, ...] = (0,)
    cat_eye: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        check_choices(self)
        low, high = self.f_number
        if not 0 < low <= high < float("inf"):
            raise InputError(f"expected f_number above 0, low before high, got {self.f_number}, try (1.4, 8)")
        if self.mean_coc is not None and self.f_number != CameraRanges.f_number:
            raise InputError("expected one of f_number and mean_coc, got both, try mean_coc alone")
        if self.mean_coc is not None and not 0 <= self.mean_coc[0] <= self.mean_coc[1] <= 0.2:
            raise InputError(
                f"expected mean_coc of 0 to 0.2 of the width, low before high, got {self.mean_coc}, try (0.005, 0.02)"
            )
        if (
            not isinstance(self.focus, str)
            and not 1 / NEAREST <= self.focus[0] <= self.focus[1] <= 1 / FARTHEST
        ):
            raise InputError(
                f"expected focus of 0.1 to 100 m, near before far, got {self.focus}, try (1.0, 5.0)"
            )
        if not self.blades or any(n != 0 and not 3 <= n <= MOST_BLADES for n in self.blades):
            raise InputError(f"expected blades of 0 or 3 to {MOST_BLADES}, got {self.blades}, try (0, 5, 7)")
        if not 0 <= self.cat_eye[0] <= self.cat_eye[1] <= 1:
            raise InputError(f"expected cat_eye of 0 to 1, low before high, got {self.cat_eye}, try (0, 0.5)")

    def drawn(self, inverse_depth: Float[Tensor, "h w"], numbers: torch.Generator | None = None) -> ThinLens:
        """A lens for the photo of this depth; without a generator by PyTorch's own random numbers."""
        u = torch.rand(6, generator=numbers, dtype=torch.float64).tolist()
        blades = self.blades[min(int(u[2] * len(self.blades)), len(self.blades) - 1)]
        lens = ThinLens(
            FOCAL_LENGTH_M,
            self.f_number[0] * (self.f_number[1] / self.f_number[0]) ** u[0],
            1 / self._focus(inverse_depth, u[1]),
            SENSOR_WIDTH_M,
            blades=blades,
            blade_rotation_rad=6.283185 * u[3] / blades if blades else 0.0,
            cat_eye=self.cat_eye[0] + u[4] * (self.cat_eye[1] - self.cat_eye[0]),
        )
        if self.mean_coc is None:
            return lens
        share = self.mean_coc[0] + u[0] * (self.mean_coc[1] - self.mean_coc[0])
        return with_mean_coc(lens, inverse_depth, share, LARGEST)

    def _focus(self, inverse_depth: Float[Tensor, "h w"], u: float) -> float:
        """The inverse distance (1/m) that is in focus; u of 0..1 chooses where the ranges leave it open."""
        if not isinstance(self.focus, str):
            near, far = 1 / self.focus[0], 1 / self.focus[1]
            found = far + u * (near - far)
        elif self.focus == "random":
            flat = inverse_depth.flatten()
            found = float(flat[min(int(u * len(flat)), len(flat) - 1)])
        elif self.focus == "background":
            found = float(inverse_depth.flatten()[::7].float().quantile(BACKGROUND))
        else:
            step = max(1, min(inverse_depth.shape) // SUBJECT_PX)
            found = subject_inverse(inverse_depth.detach()[::step, ::step].cpu().float().numpy())
        return min(max(found, FARTHEST), NEAREST)


def with_mean_coc(
    lens: ThinLens, inverse_depth: Float[Tensor, "h w"], share: float, largest: float = math.inf
) -> ThinLens:
    """The lens stopped down or opened so far that the mean radius of the circle of confusion is this share of the
    photo's width (Eq. 1: it goes with one over the f-number), none above `largest`; where that can't be, as near as
    an f-number comes; as it is where nothing is out of focus."""
    radius = lens.coc_radius_px(inverse_depth, 1).abs()
    now = float(radius.mean())
    if now < 1e-9:
        return lens
    scale = share / now
    for _ in range(NEWTON_STEPS):  # the mean is concave in the scale: none goes too far
        missing = share - float((radius * scale).clamp(max=largest).mean())
        slope = float(radius.where(radius * scale < largest, 0.0).mean())
        if missing < 1e-4 * share or slope < 1e-9:
            break
        scale += missing / slope
    f_number = SHARPEST if scale <= 0 else float(lens.f_number) / scale
    return lens.at(f_number=min(max(f_number, OPENEST), SHARPEST))
