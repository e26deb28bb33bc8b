"""Random bokeh as a transform of torchvision (transforms v2).

Enters: a photo (PIL, uint8 or float [… 3 h w], sRGB), beside it depth, masks, boxes and labels as any structure.
Leaves: the same with the photo's bokeh; nothing else changes.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as pictures

from cocnet.augment.camera_ranges import LARGEST, CameraRanges
from cocnet.augment.depths import Depth, content_hash, estimated, made_up
from cocnet.errors import InputError
from cocnet.imaging import codes_to_linear, linear_to_codes, linear_to_srgb, srgb_to_linear
from cocnet.optics import ThinLens
from cocnet.renderers import Physical

Source = Literal["given", "estimated", "made-up"]


class RandomBokeh(v2.Transform):  # type: ignore[misc]
    """Photograph each picture again with a lens drawn from `ranges`; p: how many of them.

    depth: "given", a `Depth` beside the photo; "estimated", by an estimator of `cocnet depth`, kept in `cache`, a
    folder, by the photo's pixels (so put this before random crops); "made-up", a scene that the photo doesn't show.
    seed None draws from PyTorch's random numbers as torchvision's transforms do; a number makes a photo's camera
    depend on the photo, the seed and `epoch` alone, whatever the order, the batch and the worker.
    preview renders at half size: four times the pictures, and nothing is quite sharp. Raises InputError.
    """

    def __init__(
        self,
        ranges: CameraRanges | None = None,
        *,
        p: float = 0.5,
        depth: Source = "given",
        estimator: str = "builtin",
        cache: str | Path | None = None,
        seed: int | None = None,
        preview: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise InputError(f"expected p of 0 to 1, got {p}, try 0.5")
        if depth not in get_args(Source):
            raise InputError(f"expected depth {', '.join(get_args(Source))}, got {depth!r}, try estimated")
        if cache is not None and depth != "estimated":
            raise InputError(f"expected a cache with estimated depth only, got depth {depth}, try without")
        self.ranges, self.p, self.depth = ranges or CameraRanges(), p, depth
        self.estimator, self.cache, self.seed = estimator, None if cache is None else Path(cache), seed
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]  # workers that persist see it change
        self.renderer = Physical(preview=preview, sharp_lights=False, largest_radius=LARGEST)

    @property
    def epoch(self) -> int:
        """Number of the pass over the data; with a seed, each has other cameras."""
        return int(self._epoch)

    @epoch.setter
    def epoch(self, number: int) -> None:
        self._epoch.fill_(number)

    def make_params(self, flat_inputs: Sequence[Any]) -> dict[str, Any]:
        """For each photo of the picture's batch its lens, None for none, and its inverse depth."""
        picture = _picture_of(flat_inputs)
        height, width = picture.shape[-2:]
        photos = pictures.to_dtype(picture.detach(), torch.uint8, scale=True).reshape(-1, 3, height, width)
        beside = [each for each in flat_inputs if isinstance(each, Depth)]
        if self.depth == "given" and not beside:
            raise InputError("expected a Depth beside the picture, got none, try depth='estimated'")
        if len(beside) > 1:
            raise InputError(f"expected one Depth in a sample, got {len(beside)}, try a sample at a time")
        given = beside[0].as_subclass(Tensor).reshape(-1, *beside[0].shape[-2:]) if beside else None
        if given is not None and len(given) not in (1, len(photos)):
            got = f"{len(given)} for {len(photos)} pictures"
            raise InputError(
                f"expected one depth, or one for each picture of the batch, got {got}, try those"
            )
        found: list[tuple[ThinLens, Tensor] | None] = []
        for number, photo in enumerate(photos):
            numbers = self._numbers(photo)
            if float(torch.rand(1, generator=numbers)) >= self.p:
                found.append(None)
                continue
            inverse = self._depth(photo, None if given is None else given[number % len(given)], numbers)
            found.append((self.ranges.drawn(inverse, numbers), inverse))
        return {"cameras": found}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One of the inputs: a picture is rendered, all else stays."""
        if isinstance(inpt, tv_tensors.TVTensor) and not isinstance(inpt, tv_tensors.Image):
            return inpt
        if not any(params["cameras"]):
            return inpt
        picture = pictures.to_image(inpt)
        light = _light(picture.as_subclass(Tensor))
        batch = light.reshape(-1, *light.shape[-3:])
        made = torch.stack([self._rendered(*pair) for pair in zip(batch, params["cameras"], strict=True)])
        found = _display(made.reshape(light.shape), picture.dtype)
        if isinstance(inpt, Tensor):
            return tv_tensors.wrap(found, like=inpt) if isinstance(inpt, tv_tensors.Image) else found
        return pictures.to_pil_image(found)

    def _rendered(
        self, light: Float[Tensor, "3 h w"], camera: tuple[ThinLens, Tensor] | None
    ) -> Float[Tensor, "3 h w"]:
        if camera is None:
            return light
        lens, inverse = camera
        return self.renderer.render(light[None], inverse[None, None].to(light), lens)[0]

    def _numbers(self, photo: Tensor) -> torch.Generator | None:
        if self.seed is None:
            return None
        own = int(content_hash(photo)[:12], 16)
        return torch.Generator().manual_seed(own ^ (self.seed * 1_000_003 + self.epoch))

    def _depth(self, photo: Tensor, given: Tensor | None, numbers: torch.Generator | None) -> Tensor:
        if self.depth == "made-up":
            return made_up(photo.shape[-2], photo.shape[-1], numbers)
        if given is None or self.depth == "estimated":
            return estimated(photo, self.estimator, self.cache)
        if given.shape != photo.shape[-2:]:
            got = f"{list(given.shape)} for {list(photo.shape[-2:])}"
            raise InputError(f"expected a Depth of the picture's size, got {got}, try resizing both together")
        if not bool(given.isfinite().all()):
            raise InputError("expected a Depth of finite values, got NaN or infinity, try filling its holes")
        return given.float()


def _light(picture: Tensor) -> Float[Tensor, "... 3 h w"]:
    if picture.dtype == torch.uint8 and picture.device.type == "cpu":
        return codes_to_linear(picture)
    return srgb_to_linear(pictures.to_dtype(picture, torch.float32, scale=True))


def _display(light: Float[Tensor, "... 3 h w"], kind: torch.dtype) -> Tensor:
    if kind == torch.uint8 and light.device.type == "cpu":
        return linear_to_codes(light)
    return pictures.to_dtype(linear_to_srgb(light).clamp(0, 1), kind, scale=True)


def _picture_of(flat_inputs: Sequence[Any]) -> Tensor:
    """The picture among the inputs, as torchvision would find it. Raises InputError without one of three colours, and
    for several, of which each had a depth of its own."""
    several: list[Tensor] = []
    for each in flat_inputs:
        if isinstance(each, tv_tensors.Image) or not isinstance(
            each, (Tensor, np.ndarray, str, int, float, dict)
        ):
            with suppress(TypeError):
                several.append(pictures.to_image(each))
    if len(several) > 1:
        raise InputError(
            f"expected one picture in a sample, got {len(several)}, try a sample at a time, or a batch"
        )
    plain = [e for e in flat_inputs if isinstance(e, Tensor) and not isinstance(e, tv_tensors.TVTensor)]
    found = (several or plain or [torch.zeros(0)])[0]
    if found.ndim < 3 or found.shape[-3] != 3:
        raise InputError(f"expected a picture [… 3 h w], got {list(found.shape)}, try .convert('RGB')")
    if found.dtype in (torch.bool, torch.int32, torch.int64):
        raise InputError(
            f"expected a picture of uint8 or floats in 0..1, got {found.dtype}, try .to(torch.uint8)"
        )
    return found.as_subclass(Tensor)
