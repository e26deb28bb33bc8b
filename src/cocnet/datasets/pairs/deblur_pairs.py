"""Pairs of a photo out of focus and the sharp one, read one at a time from files.

Enters: DPDD as published, or a folder with endings. Leaves: `DeblurPair`s: sRGB [3 h w] in 0..1 as the files have it,
the two views of the dual-pixel sensor where they are wanted. DPDD (Abuolaim and Brown, ECCV 2020): 350 train, 74 val,
76 test pairs of 1680 × 1120 px. It comes in 8 and in 16 bit, which differ by 0.1 to 0.6 dB: `about` says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from cocnet.datasets.pairs.matching import PICTURES, files_by_stem, natural
from cocnet.datasets.pairs.view import View
from cocnet.errors import FileError, InputError
from cocnet.imaging import read_photo

DPDDSplit = Literal["train", "val", "test"]
VIEWS = ("inputL", "inputR")
BYTE, WORD = 255, 65535


class DeblurPair(NamedTuple):
    """One pair; `views` are left and right, None where there are none."""

    blurred: Float[Tensor, "3 h w"]
    sharp: Float[Tensor, "3 h w"]
    views: Float[Tensor, "2 3 h w"] | None
    name: str


@dataclass(frozen=True)
class DeblurFiles:
    """The files of one pair."""

    name: str
    blurred: Path
    sharp: Path
    views: tuple[Path, Path] | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Blurred, sharp, and the views where there are any."""
        return self.blurred, self.sharp, *(self.views or ())


class DeblurPairs(Dataset[DeblurPair]):
    """Pairs by index, or by (pass, index) for another crop each pass.

    bits: 8 rounds 16-bit files to 8 bit, as published scores are measured [as the files are]. Raises FileError where
    there are none, and for a file that can't be read or is of another size when it is asked for.
    """

    def __init__(
        self,
        files: Sequence[DeblurFiles],
        about: str,
        view: View | None = None,
        seed: int = 0,
        bits: Literal[8] | None = None,
    ) -> None:
        if not files:
            raise FileError(f"expected at least one pair in {about}, got none, try another folder")
        self.files, self.view, self.seed, self.bits = tuple(files), view or View(), seed, bits
        found = 8 * read_photo(self.files[0].blurred).pixels.itemsize
        rounded = ", rounded to 8" if bits and found > bits else ""
        self.about = f"{about} ({found} bit{rounded})"

    def __len__(self) -> int:
        return len(self.files)

    @property
    def names(self) -> tuple[str, ...]:
        """What the pairs are called, in order."""
        return tuple(pair.name for pair in self.files)

    def __getitem__(self, key: int | tuple[int, int]) -> DeblurPair:
        turn, index = key if isinstance(key, tuple) else (0, key)
        pair = self.files[index]
        planes = [self._read(path) for path in pair.paths]
        for path, plane in zip(pair.paths, planes, strict=True):
            if plane.shape != planes[0].shape:
                got = f"'{path}' of {plane.shape[2]} × {plane.shape[1]}"
                raise FileError(
                    f"expected pictures of one size for '{pair.name}', got {got}, try the pair's own"
                )
        draw = np.random.default_rng([self.seed, turn, index])
        planes = [self.view.resized(plane) for plane in planes]
        cut = self.view.drawn(planes[0].shape[1], planes[0].shape[2], draw)
        blurred, sharp, *views = (cut.of(plane).contiguous() for plane in planes)
        return DeblurPair(blurred, sharp, torch.stack(views) if views else None, pair.name)

    def _read(self, path: Path) -> Float[Tensor, "3 h w"]:
        pixels = read_photo(path).pixels
        values = pixels.astype(np.float32) / (WORD if pixels.dtype == np.uint16 else BYTE)
        if self.bits and pixels.dtype == np.uint16:
            values = np.rint(values * BYTE) / BYTE
        return torch.from_numpy(values).permute(2, 0, 1)


def dpdd(
    root: str | Path,
    split: DPDDSplit = "test",
    *,
    views: bool = False,
    view: View | None = None,
    seed: int = 0,
    bits: Literal[8] | None = None,
) -> DeblurPairs:
    """DPDD as published: SPLIT/inputC and target, with `views` inputL and inputR. Raises FileError, InputError.

    Its blurred and sharp photos have different names; where that is so, they pair in the order of their names.
    """
    if split not in get_args(DPDDSplit):
        raise InputError(f"expected a split of {', '.join(get_args(DPDDSplit))}, got {split!r}, try test")
    folder = Path(root) / split
    if not is_dpdd(root):
        raise FileError(
            f"expected DPDD's {split}/inputC and {split}/target in '{root}', got none, try its root"
        )
    wanted = ("inputC", "target", *(VIEWS if views else ()))
    columns = [_pictures(folder / name) for name in wanted]
    for name, column in zip(wanted, columns, strict=True):
        if len(column) != len(columns[0]):
            got = f"{len(column)} in '{folder / name}'"
            raise FileError(f"expected {len(columns[0])} pictures as in inputC, got {got}, try a whole copy")
    files = [
        DeblurFiles(row[0].stem, row[0], row[1], (row[2], row[3]) if views else None)
        for row in zip(*columns, strict=True)
    ]
    return DeblurPairs(files, f"DPDD {split} in '{root}'", view, seed, bits)


def is_dpdd(root: str | Path) -> bool:
    """Whether a folder looks like DPDD's, by one of its splits."""
    return any(
        (Path(root) / s / "inputC").is_dir() and (Path(root) / s / "target").is_dir()
        for s in get_args(DPDDSplit)
    )


def deblur_folder(
    folder: str | Path,
    endings: tuple[str, str] = ("_input", "_sharp"),
    view: View | None = None,
    seed: int = 0,
) -> DeblurPairs:
    """NAME_input.* beside NAME_sharp.*. Raises FileError for a half without the other."""
    blurred, twice = files_by_stem(folder, ending=endings[0])
    sharp, too = files_by_stem(folder, ending=endings[1])
    alone = sorted(blurred.keys() ^ sharp.keys())
    if alone or twice or too:
        name = alone[0] if alone else [*twice, *too][0].name
        raise FileError(
            f"expected both of each pair in '{folder}', got one of '{name}', try the other endings"
        )
    names = sorted(blurred, key=natural)
    files = [DeblurFiles(name, blurred[name], sharp[name]) for name in names]
    return DeblurPairs(files, f"'{folder}'", view, seed)


def open_deblur_pairs(
    folder: str | Path, split: DPDDSplit = "test", bits: Literal[8] | None = None
) -> DeblurPairs:
    """DPDD where a folder looks like it, else pairs with the endings _input and _sharp. Raises FileError."""
    return dpdd(folder, split, bits=bits) if is_dpdd(folder) else deblur_folder(folder)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileError(f"expected a folder, got '{folder}', try DPDD's root")
    found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES]
    return sorted(found, key=lambda path: natural(path.stem))
