"""Pairs as they lie in a folder: EBB!, two folders, one folder with endings, ray-traced scenes.

Enters: a `PairFolder`. Leaves: a dataset of pairs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from cocnet.errors import InputError
from cocnet.files.listing import listed

if TYPE_CHECKING:
    from cocnet.datasets import BokehPair, LensPair, View


class Pairs(Protocol):
    """What a dataset of pairs must offer: a length and pairs by number."""

    about: str

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> "BokehPair | LensPair": ...


@dataclass(frozen=True)
class PairFolder:
    """Where pairs lie, and how they are seen."""

    data: Path
    """EBB!'s train folder (original/N.jpg, bokeh/N.jpg), or photos, or ray-traced scenes (.npz)."""
    bokeh: Path | None = None
    """Folder of the true bokeh, files of the same stems as in --data."""
    image_ending: str = ""
    """Or both in --data, told apart by what a photo's stem ends with, as _input"""
    bokeh_ending: str = ""
    """and what a bokeh's ends with, as _bokeh."""
    split: Literal["test", "train", "all"] = "test"
    """Of EBB!: test is Val294, 4400..4693."""
    depths: Path | None = None
    """Folder of depth files of the same stems."""
    depth_kind: str | None = None
    """Of these: metric, disparity, relative_depth or relative_disparity [what their sidecars say]."""
    resize: tuple[int, int] | None = None
    """Height and width, px, that pairs are resized to; the paper's is 1024 1024 [native]."""
    skip_problems: bool = False
    """Leave out pairs that can't be used, and report them, instead of stopping."""


def open_pairs(where: PairFolder, view: "View | None" = None, seed: int = 0) -> "Pairs":
    """The dataset that lies in a folder; view: what is seen of photos [`resize` of them]. Raises FileError,
    InputError."""
    from cocnet.datasets import EBB, ImageBokehFolder, View, ray_traced
    from cocnet.datasets.pairs.ebb import is_ebb

    options: dict[str, Any] = {"depths": where.depths, "depth_kind": where.depth_kind}
    options |= {"view": view or View(resize=where.resize), "skip_problems": where.skip_problems, "seed": seed}
    endings = where.image_ending, where.bokeh_ending
    if where.bokeh is not None or endings != ("", ""):
        return ImageBokehFolder(where.data, where.bokeh, endings, **options)
    if is_ebb(where.data):
        whole = any((where.data / "original").glob("4693.*"))
        folders = where.data / "original", where.data / "bokeh"
        return EBB(where.data, where.split, **options) if whole else ImageBokehFolder(*folders, **options)
    if listed(where.data, "*.npz"):
        if where.resize or where.depths:
            raise InputError("expected ray-traced scenes as they are, got resize or depths, try without")
        return ray_traced(where.data, skip_problems=where.skip_problems)
    raise InputError(
        f"expected original/ and bokeh/ or .npz scenes in '{where.data}', got neither, try --bokeh FOLDER or "
        "--image-ending and --bokeh-ending"
    )
