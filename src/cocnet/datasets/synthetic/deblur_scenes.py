"""Pairs out of focus and sharp without end: scenes of planes through a random lens, as a camera would file them.

Enters: photos with subjects' masks, settings, a seed. Leaves: pair number `index`, always the same one. Photos are
made smaller, so that they are sharp to the pixel, and of several views the one with most detail is taken: a target
that is soft itself would teach to leave blur alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from cocnet.datasets.pairs.deblur_pairs import DeblurPair
from cocnet.datasets.pairs.raytraced import Crops, LensPair, RayTraced
from cocnet.datasets.subject.cutouts import EMPTY_SHARE, FULL_SHARE, SubjectSet
from cocnet.datasets.synthetic import augment, parts
from cocnet.datasets.synthetic.planes import ScenePlane, photographed
from cocnet.datasets.synthetic.scenes import SceneSettings, check_scene, lens_for, placed
from cocnet.datasets.synthetic.sensor_noise import CameraSettings, as_filed
from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.optics import ThinLens

VIEWS = 4  # looked at for the one with most detail
SMALLER = (0.45, 0.8)
COLOUR_STRENGTH = 0.7
BARS = 0.2
FOCUS_ANYWHERE = 0.3  # part of the lenses that are focused where there may be nothing


@dataclass(frozen=True)
class DeblurSceneSettings:
    """What pairs are like. Raises InputError for sizes that can't be."""

    side_px: int = 96
    """Side of the square picture, px; even."""
    radius_px: tuple[float, float] = (0.5, 16.0)
    """A scene's largest radius of blur lies between these, px, evenly in the logarithm."""
    things: int = 2
    """Up to so many in front of the background."""
    slanted: float = 0.5
    """Part of the backgrounds that are slanted."""

    def __post_init__(self) -> None:
        check_scene(self.side_px, self.radius_px, self.things, least_things=0)


class DeblurScenes(Dataset[DeblurPair]):
    """`count` pairs. Raises InputError for photos without a subject where things are wanted, IndexError beyond."""

    def __init__(
        self,
        photos: SubjectSet,
        settings: DeblurSceneSettings | None = None,
        camera: CameraSettings | None = None,
        seed: int = 0,
        count: int = 1_000_000,
    ) -> None:
        self.photos, self.settings = photos, settings or DeblurSceneSettings()
        self.camera, self.seed, self.count = camera or CameraSettings(), seed, count
        share = photos.share
        self.subjects: list[int] = torch.nonzero((share > EMPTY_SHARE) & (share < FULL_SHARE))[:, 0].tolist()
        if self.settings.things and not self.subjects:
            raise InputError("expected photos with a subject, got none, try other masks, or things 0")

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, key: int | tuple[int, int]) -> DeblurPair:
        turn, index = key if isinstance(key, tuple) else (0, key)
        if not 0 <= index < self.count:
            raise IndexError(index)
        draw = np.random.default_rng([self.seed, turn, index, 5])
        return deblur_pair(self.scene(draw), draw, self.camera)

    def scene(self, draw: np.random.Generator) -> LensPair:
        """A scene and what the lens sees of it, scene-linear."""
        radius = _log_uniform(draw, *self.settings.radius_px)
        margin = math.ceil(radius + 0.5) + 1
        canvas = self.settings.side_px + 2 * margin
        lights = [self._background(canvas, draw)]
        for _ in range(int(draw.integers(0, self.settings.things + 1))):
            lights.append(self._thing(canvas, draw))
        like = SceneSettings(self.settings.side_px, (radius, radius), slanted=self.settings.slanted)
        planes = placed(lights, draw, like)
        lens = lens_for(planes, radius, draw, like)
        if len(planes) == 1 or draw.random() < FOCUS_ANYWHERE:
            lens = _focused_anywhere(lens, planes, radius, self.settings.side_px, draw)
        return photographed(planes, lens, margin, "scene")

    def _background(self, canvas: int, draw: np.random.Generator) -> Float[Tensor, "4 c c"]:
        views = [self._view(int(draw.integers(len(self.photos))), canvas, draw) for _ in range(VIEWS)]
        best = max(views, key=lambda view: detail(view[:3]))
        light = srgb_to_linear(augment.recolour(best[None, :3], _torch(draw), COLOUR_STRENGTH))[0]
        return torch.cat([light, torch.ones(1, canvas, canvas)])

    def _thing(self, canvas: int, draw: np.random.Generator) -> Float[Tensor, "4 c c"]:
        if draw.random() < BARS:
            return parts.bars(self._background(canvas, draw), draw)
        return parts.cut_out(self.photos.planes[int(draw.choice(self.subjects))], canvas, draw)

    def _view(self, number: int, canvas: int, draw: np.random.Generator) -> Float[Tensor, "4 c c"]:
        """A part of a photo, made smaller."""
        planes = self.photos.planes[number]
        side = min(round(canvas / _log_uniform(draw, *SMALLER)), planes.shape[-1])
        top, left = (int(n) for n in draw.integers(0, planes.shape[-1] - side + 1, 2))
        part = planes[None, :, top : top + side, left : left + side].float() / 255
        view = functional.interpolate(part, (canvas, canvas), mode="bilinear", antialias=True)[0]
        return view.flip(2) if draw.random() < 0.5 else view


