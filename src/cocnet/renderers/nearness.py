"""Renderers as attacks call them: `render(image, depth)`, differentiable in both.

Enters: photos [b 3 h w] (sRGB, 0..1) and nearness [b 1 h w] in 0..1 (1: the nearest point). Leaves: bokeh photos,
the same shape and range. Nearness is linear in inverse depth: 1/D = far + depth·(near − far), in 1/m.
"""

import copy
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, srgb_to_linear
from cocnet.networks import card_of
from cocnet.optics import ThinLens
from cocnet.rendering import PhysicalRenderer
from cocnet.rendering.physical import Mode


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
        """What nearness 0..1 spans, 1/m."""
        return 1 / self.near_m - 1 / self.far_m

    @property
    def lens(self) -> ThinLens:
        """As the renderer takes it."""
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
class Physical:
    """The physical renderer. mode "over", or "eq8": the paper's Eq. 8 to the letter."""

    setup: Setup = Setup()
    mode: Mode = "over"
    _spots: dict[tuple[float, float, float], Tensor] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """In tables."""
        return "physical" if self.mode == "over" else f"physical-{self.mode}"

    @property
    def camera(self) -> Float[Tensor, "3"]:
        """The natural one."""
        return self.setup.camera

    def __call__(
        self, image: Tensor, depth: Tensor, camera: Tensor | None = None
    ) -> Float[Tensor, "b 3 h w"]:
        """Render; `camera` [b 3] instead of the natural one. Raises InputError or DepthError."""
        lens = self.setup.lens if camera is None else self.setup.lens_of(camera)
        limit = self.setup.largest_radius * image.shape[-1]
        renderer = PhysicalRenderer(
            lens, self.mode, max_radius_px=limit, sharp_lights=False, _spots=self._spots
        )
        light = renderer.from_inverse_depth(srgb_to_linear(image), self.setup.inverse_depth(depth))
        return linear_to_srgb(light.clamp(0, 1))


@dataclass(frozen=True, eq=False)
class Network:
    """A network that sees nearness (its lens is built in) or the lens (`setup`'s, or the camera's): a frozen copy."""

    network: nn.Module
    setup: Setup = Setup()

    def __post_init__(self) -> None:
        card = card_of(self.name)
        if card.conditioning == "none" or card.physical:
            raise InputError(
                f"expected a network that takes depth alone, got {self.name}, try cocnet-b3-less-depth"
            )
        object.__setattr__(self, "network", copy.deepcopy(self.network).eval().requires_grad_(False))

    @property
    def name(self) -> str:
        """As registered."""
        return str(self.network.name)

    @property
    def camera(self) -> Float[Tensor, "3"] | None:
        """The natural one, where the network can follow another."""
        return self.setup.camera if card_of(self.name).conditioning == "lens" else None

    def __call__(
        self, image: Tensor, depth: Tensor, camera: Tensor | None = None
    ) -> Float[Tensor, "b 3 h w"]:
        """Render. Raises InputError or DepthError."""
        if self.camera is None:
            if camera is not None:
                raise InputError(f"expected a network of lenses, got {self.name}, try cocnet-b3-less-lens")
            return self.network(image, depth).clamp(0, 1)
        lens = self.setup.lens if camera is None else self.setup.lens_of(camera)
        radius = self.setup.radius_px(depth, lens) / self.network.config.radius_scale_px  # type: ignore[union-attr, operator]
        return self.network(image, radius).clamp(0, 1)
