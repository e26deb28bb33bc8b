"""Bokeh as training data: sharp pictures with depth, blurred on the fly by a random lens, for any deblurring network.

Enters: scenes with depth (`LensPair`: their light, depth; their own bokeh isn't read) and what is done to nearness.
Leaves: `DeblurPair`s. "natural" leaves depth alone; "random" moves it by ±epsilon a pixel; a function may move it as
it likes, as one that attacks the network that is trained.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from cocnet.datasets.pairs.deblur_pairs import DeblurPair
from cocnet.datasets.pairs.raytraced import LensPair
from cocnet.datasets.synthetic.deblur_scenes import deblur_pair
from cocnet.datasets.synthetic.sensor_noise import CameraSettings
from cocnet.errors import InputError
from cocnet.optics import ThinLens
from cocnet.rendering import PhysicalRenderer

Render = Callable[[Float[Tensor, "n 1 h w"]], Float[Tensor, "n 3 h w"]]  # nearness → scene-linear bokeh
Move = Callable[[Render, Float[Tensor, "1 1 h w"], Float[Tensor, "1 3 h w"]], Float[Tensor, "1 1 h w"]]
EPSILON = 0.05
LENSES = (0.024, 0.035, 0.05, 0.085)
SENSOR_M = 0.036


class SceneSource(Protocol):
    """What a source of scenes must offer: a length and scenes by number."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> LensPair: ...


@dataclass(frozen=True)
class Span:
    """Inverse depth (1/m) of nearness 0 and 1."""

    far: float
    near: float

    def inverse(self, nearness: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
        """Inverse depth (1/m) of nearness 0..1, between `far` and `near`."""
        return self.far + (self.near - self.far) * nearness


class BokehAugmentation(Dataset[DeblurPair]):
    """A pair for each scene of the source, by index or (pass, index): another lens each pass.

    radius_px: the largest radius of blur is drawn between these. epsilon: of nearness, for "random". Raises
    InputError for radii or an epsilon that can't be.
    """

    def __init__(
        self,
        source: SceneSource,
        depth: Literal["natural", "random"] | Move = "natural",
        radius_px: tuple[float, float] = (1.0, 10.0),
        epsilon: float = EPSILON,
        camera: CameraSettings | None = None,
        seed: int = 0,
    ) -> None:
        if not 0 < radius_px[0] <= radius_px[1] or not 0 <= epsilon <= 1:
            raise InputError(
                f"expected radii above 0, epsilon in 0..1, got {radius_px}, {epsilon}, try (1, 10), 0.05"
            )
        self.source, self.depth, self.radius_px = source, depth, radius_px
        self.epsilon, self.camera, self.seed = epsilon, camera, seed

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, key: int | tuple[int, int]) -> DeblurPair:
        turn, index = key if isinstance(key, tuple) else (0, key)
        scene, draw = self.source[index], np.random.default_rng([self.seed, turn, index, 6])
        inverse = 1 / scene.depth_m[None]
        span = Span(float(inverse.min()), max(float(inverse.max()), float(inverse.min()) + 1e-3))
        nearness = ((inverse - span.far) / (span.near - span.far)).clamp(0, 1)
        lens = self.lens(span, scene.image.shape[-1], draw)

        def render(moved: Tensor) -> Tensor:
            return PhysicalRenderer(lens).from_inverse_depth(
                scene.image[None].expand(len(moved), -1, -1, -1), span.inverse(moved)
            )

        moved = self._moved(render, nearness, scene.image[None], draw)
        with torch.no_grad():
            bokeh = render(moved)[0].clamp(min=0)
        return deblur_pair(scene._replace(bokeh=bokeh, lens=lens), draw, self.camera)

    def _moved(
        self, render: Render, nearness: Tensor, light: Tensor, draw: np.random.Generator
    ) -> Float[Tensor, "1 1 h w"]:
        if self.depth == "natural":
            return nearness
        if self.depth == "random":
            signs = torch.from_numpy(draw.integers(0, 2, tuple(nearness.shape)).astype(np.float32) * 2 - 1)
            return (nearness + self.epsilon * signs).clamp(0, 1)
        return self.depth(render, nearness, light).clamp(0, 1)

    def lens(self, span: Span, width_px: int, draw: np.random.Generator) -> ThinLens:
        """A lens focused somewhere in the scene, whose largest radius in it is drawn from radius_px."""
        radius = float(np.exp(draw.uniform(*np.log(self.radius_px))))
        focus = max(float(draw.uniform(span.far, span.near)), 1e-3)
        lens = ThinLens(float(draw.choice(LENSES)), 1.0, 1 / focus, SENSOR_M)
        ends = lens.coc_radius_px(torch.tensor([span.far, span.near]), width_px)
        return replace(lens, f_number=max(float(ends.abs().max()) / radius, 1e-3))
