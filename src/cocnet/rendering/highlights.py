"""Light that a photo has clipped, restored before the blur: bokeh balls need more than 1.0.

Enters and leaves: scene-linear pictures. The curve is monotone and undone after the blur, so that a picture in
focus, or of one colour, stays as it was.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.errors import InputError


@dataclass(frozen=True)
class Highlights:
    """The brightest channel m above `threshold` becomes t + (1−t)·s + (gain−1)·s², s = (m−t)/(1−t): 1 → gain.

    Raises InputError unless 0 < threshold < 1 and gain ≥ 1.
    """

    threshold: float = 0.85
    gain: float = 6.0

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1 or not 1 <= self.gain < float("inf"):
            raise InputError(
                f"expected 0 < threshold < 1 and gain of 1 or more, got {self.threshold} and {self.gain}, "
                "try 0.85 and 6"
            )

    def restore(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """Raise what is above the threshold, the hue kept."""
        t, extra = self.threshold, self.gain - 1
        peak = image.amax(1, keepdim=True)
        s = ((peak - t) / (1 - t)).clamp(min=0)
        raised = extra * torch.where(s <= 1, s * s, 2 * s - 1)
        return image * ((peak + raised) / peak.clamp(min=t)).where(s > 0, torch.ones_like(s))

    def undo(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """The inverse of `restore`."""
        t, extra = self.threshold, self.gain - 1
        if extra == 0:
            return image
        peak = image.amax(1, keepdim=True)
        over = (peak - t).clamp(min=0)
        a = 1 - t
        inner = 2 * over / (a + (a * a + 4 * extra * over).sqrt())
        s = torch.where(over <= a + extra, inner, (over + extra) / (a + 2 * extra))
        return image * ((t + a * s) / peak.clamp(min=t)).where(over > 0, torch.ones_like(s))
