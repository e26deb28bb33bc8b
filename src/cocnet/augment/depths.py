"""Depth beside photos in a pipeline of transforms: given, estimated once, or made up.

Enters: photos of 8 bit [3 h w]. Leaves: inverse depth, 1/m, [h w].
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional
from torchvision import tv_tensors

from cocnet.depth import estimate_depth
from cocnet.errors import InputError
from cocnet.files.atomic import atomic_path
from cocnet.files.npz_file import read_npy

NEAR_M, FAR_M = 1.0, 10.0  # where relative depth is put
COARSE = 4  # cells of made-up ground, each way


class Depth(tv_tensors.Mask):  # type: ignore[misc]
    """Inverse depth of a photo, 1/m, [h w] or [1 h w], that flips, crops and resizes go along with.

    Nearness in 0..1 or another relative map: `Depth.relative(plane)`.
    """

    @classmethod
    def relative(cls, plane: Any, near_m: float = NEAR_M, far_m: float = FAR_M) -> "Depth":
        """Inverse depth from a relative map [h w] or [1 h w] of any scale, larger values nearer.

        Its values are stretched to 0..1, where 1 is `near_m` and 0 is `far_m`, in metres, linear in 1/m. Raises
        InputError unless 0 < near_m < far_m, and for values that aren't finite.
        """
        if not 0 < near_m < far_m:
            raise InputError(f"expected near_m before far_m, got {near_m} and {far_m}, try 1 and 10")
        values = torch.as_tensor(plane).float()
        if not bool(values.isfinite().all()):
            raise InputError("expected a map of finite values, got NaN or infinity, try filling its holes")
        low, high = values.min(), values.max()
        nearness = (values - low) / (high - low).clamp(min=1e-9)
        return cls(1 / far_m + nearness * (1 / near_m - 1 / far_m))


def content_hash(picture: UInt8[Tensor, "3 h w"]) -> str:
    """A key of 32 hex digits that two photos share only if their pixels and sizes are equal."""
    digest = hashlib.blake2b(repr(list(picture.shape)).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(picture.cpu().numpy()).data)
    return digest.hexdigest()


def estimated(
    picture: UInt8[Tensor, "3 h w"], estimator: str = "builtin", cache: Path | None = None
) -> Float[Tensor, "h w"]:
    """By an estimator of `cocnet depth`; read from the cache, where a photo of the same pixels was estimated before.

    A damaged file of the cache is written anew. Raises CocnetError where depth can't be estimated, FileError where
    the cache can't be written.
    """
    path = None if cache is None else cache / f"{content_hash(picture)}-{estimator}.npy"
    if path is not None and (kept := _kept(path, (picture.shape[1], picture.shape[2]))) is not None:
        return kept
    rgb = np.ascontiguousarray(picture.permute(1, 2, 0).cpu().numpy())
    inverse = estimate_depth(rgb, name=estimator).depth.inverse_depth(NEAR_M, FAR_M).astype(np.float16)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, inverse)
    return torch.from_numpy(inverse.astype(np.float32))


def _kept(path: Path, size: tuple[int, int]) -> Float[Tensor, "h w"] | None:
    """A map of that size from the cache, None where there is no whole one."""
    try:
        plane = read_npy(path).astype(np.float32)
    except (OSError, ValueError):
        return None
    return torch.from_numpy(plane) if plane.shape == size and np.isfinite(plane).all() else None


def made_up(height: int, width: int, numbers: torch.Generator | None = None) -> Float[Tensor, "h w"]:
    """A scene without a photo's leave: ground that rises towards the horizon, unevenly, with an ellipse that stands
    on it nearer than what is behind."""
    bumps = torch.rand(1, 1, COARSE, COARSE, generator=numbers)
    ground = functional.interpolate(bumps, (height, width), mode="bilinear", align_corners=True)[0, 0]
    down = torch.linspace(0, 1, height)[:, None].expand(height, width)
    nearness = 0.5 * down + 0.25 * ground
    x, y, across, tall, lift = torch.rand(5, generator=numbers).tolist()
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)[None]
    inside = ((columns - 0.2 - 0.6 * x) / (0.1 + 0.2 * across)).square()
    inside = inside + ((rows - 0.3 - 0.4 * y) / (0.15 + 0.3 * tall)).square()
    thing = min(1.0, 0.5 + 0.5 * y + 0.2 * lift)
    nearness = torch.where(inside < 1, torch.maximum(nearness, torch.tensor(thing)), nearness).clamp(0, 1)
    return 1 / FAR_M + nearness * (1 / NEAR_M - 1 / FAR_M)