class RayTracedPairs(Dataset[DeblurPair]):
    """Crops of side_px² of ray-traced scenes, turned, mirrored, their colours exchanged, as a camera files them."""

    def __init__(
        self,
        scenes: RayTraced,
        side_px: int,
        camera: CameraSettings | None = None,
        seed: int = 0,
        count: int = 1_000_000,
    ) -> None:
        self.crops = Crops(scenes, side_px, seed, count)
        self.camera, self.seed = camera or CameraSettings(), seed

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, key: int | tuple[int, int]) -> DeblurPair:
        turn, index = key if isinstance(key, tuple) else (0, key)
        draw = np.random.default_rng([self.seed, turn, index, 6])
        scene, colours = self.crops[index], draw.permutation(3).tolist()
        quarters, mirrored = int(draw.integers(4)), draw.random() < 0.5

        def seen(light: Float[Tensor, "3 s s"]) -> Float[Tensor, "3 s s"]:
            turned = light[colours].rot90(quarters, (1, 2))
            return (turned.flip(2) if mirrored else turned).contiguous()

        pair = scene._replace(image=seen(scene.image), bokeh=seen(scene.bokeh))
        return deblur_pair(pair, draw, self.camera)


class Alternating(Dataset[DeblurPair]):
    """Pairs of one set and of another in turn."""

    def __init__(self, first: Dataset[DeblurPair], second: Dataset[DeblurPair]) -> None:
        self.both = (first, second)

    def __len__(self) -> int:
        return 2 * min(len(pairs) for pairs in self.both)  # type: ignore[arg-type]

    def __getitem__(self, key: int | tuple[int, int]) -> DeblurPair:
        turn, index = key if isinstance(key, tuple) else (0, key)
        return self.both[index % 2][turn, index // 2]


def deblur_pair(
    scene: LensPair, draw: np.random.Generator, camera: CameraSettings | None = None
) -> DeblurPair:
    """The pair of a scene: both pictures cut to what a file holds, the blurred one as a camera files it."""
    sharp = (linear_to_srgb(scene.image).clamp(0, 1) * 255).round() / 255
    return DeblurPair(as_filed(linear_to_srgb(scene.bokeh), draw, camera), sharp, None, scene.name)


def detail(picture: Float[Tensor, "3 h w"]) -> float:
    """Mean absolute Laplacian of the grey picture."""
    grey = picture.mean(0)
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((around - 4 * inner).abs().mean())


def _focused_anywhere(
    lens: ThinLens, planes: Sequence[ScenePlane], radius_px: float, side_px: int, draw: np.random.Generator
) -> ThinLens:
    """The lens focused anywhere near the planes, stopped down or opened to the same largest radius."""
    low = min(float(plane.inverse_depths().min()) for plane in planes)
    high = max(float(plane.inverse_depths().max()) for plane in planes)
    room = max(high - low, 0.15) / 2
    focus = max(float(draw.uniform(low - room, high + room)), 0.01)
    moved = replace(lens, focus_distance_m=1 / focus)
    reached = moved.coc_radius_px(torch.tensor([low, high]), side_px).abs().max()
    return replace(moved, f_number=float(lens.f_number) * float(reached) / radius_px)


def _torch(draw: np.random.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(draw.integers(2**31)))


def _log_uniform(draw: np.random.Generator, low: float, high: float) -> float:
    return math.exp(draw.uniform(math.log(low), math.log(high)))
