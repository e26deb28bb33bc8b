"""Which adversarial pictures still fool after what happens on the way to the victim.

Enters: an `AttackResult` on photos [b 3 h w] (sRGB) and nearness [b 1 h w], labels [b], the victim and the renderer
that were attacked, other renderers by name. Leaves: an `Outcome` by name: what fools, beside the natural picture that
went the same way (the control: natural bokeh in a small JPEG can be misread by itself).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from cocnet.attacks.result import AttackResult, Victim
from cocnet.attacks.transfer import seen
from cocnet.compute import strict_float32
from cocnet.imaging import read_photo, write_photo

Picture = Float[Tensor, "b 3 h w"]
Plane = Float[Tensor, "b 1 h w"]
Render = Callable[..., Picture]
AS_FOUND = "float"


@dataclass(frozen=True, eq=False)
class Outcome:
    """One way to the victim: which natural pictures it still names rightly there, and which adversarial ones."""

    natural_right: Bool[Tensor, "b"]
    adversarial_right: Bool[Tensor, "b"]

    @property
    def fooled(self) -> Bool[Tensor, "b"]:
        """Misread because of the attack: the natural picture that went the same way isn't."""
        return self.natural_right & ~self.adversarial_right


def as_found(picture: Picture) -> Picture:
    """Untouched."""
    return picture


def png8(picture: Picture) -> Picture:
    """A picture file of 8 bit."""
    return bytes_of(picture).to(picture) / 255


def jpeg(picture: Picture, quality: int) -> Picture:
    """A JPEG as this program writes it: colour at full resolution (4:4:4) from quality 90, else at half (4:2:0)."""
    with TemporaryDirectory() as folder:
        path, read = Path(folder) / "picture.jpg", []
        for one in bytes_of(picture).cpu():
            write_photo(path, one.permute(1, 2, 0).numpy(), quality=quality)
            read.append(np.array(read_photo(path).pixels))
    return torch.from_numpy(np.stack(read)).permute(0, 3, 1, 2).to(picture) / 255


def resized(picture: Picture) -> Picture:
    """Down to 3/4 and back, bilinear with antialiasing: sent through something that shrinks."""
    size = picture.shape[-2:]
    small = [max(1, round(0.75 * side)) for side in size]
    down = functional.interpolate(picture, small, mode="bilinear", antialias=True)
    return functional.interpolate(down, size, mode="bilinear", antialias=True)


def deblurred(picture: Picture, sigma_px: float = 1.5, amount: float = 1.0) -> Picture:
    """An unsharp mask, x + amount·(x − G ∗ x) with a Gaussian G: the simplest defence against blur."""
    reach = max(1, round(3 * sigma_px))
    where = torch.arange(-reach, reach + 1).to(picture)
    line = (-(where**2) / (2 * sigma_px**2)).exp()
    line = (line / line.sum()).expand(3, 1, 1, -1)
    padded = functional.pad(picture, (reach,) * 4, mode="replicate")
    blurred = functional.conv2d(functional.conv2d(padded, line, groups=3), line.mT, groups=3)
    return (picture + amount * (picture - blurred)).clamp(0, 1)


def quantised(depth: Plane, bits: int) -> Plane:
    """Nearness in a file of so many bits: rounded to 0..1 in steps of 1/(2^bits − 1)."""
    steps = 2**bits - 1
    return ((depth.double() * steps).round() / steps).to(depth)


PICTURES: dict[str, Callable[[Picture], Picture]] = {
    AS_FOUND: as_found,
    "png8": png8,
    "jpeg95": partial(jpeg, quality=95),
    "jpeg75": partial(jpeg, quality=75),
    "resize": resized,
    "deblur": deblurred,
}
DEPTHS: dict[str, Callable[[Plane], Plane]] = {
    "depth16": partial(quantised, bits=16),
    "depth8": partial(quantised, bits=8),
}


@torch.no_grad()
def survival(
    result: AttackResult,
    image: Picture,
    depth: Plane,
    label: Int64[Tensor, "b"],
    victim: Victim,
    render: Render,
    others: Mapping[str, Render] | None = None,
) -> dict[str, Outcome]:
    """All ways by name: `PICTURES`, `DEPTHS` (rendered again by the same renderer), "on NAME" (by another one).

    A renderer that can't follow the camera of an attack on the lens is left out.
    """
    with strict_float32(image.device):
        pictures = {AS_FOUND: (render(image, depth), result.image)}
        pictures |= {name: treated(way, *pictures[AS_FOUND]) for name, way in PICTURES.items()}
        pictures |= {
            name: rendered(render, image, way(depth), way(_depth(result, depth)), result.camera)
            for name, way in DEPTHS.items()
        }
        pictures |= dict(_elsewhere(result, image, depth, others or {}))
        return {name: judged(victim, *both, label) for name, both in pictures.items()}


def treated(way: Callable[[Picture], Picture], natural: Picture, found: Picture) -> tuple[Picture, Picture]:
    """Both pictures, the same way."""
    return way(natural), way(found)


def rendered(
    render: Render, image: Picture, natural: Plane, found: Plane, camera: Float[Tensor, "b 3"] | None
) -> tuple[Picture, Picture]:
    """The natural picture, and the one of another depth or camera."""
    again = render(image, found) if camera is None else render(image, found, camera)
    return render(image, natural), again


def judged(victim: Victim, natural: Picture, found: Picture, label: Int64[Tensor, "b"]) -> Outcome:
    """What the victim makes of both."""
    return Outcome(*(seen([victim], picture, label)[0] for picture in (natural, found)))


def joined(outcomes: list[dict[str, Outcome]]) -> dict[str, Outcome]:
    """Batches to one."""
    return {
        name: Outcome(
            torch.cat([one[name].natural_right for one in outcomes]),
            torch.cat([one[name].adversarial_right for one in outcomes]),
        )
        for name in (outcomes[0] if outcomes else ())
    }


def bytes_of(picture: Picture) -> UInt8[Tensor, "b 3 h w"]:
    """8 bit, rounded."""
    return (picture.clamp(0, 1) * 255).round().to(torch.uint8)


def _elsewhere(
    result: AttackResult, image: Picture, depth: Plane, others: Mapping[str, Render]
) -> Iterator[tuple[str, tuple[Picture, Picture]]]:
    for name, render in others.items():
        if result.camera is None or getattr(render, "camera", None) is not None:
            found = rendered(render, image, depth, _depth(result, depth), result.camera)
            yield f"on {name}", found


def _depth(result: AttackResult, depth: Plane) -> Plane:
    return depth if result.depth is None else result.depth
