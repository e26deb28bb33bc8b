"""Kernels of a lens's spots, made once for each aperture.

Enters: a lens, a signed radius in px (below 0: in front of the focus), a place in the picture. Leaves: the kernel,
without gradients.
"""

import hashlib
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.optics import ThinLens, lens_psf

MOST = 2048  # kernels that are kept: of 65 px, 35 MB


class SpotCache:
    """Kernels by aperture, radius and place; a copied or pickled cache starts empty."""

    def __init__(self) -> None:
        self._spots: dict[tuple[Any, ...], Tensor] = {}

    def __reduce__(self) -> tuple[type["SpotCache"], tuple[()]]:
        return SpotCache, ()

    def __len__(self) -> int:
        return len(self._spots)

    @torch.no_grad()
    def spot(self, lens: ThinLens, radius_px: float, place: tuple[float, float]) -> Float[Tensor, "k k"]:
        """The kernel, from the cache or made now."""
        key = (aperture_key(lens), radius_px, *(place if lens.cat_eye else ()))
        if key not in self._spots:
            kernel = lens_psf(lens, abs(radius_px), radius_px < 0, place)
            if not has_storage(kernel):
                return kernel
            if len(self) >= MOST:
                self._spots.clear()
            self._spots[key] = kernel
        return self._spots[key]


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
