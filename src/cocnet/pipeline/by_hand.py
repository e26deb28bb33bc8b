"""Masks and aperture of a render, read: from the files that the options name, or what Python handed over.

Enters: the photo, the options, `Drawn`. Leaves: masks in 0..1 of the photo's size, an aperture [k k], notes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from torch import Tensor

from cocnet.errors import InputError
from cocnet.imaging import Photo
from cocnet.pipeline.drawn import Drawn, read_aperture, read_mask
from cocnet.pipeline.options import RenderOptions


@dataclass(frozen=True, eq=False)
class ByHand:
    """What stays sharp, the subject, the aperture; None where nothing was drawn."""

    keep: Float32[np.ndarray, "h w"] | None
    subject: Float32[np.ndarray, "h w"] | None
    aperture: Float[Tensor, "k k"] | None
    notes: tuple[str, ...] = ()


def given_by_hand(photo: Photo, options: RenderOptions, drawn: Drawn | None = None) -> ByHand:
    """Read what was handed over, else the files that the options name. Raises InputError or FileError."""
    drawn = drawn or Drawn()
    named = {name: getattr(options, name) if given is None else given for name, given in vars(drawn).items()}
    if named["aperture_image"] is not None and options.aperture_blades:
        raise InputError("expected one of aperture_image and aperture_blades, got both, try one of them")
    unnamed = [name for name, given in named.items() if given is not None and getattr(options, name) is None]
    notes = tuple(f"{name}: not a file, so that the settings can't name it" for name in unnamed)
    masks = {
        name: None if named[name] is None else read_mask(named[name], photo, name)
        for name in ("keep", "subject")
    }
    aperture = None if named["aperture_image"] is None else read_aperture(named["aperture_image"])
    return ByHand(masks["keep"], masks["subject"], aperture, notes)
