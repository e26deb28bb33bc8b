"""Random scenes of planes with exact truth, to train on: things cut out of photos, in front of other photos.

Enters: photos with masks, settings, a seed. Leaves: scene number `index`, always the same one, in whatever process.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from cocnet.datasets.pairs.raytraced import LensPair
from cocnet.datasets.subject.cutouts import EMPTY_SHARE, FULL_SHARE, SubjectSet
from cocnet.datasets.synthetic import parts
from cocnet.datasets.synthetic.planes import ScenePlane, photographed
from cocnet.errors import InputError
from cocnet.optics import ThinLens

FOCAL_M = (0.024, 0.035, 0.05, 0.085, 0.105)
SENSOR_M = 0.036
WHOLE_PX = (768.0, 3072.0)  # width of the photo that a scene is a crop of
LOWEST_F = 0.95


@dataclass(frozen=True)
class SceneSettings:
    """What scenes are like."""

    side_px: int = 256
    """Side of the square picture, px; even."""
    radius_px: tuple[float, float] = (2.0, 20.0)
    """A scene's largest radius of blur lies between these, px."""
    lens: Literal["random", "fixed"] = "random"
    """random: any lens and focus. fixed: the nearest thing, a subject, is sharp, the farthest blurred most."""
    things: int = 3
    """Up to so many in front of the background."""
    thin: float = 0.25
    """Part of the things that are bars or grids (lens random)."""
    slanted: float = 0.4
    """Part of the backgrounds that are slanted; a third as often, things."""
    lights: float = 0.5
    """Part of the scenes that have lights, 5 to 80 times white."""

    def __post_init__(self) -> None:
        check_scene(self.side_px, self.radius_px, self.things, least_things=1)


def check_scene(side_px: int, radius_px: tuple[float, float], things: int, least_things: int) -> None:
    """Raise InputError for scenes of a size that can't be."""
    low, high = radius_px
    if side_px < 16 or side_px % 2 or not 0 < low <= high <= side_px / 2 or things < least_things:
        raise InputError(
            f"expected an even side from 16 px, radii within half of it and at least {least_things} things, "
            f"got {side_px}, {radius_px} and {things}, try 256, (2, 20) and 3"
        )


class Scenes(Dataset[LensPair]):
    """`count` scenes; their pictures are scene-linear, of `settings.side_px`².

    Raises InputError for photos without a subject, IndexError beyond the last.
    """

    def __init__(
        self, photos: SubjectSet, settings: SceneSettings | None = None, seed: int = 0, count: int = 1_000_000
    ) -> None:
        self.photos, self.settings = photos, settings or SceneSettings()
        self.seed, self.count = seed, count
        if not self._subjects:
            raise InputError("expected photos with a subject, got none, try other masks")

    @cached_property
    def _subjects(self) -> list[int]:
        share = self.photos.share
        return torch.nonzero((share > EMPTY_SHARE) & (share < FULL_SHARE))[:, 0].tolist()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> LensPair:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.made(index)

    def made(self, index: int) -> LensPair:
        """Draw scene number `index`: the same one each time, whatever was drawn before."""
        draw, settings = np.random.default_rng([self.seed, index]), self.settings
        fixed = settings.lens == "fixed"
        radius = settings.radius_px[1] if fixed else _log_uniform(draw, *settings.radius_px)
        margin = math.ceil(radius + 0.5) + 1
        canvas = settings.side_px + 2 * margin
        planes = placed(self._lights(canvas, draw), draw, settings)
        lens = lens_for(planes, radius, draw, settings)
        return photographed(planes, lens, margin, f"{self.seed}/{index}")

    def _lights(self, canvas: int, draw: np.random.Generator) -> list[Float[Tensor, "4 c c"]]:
        """The light of each plane, back to front."""
        settings, fixed = self.settings, self.settings.lens == "fixed"
        behind = self._photo(canvas, draw)
        found = [parts.with_lights(behind, draw) if draw.random() < settings.lights else behind]
        for _ in range(int(draw.integers(1, settings.things + 1))):
            if not fixed and draw.random() < settings.thin:
                found.append(parts.bars(self._photo(canvas, draw), draw))
            else:
                found.append(parts.cut_out(self.subject(draw), canvas, draw))
        return found

    def subject(self, draw: np.random.Generator) -> UInt8[Tensor, "4 s s"]:
        """A photo with a subject, and its mask."""
        return self.photos.planes[self._subjects[int(draw.integers(len(self._subjects)))]]

    def _photo(self, canvas: int, draw: np.random.Generator) -> Float[Tensor, "4 c c"]:
        return parts.photo(self.photos.planes[int(draw.integers(len(self.photos)))], canvas, draw)


