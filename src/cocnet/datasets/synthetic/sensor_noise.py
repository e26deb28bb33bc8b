"""What a camera does to a picture after the lens: noise of photons and of the sensor, 8 bit, JPEG.

Enters: sRGB [3 h w] in 0..1 and a random generator. Leaves: the same, as a file would hold it. In linear light x the
noise has variance a·x + b², a and b drawn evenly in their logarithm.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cocnet.errors import InputError
from cocnet.imaging import linear_to_srgb, recompressed, srgb_to_linear


@dataclass(frozen=True)
class CameraSettings:
    """Noise and compression. Raises InputError for shares or ranges that can't be."""

    noisy: float = 0.5
    """Part of the pictures with noise."""
    photons: tuple[float, float] = (3e-5, 2.5e-3)
    """Of a: variance per linear light."""
    sensor: tuple[float, float] = (3e-4, 1e-2)
    """Of b: standard deviation in the dark."""
    compressed: float = 0.3
    """Part of the pictures that are JPEG."""
    quality: tuple[int, int] = (55, 98)
    """Quality of the JPEG file, 1..100."""

    def __post_init__(self) -> None:
        shares = 0 <= self.noisy <= 1 and 0 <= self.compressed <= 1
        if (
            not shares
            or not 0 < self.photons[0] <= self.photons[1]
            or not 0 < self.sensor[0] <= self.sensor[1]
        ):
            got = f"{self.noisy}, {self.compressed}, {self.photons}, {self.sensor}"
            raise InputError(f"expected shares in 0..1 and ranges above 0, got {got}, try CameraSettings()")


def as_filed(
    picture: Float[Tensor, "3 h w"], draw: np.random.Generator, settings: CameraSettings | None = None
) -> Float[Tensor, "3 h w"]:
    """A picture after the sensor and its file."""
    settings = settings or CameraSettings()
    picture = with_noise(picture, draw, settings)
    codes = (picture.clamp(0, 1) * 255).round().to(torch.uint8)
    if draw.random() < settings.compressed:
        low, high = settings.quality
        codes = _jpeg(codes, int(draw.integers(low, high + 1)))
    return codes.float() / 255


def with_noise(
    picture: Float[Tensor, "3 h w"], draw: np.random.Generator, settings: CameraSettings
) -> Float[Tensor, "3 h w"]:
    """A picture with the sensor's noise, if its turn has come."""
    if draw.random() >= settings.noisy:
        return picture
    a, b = (_log_uniform(draw, *bounds) for bounds in (settings.photons, settings.sensor))
    light = srgb_to_linear(picture)
    chance = torch.from_numpy(draw.standard_normal(tuple(light.shape), dtype=np.float32))
    return linear_to_srgb(light + chance * (a * light + b * b).sqrt())


def _jpeg(codes: UInt8[Tensor, "3 h w"], quality: int) -> UInt8[Tensor, "3 h w"]:
    return torch.from_numpy(recompressed(codes.permute(1, 2, 0).numpy(), quality)).permute(2, 0, 1)


def _log_uniform(draw: np.random.Generator, low: float, high: float) -> float:
    return math.exp(draw.uniform(math.log(low), math.log(high)))
