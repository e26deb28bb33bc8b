"""An attack by the camera alone: focus, aperture and focal length, within what a lens can be set to.

The renderer is `render(image, depth, camera)` with camera [n 3] = (focus in 1/m, f-number, focal length in m), and
`render.camera` [3] is the natural one. Three numbers a photo: whatever comes out, someone could have taken.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.attacks.random_numbers import RandomNumbers
from cocnet.attacks.render_attack import AnyRender, RenderAttack
from cocnet.errors import InputError

FARTHEST = 0.01  # 1/m, of a focus


@dataclass(frozen=True)
class CameraRange:
    """What a camera can be set to: focus from far to close (1/m), f-number, focal length (m)."""

    focus: tuple[float, float] = (0.05, 2.0)
    f_number: tuple[float, float] = (1.4, 16.0)
    focal_length_m: tuple[float, float] = (0.035, 0.105)

    def __post_init__(self) -> None:
        for name, (low, high) in zip(("focus", "f_number", "focal_length_m"), self.rows, strict=True):
            if not 0 < low <= high < float("inf"):
                raise InputError(f"expected {name} above 0, low before high, got ({low}, {high})")

    @classmethod
    def around(cls, camera: Float[Tensor, "3"], stops: float = 0.0, dioptres: float = 0.0) -> "CameraRange":
        """What a photographer's slip reaches: the aperture by so many stops, the focus by so many 1/m either way; the
        focal length stays. Raises InputError for bounds below 0."""
        if not (stops >= 0 and dioptres >= 0):
            raise InputError(f"expected stops and dioptres from 0, got {stops} and {dioptres}, try 1 and 0.1")
        focus, f_number, focal = camera.tolist()
        factor = 2 ** (stops / 2)
        return cls(
            (max(focus - dioptres, min(focus, FARTHEST)), focus + dioptres),
            (f_number / factor, f_number * factor),
            (focal, focal),
        )

    @property
    def rows(self) -> tuple[tuple[float, float], ...]:
        """The three ranges, one row each."""
        return self.focus, self.f_number, self.focal_length_m

    def camera(self, u: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Settings of u in 0..1: focus is linear in 1/m (as the CoC is), the others in stops."""
        low, high = torch.tensor(self.rows).to(u).unbind(1)
        linear, stops = low + u * (high - low), low * (high / low) ** u
        return torch.cat([linear[:, :1], stops[:, 1:]], 1)

    def place(self, camera: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
        """u of a camera, brought into the range."""
        low, high = torch.tensor(self.rows).to(camera).unbind(1)
        linear = (camera - low) / (high - low).clamp(min=1e-12)
        stops = (camera / low).log() / (high / low).log().clamp(min=1e-12)
        return torch.stack([linear[0], stops[1], stops[2]]).clamp(0, 1)


@dataclass(frozen=True)
class LensAttack(RenderAttack):
    """Eq. 18 over the camera instead of the depth. epsilon: part of each range that a setting may move by; 1: all."""

    epsilon: float = 1.0
    range: CameraRange = CameraRange()

    @property
    def name(self) -> str:
        return "lens"

    def origin(self, render: AnyRender, depth: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 3"]:
        """The natural camera, once for each photo; raises InputError without one, or for one out of range."""
        camera = getattr(render, "camera", None)
        if camera is None:
            raise InputError(
                "expected a renderer with a camera, got one without, try the physical renderer or a lens network"
            )
        low, high = torch.tensor(self.range.rows).to(camera).unbind(1)
        if not bool(((camera >= low - 1e-6) & (camera <= high + 1e-6)).all()):
            raise InputError(
                f"expected the natural camera in {self.range}, got {camera.tolist()}, try a wider CameraRange"
            )
        return self.range.place(camera).to(depth).repeat(len(depth), 1)

    def picture(self, render: AnyRender, image: Tensor, depth: Tensor, x: Tensor) -> Float[Tensor, "n 3 h w"]:
        return render(image, depth, self.range.camera(x))

    def bounded(self, x: Tensor) -> Tensor:
        return x.clamp(0, 1)

    def draw(self, origin: Tensor, numbers: RandomNumbers) -> Tensor:
        """Evenly from what the camera may be set to, whatever the norm."""
        low, high = (origin - self.epsilon).clamp(min=0), (origin + self.epsilon).clamp(max=1)
        return low + numbers.uniform(origin) * (high - low)

    def found(self, depth: Tensor, x: Tensor) -> dict[str, Tensor | None]:
        return {"depth": depth.clone(), "camera": self.range.camera(x)}
