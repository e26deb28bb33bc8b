"""Pairs of a photo and its bokeh, read one at a time from files, with depth where there is some.

Enters: files by name and a `View`. Leaves: `BokehPair`s: sRGB [3 h w] in 0..1 as the files have it (a colour profile
is not applied), nearness [1 h w] in 0..1 (1 = nearest). A view left to chance depends on (seed, epoch, index) alone:
no worker repeats another, and a training that was interrupted goes on with what would have come.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.utils.data import Dataset

from cocnet.datasets.pairs.matching import PairFiles, Problem, checked_size, one_each, stop_at
from cocnet.datasets.pairs.view import View, floats
from cocnet.errors import CocnetWarning, DepthError, FileError
from cocnet.imaging import nearness, read_depth, read_photo

Key = int | tuple[int, int]


class BokehPair(NamedTuple):
    """One pair; depth is nearness, None where none came along."""

    image: Float[Tensor, "3 h w"]
    bokeh: Float[Tensor, "3 h w"]
    depth: Float[Tensor, "1 h w"] | None
    name: str


class BokehPairs(Dataset[BokehPair]):
    """Pairs by index, or by (epoch, index) for another view each epoch.

    Missing halves, unequal sizes, pictures smaller than the view's crop and files that don't open are found at the
    start, by all headers: one FileError that names the first and counts all, or with `skip_problems` they are left
    out and listed in `problems`. A file whose header is right and whose body isn't raises FileError when it is read.
    """

    def __init__(
        self,
        files: Sequence[PairFiles],
        problems: Sequence[Problem] = (),
        *,
        view: View | None = None,
        seed: int = 0,
        skip_problems: bool = False,
        about: str = "these files",
    ) -> None:
        self.view, self.seed, self.about = view or View(), seed, about
        least = self.view.crop if self.view.resize is None else None
        found = {pair.name: checked_size(pair.name, pair.parts, least) for pair in files}
        wrong = {name: size for name, size in found.items() if isinstance(size, Problem)}
        self.problems = one_each([*problems, *wrong.values()])
        if not skip_problems:
            stop_at(self.problems, about)
        self.files = tuple(pair for pair in files if pair.name not in wrong)
        self.sizes = tuple(size for size in found.values() if not isinstance(size, Problem))
        if not self.files:
            raise FileError(f"expected at least one pair in {about}, got none, try another folder")

    def __len__(self) -> int:
        return len(self.files)

    @property
    def names(self) -> tuple[str, ...]:
        """What the pairs are called, in order."""
        return tuple(pair.name for pair in self.files)

    def __getitem__(self, key: Key) -> BokehPair:
        """One pair. Raises IndexError, FileError, DepthError or InputError, naming the file."""
        epoch, index = key if isinstance(key, tuple) else (0, key)
        pair = self.files[index]
        image, bokeh = _planes(pair.image), _planes(pair.bokeh)
        height, width = image.shape[-2:]
        if bokeh.shape != image.shape:
            got = f"'{pair.image}' of {width} × {height} and a bokeh of {bokeh.shape[2]} × {bokeh.shape[1]}"
            raise FileError(f"expected a photo and a bokeh of one size, got {got}, try the pair's own")
        planes = [image, bokeh] if pair.depth is None else [image, bokeh, _nearness(pair, height, width)]
        planes = [self.view.resized(x) for x in planes]
        draw = np.random.default_rng([self.seed, epoch, index % len(self.files)])
        cut = self.view.drawn(planes[0].shape[1], planes[0].shape[2], draw)
        image, bokeh, *depth = (floats(cut.of(x)) for x in planes)
        return BokehPair(image, bokeh, depth[0] if depth else None, pair.name)


def _planes(path: Path) -> Shaped[Tensor, "3 h w"]:
    """The pixels of a photo: bytes, or floats where it has 16 bit."""
    pixels = np.array(read_photo(path).pixels)
    if pixels.dtype == np.uint16:
        pixels = pixels.astype(np.float32) / np.float32(65535)
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _nearness(pair: PairFiles, height: int, width: int) -> Float[Tensor, "1 h w"]:
    """The nearness of a pair's depth file at the photo's size; the stair steps of 8 bit are no news here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CocnetWarning)
            depth = read_depth(str(pair.depth), pair.depth_kind)
        inverse = depth.resized(height, width).inverse_depth()
    except DepthError as error:
        raise DepthError(f"'{pair.depth}': {error}") from error
    return nearness(torch.from_numpy(inverse))[None]
