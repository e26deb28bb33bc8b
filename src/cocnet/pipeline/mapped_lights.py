"""The light that a photo's gain map tells, for the blur, and back through the photo's own tone curve.

Enters: a photo with a gain map. Leaves: `MappedLights`, which give the light of any window of it, and show rendered
light as the photo shows its own. Up to `PART` light is a function of what is shown, so that what is flat comes back
as it was; from `FULL` on it is as the map says.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from cocnet.imaging import Photo
from cocnet.imaging.embedded.gain_map import GainMap
from cocnet.pipeline.tone_curve import ToneCurve

# linear; of each channel or the largest, as the curve: from where the map's light is taken in part, and in full
PART, FULL = 0.85, 0.95
SAMPLES = 1 << 20  # px of the photo that the curve is taken from
FLAT = 0.8  # darkest over brightest of 3 × 3 px: others are mixtures, of which the smaller map knows nothing


@dataclass(frozen=True, eq=False)
class MappedLights:
    """The map of a photo of size (height, width), and how the photo shows light."""

    gain_map: GainMap
    size: tuple[int, int]
    curve: ToneCurve

    @property
    def any(self) -> bool:
        """Whether anything in the photo is brighter than its white."""
        return self.gain_map.most > 1

    @staticmethod
    def of(photo: Photo) -> "MappedLights":
        """The lights of a photo that has a gain map; raises TypeError for one without."""
        if photo.gain_map is None:
            raise TypeError("expected a photo with a gain map")
        size = (photo.height, photo.width)
        step = max(1, int(np.ceil((photo.height * photo.width / SAMPLES) ** 0.5)))
        shown, light = [np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.float32)]
        for row in range(step // 2, size[0], step):
            first = max(row - 1, 0)
            near = photo.linear(slice(first, row + 2)).numpy()
            darkest = ndimage.minimum_filter1d(near.max(0).min(0), 3)
            brightest = ndimage.maximum_filter1d(near.max(0).max(0), 3)
            columns = np.nonzero(darkest >= FLAT * brightest)[0][::step]
            shown.append(near[:, row - first, columns].T)
            light.append(photo.gain_map.light(shown[-1], np.full(len(columns), row), columns, size))
        return MappedLights(photo.gain_map, size, ToneCurve.fit(np.concatenate(shown), np.concatenate(light)))

    def restore(self, light: Float[Tensor, "3 h w"], top: int = 0, left: int = 0) -> Float[Tensor, "3 h w"]:
        """The scene's light in a window whose first pixel is (top, left) of the photo."""
        base = light.permute(1, 2, 0).numpy()
        raised = self.curve.light_of(base)
        rows, columns = np.nonzero(base.max(2) > PART)
        bright = base[rows, columns]
        told = self.gain_map.light(bright, rows + top, columns + left, self.size)
        deciding = bright if self.curve.by_channel else bright.max(1, keepdims=True)
        share = ((deciding - PART) / (FULL - PART)).clip(0, 1)
        raised[rows, columns] += share * (told - raised[rows, columns])
        return torch.from_numpy(raised).permute(2, 0, 1).contiguous()

    def shown(self, light: Float[Tensor, "3 h w"]) -> Float[Tensor, "3 h w"]:
        """Rendered light as the photo shows its own."""
        return (
            torch.from_numpy(self.curve.shows(light.permute(1, 2, 0).numpy())).permute(2, 0, 1).contiguous()
        )


def lights_note(gain_map: GainMap | None) -> tuple[str, ...]:
    """A line for the user on what the map of a photo says."""
    if gain_map is None:
        return ()
    said = f"its gain map ({gain_map.source}) says"
    if gain_map.most <= 1:
        return (f"{said} that nothing is brighter than white",)
    return (f"lights are as bright as {said}, up to {gain_map.most:.2g} × white",)
