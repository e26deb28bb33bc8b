"""EBB!, "Everything is Better with Bokeh!" (Ignatov et al. 2020): 4,694 pairs at f/16 and f/1.8.

Enters: its training folder as published, original/N.jpg with bokeh/N.jpg, N = 0..4693. Leaves: a dataset of
`BokehPair`s. Val294, on which all published figures are measured, is N = 4400..4693.
"""

from pathlib import Path
from typing import Literal, get_args

from cocnet.datasets.pairs.bokeh_pairs import BokehPairs
from cocnet.datasets.pairs.matching import DEPTHS, files_by_stem, match
from cocnet.datasets.pairs.view import View
from cocnet.errors import FileError, InputError
from cocnet.files.listing import listed

Split = Literal["train", "test", "all"]
NUMBERS = {"train": range(4400), "test": range(4400, 4694), "all": range(4694)}
PAPER_SIZE_PX = (1024, 1024)


class EBB(BokehPairs):
    """The 4,400 pairs to train on, the 294 to measure on ("test", Val294), or all.

    A number without its files is a problem like any other, so that no figure comes from a part of the set by mistake.
    depths: folder of depth files N.*, of `depth_kind` [what their sidecars say]. view: `View(resize=PAPER_SIZE_PX)`
    is what CoCNet's paper does [native size, as its peers measure]. Raises FileError, InputError.
    """

    def __init__(
        self,
        root: str | Path,
        split: Split = "train",
        *,
        depths: str | Path | None = None,
        depth_kind: str | None = None,
        view: View | None = None,
        seed: int = 0,
        skip_problems: bool = False,
    ) -> None:
        if split not in get_args(Split):
            raise InputError(f"expected a split of {', '.join(get_args(Split))}, got {split!r}, try test")
        if not is_ebb(root):
            raise FileError(
                f"expected EBB!'s original/ and bokeh/ in '{root}', got none, try its train folder"
            )
        photos, twice = files_by_stem(Path(root) / "original")
        blurred, too = files_by_stem(Path(root) / "bokeh")
        depth, also = (None, []) if depths is None else files_by_stem(depths, DEPTHS)
        names = [str(number) for number in NUMBERS[split]]
        pairs, halves = match(photos, blurred, depth, depth_kind, names)
        problems = tuple(problem for problem in (*twice, *too, *also, *halves) if problem.name in set(names))
        about = f"EBB! {'Val294' if split == 'test' else split} in '{root}'"
        super().__init__(pairs, problems, view=view, seed=seed, skip_problems=skip_problems, about=about)


def has_val294(root: str | Path) -> bool:
    """Whether a folder that looks like EBB!'s has photos of Val294, so that its splits can be told."""
    return any(
        path.stem.isdecimal() and int(path.stem) in NUMBERS["test"]
        for path in listed(Path(root) / "original")
    )


def is_ebb(root: str | Path) -> bool:
    """Whether a folder looks like EBB!'s, by its two folders."""
    return (Path(root) / "original").is_dir() and (Path(root) / "bokeh").is_dir()
