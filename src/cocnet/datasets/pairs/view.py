"""What of a pair is seen: resized, cropped, mirrored; the same for photo, bokeh and depth.

Enters: a `View`, and a generator that decides what is left to chance. Leaves: places to cut, planes cut there.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional

from cocnet.errors import FileError, InputError
from cocnet.files.shards import Part
from cocnet.imaging import read_photo


@dataclass(frozen=True)
class Cut:
    """A part of a picture, px, and whether left and right change places."""

    top: int
    left: int
    height: int
    width: int
    mirrored: bool

    def of(self, planes: Shaped[Tensor, "c h w"]) -> Shaped[Tensor, "c i j"]:
        """Cut this part out of some planes."""
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        part = planes[:, rows, columns]
        return part.flip(2) if self.mirrored else part


@dataclass(frozen=True)
class View:
    """Sizes are (height, width) in px. Raises InputError for sizes that can't be.

    resize: first the whole picture to this size, as the paper does with (1024, 1024) [native]. crop: then a part of
    this size at a random place [all]. mirror: left and right change places half of the time.
    """

    resize: tuple[int, int] | None = None
    crop: tuple[int, int] | None = None
    mirror: bool = False

    def __post_init__(self) -> None:
        for name in ("resize", "crop"):
            size = getattr(self, name)
            if size is not None and (len(size) != 2 or min(size) < 1):
                raise InputError(f"expected {name} (height, width) above 0, got {size}, try (1024, 1024)")

    def drawn(self, height: int, width: int, draw: np.random.Generator) -> Cut:
        """A cut of a picture of that size; raises InputError where the crop is larger."""
        high, wide = self.crop or (height, width)
        if high > height or wide > width:
            got = f"{width} × {height}"
            raise InputError(
                f"expected pictures of at least {wide} × {high} px, got {got}, try a smaller crop (--side-px)"
            )
        top, left = int(draw.integers(height - high + 1)), int(draw.integers(width - wide + 1))
        return Cut(top, left, high, wide, self.mirror and bool(draw.random() < 0.5))

    def resized(self, planes: Shaped[Tensor, "c h w"]) -> Shaped[Tensor, "c i j"]:
        """Planes at the view's size by antialiased bilinear interpolation, as floats; else as they are."""
        if self.resize is None or tuple(planes.shape[-2:]) == self.resize:
            return planes
        return functional.interpolate(floats(planes)[None], self.resize, mode="bilinear", antialias=True)[0]


def read_planes(file: Path | Part) -> Float[Tensor, "3 h w"]:
    """A photo of 8 or 16 bit as sRGB planes in 0..1, float32. Raises FileError."""
    try:
        pixels = np.array(read_photo(file if isinstance(file, Path) else file.read()).pixels)
    except FileError as error:
        raise error if isinstance(file, Path) else FileError(f"{file}: {error}") from error
    if pixels.dtype == np.uint16:
        pixels = pixels.astype(np.float32) / np.float32(65535)
    return floats(torch.from_numpy(pixels).permute(2, 0, 1))


def floats(planes: Shaped[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
    """Bytes as float32 in 0..1, floats as they are; contiguous."""
    if planes.dtype == torch.uint8:
        return planes.contiguous().float().div_(255)
    return planes.contiguous()
