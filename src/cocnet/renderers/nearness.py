"""A renderer as attacks call it: `view(image, depth)`, differentiable in both.

Enters: photos [b 3 h w] (sRGB, 0..1) and nearness [b 1 h w] in 0..1 (1: the nearest point). Leaves: bokeh photos,
the same shape and range. Nearness is linear in inverse depth: 1/D = far + depth·(near − far), in 1/m.
"""

import copy
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.optics import ThinLens
from cocnet.renderers.hybrid_renderer import HybridRenderer
from cocnet.renderers.network import NetworkRenderer
from cocnet.renderers.physical_model import Physical
from cocnet.renderers.protocol import Renderer


@dataclass(frozen=True)
class Setup:
    """A camera in front of a scene between two distances; by default the nearest point is sharp, and the farthest
    blurred by 5.6 px of radius in a photo 224 px wide. largest_radius, of the width, bounds the blur: more than the
    cameras of an attack on the lens can ask for."""

    near_m: float = 1.0
    far_m: float = 10.0
    focus_m: float = 1.0
    f_number: float = 2.8
    focal_length_m: float = 0.075
    sensor_width_m: float = 0.036
    largest_radius: float = 0.18

    def __post_init__(self) -> None:
        if not 0 < self.near_m < self.far_m < float("inf"):
            raise InputError(
                f"expected near_m before far_m, got {self.near_m} and {self.far_m}, try 1 and 10"
            )

    @property
    def dioptres(self) -> float:
        """Inverse depths (1/m) that nearness 0 and 1 stand for."""
        return 1 / self.near_m - 1 / self.far_m

    @property
    def lens(self) -> ThinLens:
        """The lens that the renderer is given."""
        return ThinLens(self.focal_length_m, self.f_number, self.focus_m, self.sensor_width_m)

    @property
    def camera(self) -> Float[Tensor, "3"]:
        """Focus (1/m), f-number, focal length (m): what an attack on the lens may change."""
        return torch.tensor([1 / self.focus_m, self.f_number, self.focal_length_m])

    def inverse_depth(self, depth: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
        """1/D of nearness, 1/m."""
        return 1 / self.far_m + depth * self.dioptres

    def lens_of(self, camera: Float[Tensor, "b 3"]) -> ThinLens:
        """The lens of a camera for each photo. Another focal length keeps the field of view, on a sensor as much
        larger, so that the blur in pixels follows f/N: as if f stayed and N were N·f₀/f."""
        focus, f_number, focal = camera.unbind(1)
        return self.lens.at(f_number=f_number * self.focal_length_m / focal, focus_distance_m=1 / focus)

    def radius_px(self, depth: Float[Tensor, "b 1 h w"], lens: ThinLens | None = None) -> Tensor:
        """Eq. 1: the signed radius of the circle of confusion, px."""
        return (lens or self.lens).coc_radius_px(self.inverse_depth(depth), depth.shape[-1])


@dataclass(frozen=True, eq=False)
class NearnessView:
    """A renderer of photos and their nearness, in front of the `setup`'s camera; networks are frozen copies.

    A network that reads nearness gets it as it comes: stretched to each photo's own span, a change of depth would be
    scaled away. Raises InputError for a renderer that doesn't read depth.
    """

    renderer: Renderer
    setup: Setup = Setup()

    def __post_init__(self) -> None:
        if "depth" not in self.renderer.reads:
            raise InputError(
                f"expected a renderer that reads depth, got {self.name}, try cocnet-b3-less-depth"
            )
        object.__setattr__(self, "renderer", _prepared(self.renderer, self.setup))

    @property
    def name(self) -> str:
        """Name of the renderer that is looked through."""
        return self.renderer.name

    @property
    def camera(self) -> Float[Tensor, "3"] | None:
        """The natural camera, where the renderer can follow another."""
        return self.setup.camera if "lens" in self.renderer.reads else None

    def __call__(
        self, image: Tensor, depth: Tensor, camera: Tensor | None = None
    ) -> Float[Tensor, "b 3 h w"]:
        """Render; `camera` [b 3] instead of the natural one. Raises InputError or DepthError."""
        if camera is not None and self.camera is None:
            raise InputError(
                f"expected a renderer that reads the lens, got {self.name}, try cocnet-b3-less-lens"
            )
        lens = self.setup.lens if camera is None else self.setup.lens_of(camera)
        light = self.renderer.render(srgb_to_linear(image), self.setup.inverse_depth(depth), lens)
        return linear_to_srgb(light).clamp(0, 1)


def _prepared(renderer: Renderer, setup: Setup) -> Renderer:
    """The renderer, bounded in its blur, or with a network that an attack can't change and a fixed span."""
    if isinstance(renderer, Physical):
        return replace(renderer, sharp_lights=False, largest_radius=setup.largest_radius)
    if isinstance(renderer, NetworkRenderer | HybridRenderer):
        network = copy.deepcopy(renderer.network).eval().requires_grad_(False)
        renderer = replace(renderer, network=network)
    if isinstance(renderer, NetworkRenderer):
        return replace(renderer, span=(1 / setup.far_m, 1 / setup.near_m))
    return renderer
