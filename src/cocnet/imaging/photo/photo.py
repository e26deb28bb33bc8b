"""A photo as an array with everything that must survive: colour profile, EXIF, alpha, embedded depth.

Enters: a picture file. Leaves: display-referred pixels, upright, and on request scene-linear light
(float32, 1.0 = white, the file's own primaries); and back to a file.
"""

import os
import sys
import tempfile
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from cocnet.containers.iptc import kept_iptc
from cocnet.containers.kept_xmp import kept_xmp
from cocnet.errors import CocnetWarning, InputError
from cocnet.files.atomic import atomic_path, write_json
from cocnet.imaging.color.icc import transfer
from cocnet.imaging.color.profile import adobe_rgb
from cocnet.imaging.depth.depth_map import DepthMap
from cocnet.imaging.embedded.extract import Beside, look_beside
from cocnet.imaging.embedded.gain_map import GainMap
from cocnet.imaging.embedded.original import with_original
from cocnet.imaging.photo.decode import decode
from cocnet.imaging.photo.encode import write_pixels
from cocnet.imaging.photo.exif import CameraInfo, read_exif
from cocnet.imaging.photo.limits import MAX_BYTES
from cocnet.imaging.photo.orientation import upright
from cocnet.imaging.photo.raster import Raster
from cocnet.imaging.photo.source import Given, opened, path_of

__all__ = ["CameraInfo", "Photo", "atomic_path", "read_photo", "write_json", "write_photo"]


_STRIP_ROWS = 64


@dataclass(frozen=True, eq=False)
class Photo:
    """Upright pixels (uint8 or uint16, display-referred) with profile, EXIF, alpha, depth, camera, gain map."""

    pixels: Shaped[np.ndarray, "h w 3"]
    alpha: Shaped[np.ndarray, "h w"] | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    path: Path | None = None
    grey: bool = False
    embedded_depth: DepthMap | None = None
    depth_note: str | None = None
    camera: CameraInfo | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    gain_map: GainMap | None = None
    iptc: bytes | None = None

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype not in (np.uint8, np.uint16):
            got = f"{pixels.dtype} of shape {tuple(pixels.shape)}"
            raise InputError(f"expected pixels [h w 3] of uint8 or uint16, got {got}, try as_photo")

    @property
    def width(self) -> int:
        """Width of the photo in px: its number of columns."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height of the photo in px: its number of rows."""
        return int(self.pixels.shape[0])

    @cached_property
    def colourless(self) -> bool:
        """Whether all pixels are grey, in a file of one channel or of three."""
        strips = (self.pixels[top : top + _STRIP_ROWS] for top in range(0, self.height, _STRIP_ROWS))
        return self.grey or all(bool((strip == strip[..., :1]).all()) for strip in strips)

    def linear(self, rows: slice = slice(None)) -> Float[Tensor, "3 h w"]:
        """Scene-linear light of some rows, float32 in 0..1, by the profile's own curve (else sRGB's).

        Primaries are left alone: they come back with the profile on saving.
        """
        tables = transfer(self.icc, 8 * self.pixels.itemsize).decode
        return torch.from_numpy(np.stack([np.take(tables[c], self.pixels[rows, :, c]) for c in range(3)]))

    def encode(self, linear: Float[Tensor, "3 h w"]) -> Shaped[np.ndarray, "h w 3"]:
        """Linear light to pixels of the photo's own type, rounded and clipped; NaN becomes 0.

        Exact inverse of `linear` for unchanged light, at 8 and at 16 bit.
        """
        if linear.ndim != 3 or linear.shape[0] != 3:
            raise InputError(
                f"expected linear light of shape (3, h, w), got {tuple(linear.shape)}, try one photo"
            )
        light = torch.nan_to_num(linear.detach().to("cpu", torch.float32), nan=0.0)
        tables = transfer(self.icc, 8 * self.pixels.itemsize)
        out = np.empty((*linear.shape[1:], 3), self.pixels.dtype)
        for c in range(3):
            out[..., c] = tables.encode(light[c], c).numpy()
        return out


