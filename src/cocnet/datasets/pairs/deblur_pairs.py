"""Pairs of a photo out of focus and the sharp one, read one at a time from files.

Enters: DPDD as published, or a folder with endings. Leaves: `DeblurPair`s: sRGB [3 h w] in 0..1 as the files have it,
the two views of the dual-pixel sensor where they are wanted. DPDD (Abuolaim and Brown, ECCV 2020): 350 train, 74 val,
76 test pairs of 1680 × 1120 px. It comes in 8 and in 16 bit, which differ by 0.1 to 0.6 dB: `about` says which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from cocnet.datasets.pairs.matching import (
    Problem,
    checked_size,
    files_by_stem,
    natural,
    one_each,
    stop_at,
)
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
    def parts(self) -> dict[str, Path]:
        """Each file, by what it is."""
        views = {} if self.views is None else dict(zip(("left", "right"), self.views, strict=True))
        return {"blurred": self.blurred, "sharp": self.sharp, **views}


class DeblurPairs(Dataset[DeblurPair]):
    """Pairs by index, or by (pass, index) for another crop each pass.

    bits: 8 rounds 16-bit files to 8 bit, as published scores are measured [as the files are]. Missing halves, unequal
    sizes, pictures smaller than the view's crop and files that don't open are found at the start, by all headers: one
    FileError that names the first and counts all, or with `skip_problems` they are left out and listed in `problems`.
    """

    def __init__(
        self,
        files: Sequence[DeblurFiles],
        about: str,
        view: View | None = None,
        seed: int = 0,
        bits: Literal[8] | None = None,
        *,
        problems: Sequence[Problem] = (),
        skip_problems: bool = False,
    ) -> None:
        self.view, self.seed, self.bits = view or View(), seed, bits
        least = self.view.crop if self.view.resize is None else None
        found = [(pair, checked_size(pair.name, pair.parts, least)) for pair in files]
        self.problems = one_each([*problems, *(size for _, size in found if isinstance(size, Problem))])
        if not skip_problems:
            stop_at(self.problems, about)
        self.files = tuple(pair for pair, size in found if not isinstance(size, Problem))
        if not self.files:
            raise FileError(f"expected at least one pair in {about}, got none, try another folder")
        depth = 8 * read_photo(self.files[0].blurred).pixels.itemsize
        rounded = ", rounded to 8" if bits and depth > bits else ""
        left_out = f", {len(self.problems)} left out" if self.problems else ""
        self.about = f"{about} ({depth} bit{rounded}{left_out})"

    def __len__(self) -> int:
        return len(self.files)

    @property
    def names(self) -> tuple[str, ...]:
        """What the pairs are called, in order."""
        return tuple(pair.name for pair in self.files)

    def __getitem__(self, key: int | tuple[int, int]) -> DeblurPair:
        turn, index = key if isinstance(key, tuple) else (0, key)
        pair = self.files[index]
        draw = np.random.default_rng([self.seed, turn, index])
        planes = [self.view.resized(self._read(path)) for path in pair.parts.values()]
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
    skip_problems: bool = False,
) -> DeblurPairs:
    """DPDD as published: SPLIT/inputC and target, with `views` inputL and inputR. Raises FileError, InputError.

    Its blurred and sharp photos have different names: they pair in the order of their names, where none is the same.
    """
    if split not in get_args(DPDDSplit):
        raise InputError(f"expected a split of {', '.join(get_args(DPDDSplit))}, got {split!r}, try test")
    folder = Path(root) / split
    if not is_dpdd(root):
        raise FileError(
            f"expected DPDD's {split}/inputC and {split}/target in '{root}', got none, try its root"
        )
    wanted = ("inputC", "target", *(VIEWS if views else ()))
    found = {name: files_by_stem(folder / name) for name in wanted}
    columns = {name: by_stem for name, (by_stem, _) in found.items()}
    problems = [problem for _, twice in found.values() for problem in twice]
    about = f"DPDD {split} in '{root}'"
    if columns["inputC"].keys() & columns["target"].keys():
        files, halves = _same_names(columns)
        problems += halves
    else:
        stop_at(problems, about, remedy="a whole copy")
        files = _in_order(columns, folder)
    return DeblurPairs(files, about, view, seed, bits, problems=problems, skip_problems=skip_problems)


def _in_order(columns: Mapping[str, Mapping[str, Path]], folder: Path) -> list[DeblurFiles]:
    """Pairs in the order of their names. Raises FileError for columns of unlike lengths."""
    least = len(columns["inputC"])
    for name, column in columns.items():
        if len(column) != least:
            got = f"{len(column)} in '{folder / name}'"
            raise FileError(f"expected {least} pictures as in inputC, got {got}, try a whole copy")
    rows = ([column[stem] for stem in sorted(column, key=natural)] for column in columns.values())
    return [_of_row(row) for row in zip(*rows, strict=True)]


def _same_names(columns: Mapping[str, Mapping[str, Path]]) -> tuple[list[DeblurFiles], list[Problem]]:
    """Pairs of the names that every column has, and a problem for each that one lacks."""
    files, problems = [], []
    for stem in sorted(set().union(*columns.values()), key=natural):
        missing = [name for name, found in columns.items() if stem not in found]
        if missing:
            problems.append(Problem(stem, f"no {' and no '.join(missing)}"))
        else:
            files.append(_of_row([found[stem] for found in columns.values()]))
    return files, problems


def _of_row(row: Sequence[Path]) -> DeblurFiles:
    """Blurred, sharp, and the views where they are there."""
    return DeblurFiles(row[0].stem, row[0], row[1], (row[2], row[3]) if len(row) > 2 else None)


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
    skip_problems: bool = False,
) -> DeblurPairs:
    """NAME_input.* beside NAME_sharp.*. Raises FileError."""
    blurred, twice = files_by_stem(folder, ending=endings[0])
    sharp, too = files_by_stem(folder, ending=endings[1])
    alone = sorted(blurred.keys() ^ sharp.keys(), key=natural)
    halves = [Problem(name, f"no {'sharp' if name in blurred else 'blurred'} photo") for name in alone]
    names = sorted(blurred.keys() & sharp.keys(), key=natural)
    files = [DeblurFiles(name, blurred[name], sharp[name]) for name in names]
    problems = (*twice, *too, *halves)
    return DeblurPairs(files, f"'{folder}'", view, seed, problems=problems, skip_problems=skip_problems)


def open_deblur_pairs(
    folder: str | Path,
    split: DPDDSplit = "test",
    bits: Literal[8] | None = None,
    skip_problems: bool = False,
) -> DeblurPairs:
    """DPDD where a folder looks like it, else pairs with the endings _input and _sharp. Raises FileError."""
    if is_dpdd(folder):
        return dpdd(folder, split, bits=bits, skip_problems=skip_problems)
    return deblur_folder(folder, skip_problems=skip_problems)