def placed(
    lights: Sequence[Float[Tensor, "4 c c"]], draw: np.random.Generator, settings: SceneSettings
) -> list[ScenePlane]:
    """The planes one in front of the other, without touching, some slanted."""
    planes: list[ScenePlane] = []
    far = float(draw.uniform(0.02, 0.4))
    for number, light in enumerate(lights):
        depth, slopes = 0.0, (0.0, 0.0)
        chance = settings.slanted if number == 0 else settings.slanted / 3
        nearest = settings.lens == "fixed" and number == len(lights) - 1
        if draw.random() < chance and not nearest:
            depth = float(draw.uniform(0.1, 0.6 if number == 0 else 0.2))
            slopes = _slopes(depth, light.shape[-1], draw)
        planes.append(ScenePlane(light, far + depth / 2, slopes))
        far += depth + float(draw.uniform(0.1, 0.7))
    return planes


def _slopes(depth: float, side: int, draw: np.random.Generator) -> tuple[float, float]:
    """1/m per px so that the canvas spans `depth` 1/m: mostly like a floor, nearest at the bottom, else a wall."""
    angle = draw.normal(math.pi / 2, 0.15) if draw.random() < 0.7 else draw.uniform(0, 2 * math.pi)
    x, y = math.cos(angle), math.sin(angle)
    scale = depth / side / (abs(x) + abs(y))
    return x * scale, y * scale


def lens_for(
    planes: Sequence[ScenePlane], radius_px: float, draw: np.random.Generator, settings: SceneSettings
) -> ThinLens:
    """A lens whose largest radius in the scene is radius_px (less where that would take more than f/0.95), focused
    in one of the planes; the scene is a crop of a larger photo."""
    spans = [_span(plane) for plane in planes]
    low, high = spans[-1] if settings.lens == "fixed" else spans[int(draw.integers(len(spans)))]
    focus = float(draw.uniform(low, high))
    focal = float(draw.choice(FOCAL_M))
    sensor = SENSOR_M * settings.side_px / _log_uniform(draw, *WHOLE_PX)
    farthest = max(abs(edge - focus) for span in spans for edge in span)
    f_number = focal**2 / 2 * farthest * settings.side_px / sensor / radius_px
    blades = int(draw.integers(5, 10)) if draw.random() < 0.4 else 0
    return ThinLens(
        focal_length_m=focal,
        f_number=f_number if settings.lens == "fixed" else max(f_number, LOWEST_F),
        focus_distance_m=1 / focus,
        sensor_width_m=sensor,
        blades=blades,
        blade_rotation_rad=float(draw.uniform(0, math.pi)),
        roundness=float(draw.choice((0.0, 0.3, 0.6))) if blades else 0.0,
    )


def _span(plane: ScenePlane) -> tuple[float, float]:
    """Lowest and highest inverse depth on the canvas, 1/m."""
    height, width = plane.light.shape[-2:]
    half = (abs(plane.slopes[0]) * width + abs(plane.slopes[1]) * height) / 2
    return plane.inverse_depth - half, plane.inverse_depth + half


def _log_uniform(draw: np.random.Generator, low: float, high: float) -> float:
    return math.exp(draw.uniform(math.log(low), math.log(high)))
