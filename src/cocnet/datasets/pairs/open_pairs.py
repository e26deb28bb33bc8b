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
    """Folder of pairs: EBB!'s train folder (original/N.jpg, bokeh/N.jpg), photos (with --bokeh or --image-ending), or
    ray-traced scenes (.npz)."""
    bokeh: Path | None = None
    """Folder of the true bokeh, matched to the photos by name."""
    image_ending: str = ""
    """Where photos and bokeh lie in one folder: what photos' names end with before .jpg or .png, e.g. _input."""
    bokeh_ending: str = ""
    """The same for the bokeh's names, e.g. _bokeh."""
    split: Literal["test", "train", "all"] = "test"
    """Which split of EBB!; test = Val294, numbers 4400 to 4693. Folders without these numbers are used whole."""
    depths: Path | None = None
    """Folder of depth files, matched to the photos by name."""
    depth_kind: str | None = None
    """What the depth files hold: metric (metres), disparity (1/metres), relative_depth (bigger is farther) or
    relative_disparity (bigger is nearer) (default: as the JSON file beside each says)."""
    resize: tuple[int, int] | None = None
    """Height and width in px that pairs are resized to; the paper's are 1024 1024 (default: native size)."""
    skip_problems: bool = False
    """Leave out pairs that can't be used, and report them, instead of stopping."""


def open_pairs(where: PairFolder, view: "View | None" = None, seed: int = 0) -> "Pairs":
    """The dataset that lies in a folder; view: what is seen of photos [`resize` of them]. Raises FileError,
    InputError."""
    from cocnet.datasets import EBB, ImageBokehFolder, View, ray_traced
    from cocnet.datasets.pairs.ebb import has_val294, is_ebb
    from cocnet.datasets.pairs.raytraced import CroppedScenes

    options: dict[str, Any] = {"depths": where.depths, "depth_kind": where.depth_kind}
    options |= {"view": view or View(resize=where.resize), "skip_problems": where.skip_problems, "seed": seed}
    endings = where.image_ending, where.bokeh_ending
    if where.bokeh is not None or endings != ("", ""):
        return ImageBokehFolder(where.data, where.bokeh, endings, **options)
    if is_ebb(where.data):
        if has_val294(where.data):
            return EBB(where.data, where.split, **options)
        return ImageBokehFolder(where.data / "original", where.data / "bokeh", **options)
    if listed(where.data, "*.npz"):
        if where.resize or where.depths:
            raise InputError("expected ray-traced scenes as they are, got resize or depths, try without")
        side_px = view.crop[0] if view and view.crop else 0
        scenes = ray_traced(where.data, side_px, where.skip_problems)
        return CroppedScenes(scenes, side_px, seed) if side_px else scenes
    raise InputError(
        f"expected original/ and bokeh/ or .npz scenes in '{where.data}', got neither, try --bokeh FOLDER"
    )
