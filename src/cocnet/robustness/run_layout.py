"""Where a run keeps what, and pictures as it keeps them.

Enters: the run's folder, photos' numbers and names. Leaves: paths; pictures [3 h w] of 0..1 as PNG of 8 bit and back.
A batch's .json is written last: where it is, the batch is finished.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.datasets.pairs.view import read_planes
from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path
from cocnet.files.npz_file import read_npy
from cocnet.imaging import write_photo

_LONGEST_NAME, _HASH_DIGITS = 80, 8


@dataclass(frozen=True)
class RunLayout:
    """Paths of a run's files; `folder_of` makes their folders."""

    root: Path

    def photo(self, stem: str) -> Path:
        """Path of the photo as it is attacked."""
        return self.root / "photos" / f"{leaf(stem)}.png"

    def depth(self, stem: str) -> Path:
        """Path of the photo's nearness, float32 [n n]."""
        return self.root / "depth" / f"{leaf(stem)}.npy"

    def natural(self, stem: str) -> Path:
        """Path of the photo's natural bokeh."""
        return self.root / "natural" / f"{leaf(stem)}.png"

    def photos(self, batch: int) -> Path:
        """What all victims see in a batch of photos and their natural bokeh."""
        return self.root / "natural" / f"{batch:04d}.json"

    def attack(self, victim: str, method: str) -> Path:
        """The folder of one victim and method."""
        return self.root / "attacks" / own(victim) / own(method)

    def records(self, victim: str, method: str, batch: int) -> Path:
        """Path of a batch's records."""
        return self.attack(victim, method) / f"{batch:04d}.json"

    def is_attacked(self, batch: int) -> bool:
        """Whether any victim and method has records of a batch."""
        return any(self.root.glob(f"attacks/*/*/{batch:04d}.json"))

    def transformed(self, victim: str, method: str, transform: str, batch: int) -> Path:
        """What is left of a batch after a transform."""
        return self.attack(victim, method) / f"{batch:04d}-{own(transform)}.json"

    def changed(self, victim: str, method: str, batch: int) -> Path:
        """Path of a batch's adversarial depth and cameras."""
        return self.attack(victim, method) / f"{batch:04d}.safetensors"

    def picture(self, victim: str, method: str, stem: str) -> Path:
        """Path of an adversarial picture."""
        return self.attack(victim, method) / f"{leaf(stem)}.png"


def leaf(stem: str) -> str:
    """A photo's name, which may come from a table or a run's file; raises FileError where it leaves its folder."""
    if not stem or stem in (".", "..") or any(mark in stem for mark in "/\\\x00"):
        raise FileError(f"expected a photo's name, got {stem!r}, try one without '/'")
    return stem


def plain(name: str) -> str:
    """A name without what paths can't have; another may become the same."""
    return re.sub(r"[^\w.@+-]+", "_", name).strip(".")[:_LONGEST_NAME] or "_"


def own(name: str) -> str:
    """The same, with a part of its hash where it isn't as it was, so that no other becomes this."""
    short = plain(name)
    return short if short == name else f"{short}-{hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]}"


def folder_of(path: Path) -> Path:
    """The same path, its folder made. Raises FileError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"expected a folder to write to, got '{path.parent}' ({error.strerror}), try another"
        ) from error
    return path


def save_picture(path: Path, picture: Float[Tensor, "3 h w"]) -> None:
    """Write a picture in 8 bit, rounded. Raises FileError."""
    codes = (picture.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
    write_photo(folder_of(path), np.ascontiguousarray(codes.cpu().numpy()))


def load_picture(path: Path) -> Float[Tensor, "3 h w"]:
    """A picture as its file holds it. Raises FileError."""
    return read_planes(path)


def save_plane(path: Path, plane: Float[Tensor, "1 h w"]) -> None:
    """Write a map in float32, as it is. Raises FileError."""
    with atomic_path(folder_of(path)) as temporary:
        np.save(temporary, plane[0].detach().cpu().numpy().astype(np.float32))


def load_plane(path: Path) -> Float[Tensor, "1 h w"]:
    """A map as it was. Raises FileError."""
    try:
        plane = read_npy(path)
        if plane.ndim != 2 or plane.dtype.kind != "f":
            raise ValueError(f"{plane.dtype} of shape {plane.shape}")
        return torch.from_numpy(plane)[None]
    except (OSError, ValueError) as error:
        raise FileError(f"expected a map of numbers, got '{path}' ({error}), try a new folder") from error