def read_photo(given: Given, max_bytes: int = MAX_BYTES) -> Photo:
    """Read a photo with the depth it carries, both turned upright: a path, its bytes, a file object, "-" for stdin.

    max_bytes: of memory that reading may need. Raises FileError (missing, another format, too large, damaged) or
    MissingExtraError. Whatever is wrong with EXIF or embedded depth never stops a photo: a CocnetWarning or
    `depth_note` says it.
    """
    file: Path | bytes
    if (path := path_of(given)) is not None:
        file = path
    else:
        with opened(given) as source:
            file = source.read()
    return photo_of(decode(file, max_bytes), file, max_bytes)


def photo_of(raster: Raster, file: Path | bytes | None = None, max_bytes: int = MAX_BYTES) -> Photo:
    """A decoded picture with what its file (None: there is none) holds beside it, turned upright."""
    path = file if isinstance(file, Path) else None
    height, width = raster.pixels.shape[:2]
    facts = read_exif(raster.exif, (width, height), raster.turned, raster.is_srgb)
    turn = 1 if raster.turned else facts.orientation
    beside = Beside()
    if file is not None and raster.format in ("JPEG", "HEIC", "AVIF", "JXL"):
        size = (height, width) if turn >= 5 else (width, height)
        beside = look_beside(file, *size, turn, raster.heif, raster.exif)
    lines = (*raster.losses, *beside.losses)
    if beside.original is not None:
        raster, said = with_original(raster, beside.original, max_bytes)
        lines = (*lines, said)
    for loss in lines:
        warnings.warn(f"'{path or 'the photo'}': {loss}", CocnetWarning, stacklevel=2)
    return Photo(
        pixels=upright(raster.pixels, turn),
        alpha=None if raster.alpha is None else upright(raster.alpha, turn),
        icc=raster.icc or (adobe_rgb() if facts.adobe_rgb else None),
        exif=facts.block,
        path=path,
        grey=raster.grey,
        embedded_depth=beside.depth,
        depth_note=beside.note,
        camera=facts.camera,
        xmp=kept_xmp(raster.xmp),
        dpi=raster.dpi if raster.dpi is None or turn < 5 else raster.dpi[::-1],
        gain_map=beside.gain_map,
        iptc=kept_iptc(raster.iptc),
    )


def write_photo(
    path: str | Path | BinaryIO,
    pixels: Shaped[np.ndarray, "h w 3"],
    like: Photo | None = None,
    quality: int = 95,
    form: str = ".png",
) -> None:
    """Write pixels (uint8, uint16) in the format of the suffix, with `like`'s profile, EXIF, XMP, resolution, alpha.

    path: "-" is standard output; that and a file object get the format of the suffix `form`. 16 bit is kept by PNG
    and TIFF, alpha by all but JPEG, IPTC by JPEG and TIFF (else a CocnetWarning). The file appears whole or not at
    all. Raises FileError (unknown suffix, output = input, link, full disk) or InputError.
    """
    if not isinstance(path, str | os.PathLike) or path == "-":
        stream = sys.stdout.buffer if isinstance(path, str) else path
        if not hasattr(stream, "write"):
            got = type(stream).__name__
            raise InputError(f"expected a path or a file object, got {got}, try the name of a file")
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / f"picture{form}"
            write_photo(whole, pixels, like, quality)
            stream.write(whole.read_bytes())
            stream.flush()
        return
    write_pixels(
        Path(path),
        pixels,
        alpha=None if like is None else like.alpha,
        icc=None if like is None else like.icc,
        exif=None if like is None else like.exif,
        grey=like is not None and like.grey,
        source=None if like is None else like.path,
        quality=quality,
        xmp=None if like is None else like.xmp,
        dpi=None if like is None else like.dpi,
        iptc=None if like is None else like.iptc,
    )
