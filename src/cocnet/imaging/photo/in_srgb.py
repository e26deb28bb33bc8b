"""Pixels of a photo with a colour profile as sRGB, for what can't hold a profile.

Enters: display-referred pixels and the photo that they are like. Leaves: pixels of the same type, in sRGB.
"""

import numpy as np
import torch
from jaxtyping import Shaped

from cocnet.imaging.color.icc import colorants
from cocnet.imaging.color.profile import srgb_colorants
from cocnet.imaging.photo.photo import Photo


def in_srgb(pixels: Shaped[np.ndarray, "h w 3"], like: Photo) -> Shaped[np.ndarray, "h w 3"]:
    """Same colours, relative to white; what sRGB can't show is cut off. Pixels without a profile, or with one that
    names no primaries, are returned as they are."""
    primaries = colorants(like.icc)
    if primaries is None:
        return pixels
    to_srgb = torch.from_numpy(np.linalg.solve(srgb_colorants(), primaries)).float()
    light = torch.einsum("ij,jhw->ihw", to_srgb, Photo(pixels, icc=like.icc).linear())
    return Photo(pixels).encode(light)
