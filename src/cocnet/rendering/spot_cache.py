"""Kernels of a lens's spots, made once for each aperture.

Enters: a lens, a signed radius in px (below 0: in front of the focus), a place in the picture, a scale. Leaves: the
kernel, without gradients.
"""

import hashlib
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.optics import ThinLens, lens_psf
from cocnet.optics.shapes import moment_share
from cocnet.rendering.levels import own_radius

MOST_BYTES = 64e6  # of kernels that are kept
NARROWEST = 1 / 16  # of a spot's height, its width at a smaller scale


class SpotCache:
    """Kernels by aperture, radius and place; a copied or pickled cache starts empty."""

    def __init__(self) -> None:
        self._spots: dict[tuple[Any, ...], Tensor] = {}
        self._bytes = 0

    def __reduce__(self) -> tuple[type["SpotCache"], tuple[()]]:
        return SpotCache, ()

    def __len__(self) -> int:
        return len(self._spots)

    @torch.no_grad()
    def spot(
        self, lens: ThinLens, radius_px: float, place: tuple[float, float], scale: int = 1
    ) -> Float[Tensor, "k k"]:
        """The kernel that at 1/scale blurs like this radius at full scale, from the cache or made now."""
        key = (aperture_key(lens), radius_px, scale, *(place if lens.cat_eye else ()))
        if (kept := self._spots.get(key)) is not None:
            return kept
        seen, radius = at_scale(lens, abs(radius_px), place, scale)
        kernel = lens_psf(seen, radius, radius_px < 0, place)
        if has_storage(kernel):
            self._keep(key, kernel)
        return kernel

    def _keep(self, key: tuple[Any, ...], kernel: Tensor) -> None:
        if self._bytes + kernel.nbytes > MOST_BYTES:
            self._spots.clear()
            self._bytes = 0
        self._spots[key] = kernel
        self._bytes += kernel.nbytes


def at_scale(
    lens: ThinLens, radius_px: float, place: tuple[float, float], scale: int
) -> tuple[ThinLens, float]:
    """Lens and radius whose spot at 1/scale, with pooling and interpolation, is as tall and wide as this one: both
    widen a spot alike along both axes, however narrow it is."""
    share = moment_share(lens, place) / (1 + 1 / lens.squeeze**2)
    tall, wide = (own_radius(side, scale, share) for side in (radius_px, radius_px / lens.squeeze))
    if lens.squeeze == 1 or not tall:
        return lens, tall
    return replace(lens, squeeze=tall / max(wide, NARROWEST * tall)), tall


def aperture_key(lens: ThinLens) -> tuple[Any, ...]:
    """All of a lens that its spot's shape depends on."""
    shape = (
        lens.blades,
        lens.blade_rotation_rad,
        lens.roundness,
        lens.cat_eye,
        lens.butterworth_order,
        lens.squeeze,
    )
    picture = lens.aperture_picture
    if picture is None:
        return shape
    values = picture.detach().cpu().contiguous().numpy()
    return (
        *shape,
        values.shape,
        values.dtype.str,
        hashlib.blake2b(values.tobytes(), digest_size=16).digest(),
    )


def has_storage(tensor: Tensor) -> bool:
    """Whether a tensor outlives the transform of torch.func that it was made in."""
    try:
        tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return False
    return True
