"""Photo → the same photo, sharper where it is out of focus: a deblurring network in tiles, in bounded memory.

Enters: a photo (path, `Photo`, array) and a network. Leaves: pixels of the photo's own type, and the settings. A tile
is computed with the margin that its network asks for, and only its inner part is kept.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from jaxtyping import Shaped
from torch import nn

from cocnet import __version__
from cocnet.compute import finite_output
from cocnet.errors import InputError
from cocnet.imaging import Photo, linear_to_srgb, srgb_to_linear
from cocnet.imaging.color.icc import diffuse_white
from cocnet.networks import card_of, load_model
from cocnet.networks.layers.self_ensemble import SelfEnsemble
from cocnet.pipeline.deblur_options import DEFAULT_MB, DEFAULT_MODEL, DeblurOptions
from cocnet.pipeline.result_files import save_with_settings

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DeblurRecord:
    """Everything that made a picture."""

    version: str
    photo: str | None
    width: int
    height: int
    tile_px: int
    margin_px: int
    options: DeblurOptions


@dataclass(frozen=True, eq=False)
class DeblurResult:
    """Display-referred pixels of the photo's own type and size, the settings, and the photo they are of."""

    pixels: Shaped[np.ndarray, "h w 3"]
    settings: DeblurRecord
    photo: Photo

    def save(self, path: str | Path | BinaryIO, quality: int = 95) -> Path | None:
        """Write the photo with its profile, EXIF, alpha, and the settings to `path`.json, which is returned."""
        return save_with_settings(path, self.pixels, self.settings, self.photo, quality)

    def sharpened(self) -> Photo:
        """The photo with its new pixels."""
        return replace(self.photo, pixels=self.pixels)


def open_deblurrer(name_or_path: str, device: str = "cpu") -> nn.Module:
    """A trained deblurring network on a device; raises FileError, or InputError for one that renders bokeh and for a
    device that isn't there."""
    network = load_model(Path(name_or_path) if Path(name_or_path).suffix else name_or_path, device)
    if card_of(str(network.name)).task != "deblurring":
        raise InputError(f"expected a network that deblurs, got {network.name}, try {DEFAULT_MODEL}")
    return network


def deblur(
    photo: Photo, options: DeblurOptions | None = None, on_progress: Progress | None = None
) -> DeblurResult:
    """Sharpen a photo. Raises FileError or InputError."""
    options = options or DeblurOptions()
    return deblur_with(open_deblurrer(options.model, options.device), photo, options, on_progress)


def deblur_with(
    network: nn.Module, photo: Photo, options: DeblurOptions, on_progress: Progress | None = None
) -> DeblurResult:
    """Sharpen a photo with an opened network, on the options' device."""
    multiple, margin = card_of(str(network.name)).size_multiple, int(network.margin_px)  # type: ignore[arg-type]
    margin = multiple * math.ceil(margin / multiple)
    side = tile_side(network, margin, multiple, options.max_mem_mb or DEFAULT_MB)
    out = np.empty_like(photo.pixels)
    tiles = list(_tiles(photo.height, photo.width, side))
    looking = SelfEnsemble(network, options.views)
    for done, (rows, columns) in enumerate(tiles):
        outer = _grown(rows, margin, photo.height), _grown(columns, margin, photo.width)
        inner = tuple(
            slice(a.start - b.start, a.stop - b.start) for a, b in zip((rows, columns), outer, strict=True)
        )
        found = _sharpened(looking, replace(photo, pixels=photo.pixels[outer]), options)
        out[rows, columns] = found[inner]
        if on_progress is not None:
            on_progress(done + 1, len(tiles))
    path = None if photo.path is None else str(photo.path)
    size = photo.width, photo.height
    return DeblurResult(out, DeblurRecord(__version__, path, *size, side, margin, options), photo)


def _sharpened(network: SelfEnsemble, part: Photo, options: DeblurOptions) -> Shaped[np.ndarray, "h w 3"]:
    """A part of a photo, whole."""
    if options.strength == 0:
        return part.pixels
    white = diffuse_white(part.icc)
    light = part.linear() / white
    seen, device = linear_to_srgb(light.clamp(0, 1))[None], torch.device(options.device)
    fast: Any = torch.autocast(device.type, torch.bfloat16) if options.bfloat16 else nullcontext()
    with torch.inference_mode(), fast:
        sharp = network(seen.to(device)).cpu()
    finite_output(sharp, str(network.network.name))
    if part.grey:
        sharp = sharp.mean(1, keepdim=True).expand_as(seen)
    made = srgb_to_linear(torch.lerp(seen, sharp, options.strength)[0].clamp(0, 1))
    return part.encode(white * torch.where(light > 1, light, made))


def tile_side(network: nn.Module, margin: int, multiple: int, max_mem_mb: int) -> int:
    """The side of a tile without its margins, px; raises InputError where the memory holds none."""
    whole = math.isqrt(int(max_mem_mb * 1e6 / int(network.bytes_per_pixel)))  # type: ignore[arg-type]
    side = (whole - 2 * margin) // multiple * multiple
    if side < multiple:
        least = math.ceil((2 * margin + multiple) ** 2 * int(network.bytes_per_pixel) / 1e6)  # type: ignore[arg-type]
        raise InputError(
            f"expected at least {least} MB for tiles of {network.name}, got {max_mem_mb} MB, try --max-mem {least}"
        )
    return side


def _tiles(height: int, width: int, side: int) -> Iterator[tuple[slice, slice]]:
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield slice(top, min(top + side, height)), slice(left, min(left + side, width))


def _grown(span: slice, margin: int, length: int) -> slice:
    return slice(max(0, span.start - margin), min(length, span.stop + margin))
