"""What a bokeh network is trained on: scenes made of photos, ray-traced scenes, or pairs that lie in a folder.

Enters: a `BokehRun` and the network's card. Leaves: `TrainingData`, training and held-out items apart.
"""

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cocnet.datasets.pairs.matching import warn_of
from cocnet.datasets.pairs.open_pairs import PairFolder, open_pairs
from cocnet.errors import InputError
from cocnet.imaging.depth.depth_file import sidecars
from cocnet.training.runs.bokeh_settings import BokehRun

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from cocnet.datasets import BokehPairs, LensPair
    from cocnet.datasets.pairs.raytraced import RayTraced
    from cocnet.networks import Card
    from cocnet.training.runs.training_items import Items, Views

DRAWS = 4  # of poor depth, of each ray-traced scene


class TrainingData(NamedTuple):
    """Items to train on, held-out ones, what they are in words, and the files that they come from."""

    items: "Items | Views"
    held_out: "Items"
    about: str
    files: tuple[Path, ...]


def data_of(run: BokehRun, card: "Card", radius_scale_px: float = 1.0, seed: int = 0) -> TrainingData:
    """What a network of that card is trained on. Raises FileError, InputError."""
    if run.poor_depth and (run.data is not None or not card.physical):
        got = card.name if run.data is None else f"--data {run.data}"
        raise InputError(f"expected scenes and cocnet-hybrid for --poor-depth, got {got}, try --poor-depth 0")
    made = _scenes if run.data is None else _pairs
    return made(run, card, radius_scale_px, seed)


def _scenes(run: BokehRun, card: "Card", scale: float, seed: int) -> TrainingData:
    """Scenes of most photos, and held-out scenes of the others."""
    from cocnet.datasets.subject.cutouts import parted, read_set, subject_files
    from cocnet.datasets.synthetic.scenes import SceneSettings
    from cocnet.training.runs.training_items import Items

    settings = SceneSettings(
        run.side_px or 256, run.radius_px, "random" if card.conditioning == "lens" else "fixed"
    )
    canvas = settings.side_px + 2 * math.ceil(settings.radius_px[1])
    side_px = max(320, -(-canvas // 4) * 4)
    photos = read_set(run.images or "", run.masks or "", side_px, skip_problems=run.skip_problems)
    training, others, remark = parted(photos)
    about = f"synthetic scenes of {len(training)} photos, {asdict(settings)}{remark}"
    if card.conditioning == "none" and run.portraits:
        about += f"; {run.portraits:.0%} are photos blurred behind their own subject"
    mixed = _corrected if card.physical else _with_ray_traced
    items, more, files = mixed(run, card, _made(run, card, training, settings, seed), scale, seed)
    kept_back = _made(run, card, others, settings, seed + 1, run.held_out)
    held_out = Items(kept_back, card, scale, None, run.poor_depth, seed + 1)
    pairs = subject_files(run.images or "", run.masks or "")
    return TrainingData(items, held_out, about + more, (*(path for pair in pairs for path in pair), *files))


def _made(run: BokehRun, card: "Card", *of: Any) -> "Dataset[LensPair]":
    """Scenes; where a network sees no depth, some are photos with their own subject in its place."""
    from cocnet.datasets.synthetic.portrait_scenes import PortraitScenes
    from cocnet.datasets.synthetic.scenes import Scenes
    from cocnet.training.runs.training_items import Mixed

    if card.conditioning != "none" or not run.portraits:
        return Scenes(*of)
    return Mixed(Scenes(*of), PortraitScenes(*of), run.portraits)


def _with_ray_traced(
    run: BokehRun, card: "Card", scenes: "Dataset[LensPair]", scale: float, seed: int
) -> "tuple[Items, str, tuple[Path, ...]]":
    """Some crops of ray-traced scenes among others, where there are any; in words, and their files."""
    from cocnet.datasets.pairs.raytraced import Crops, ray_traced
    from cocnet.training.runs.training_items import Items, Mixed

    if run.ray_traced is None:
        return Items(scenes, card, scale), "", ()
    if card.conditioning != "lens":
        raise InputError(
            f"expected a network that sees a lens for ray-traced scenes, got {card.name}, try cocnet-b3-less-lens"
        )
    found = ray_traced(run.ray_traced, run.side_px, run.skip_problems)
    warn_of(found.problems, found.about)
    crops = Crops(found, run.side_px, seed)
    about = f"; {run.ray_traced_part:.0%} are crops of {len(found)} {found.about}"
    return Items(Mixed(scenes, crops, run.ray_traced_part), card, scale), about, found.files


def _corrected(
    run: BokehRun, card: "Card", scenes: "Dataset[LensPair]", scale: float, seed: int
) -> "tuple[Views, str, tuple[Path, ...]]":
    """What a network sees that corrects the physical picture: windows of whole scenes, rendered whole."""
    from cocnet.datasets.pairs.raytraced import ray_traced
    from cocnet.training.runs.training_items import Items, Mixed, Passes, Views

    items: Any = Items(scenes, card, scale, None, run.poor_depth, seed)
    window = run.window_px or run.side_px
    about, files = f"; windows of {window}² px", tuple[Path, ...]()
    if run.poor_depth:
        about += f", {run.poor_depth:.0%} with depth as an estimator gives it"
    if run.ray_traced is not None:
        found = ray_traced(run.ray_traced, window, run.skip_problems)
        warn_of(found.problems, found.about)
        files = found.files
        among = list(range(len(found))) * (DRAWS if run.poor_depth else 1)
        traced = Items(found, card, scale, among, run.poor_depth, seed)
        items = Mixed(items, Passes(traced, seed), run.ray_traced_part)
        about += f", {run.ray_traced_part:.0%} of them in {len(found)} {found.about}"
    return Views(items, window, scale, seed), about, files


def _pairs(run: BokehRun, card: "Card", scale: float, seed: int) -> TrainingData:
    """All pairs but a few, evenly spaced, that are held out; all headers are read first."""
    from cocnet.datasets import BokehPairs, View
    from cocnet.training.runs.training_items import Items

    where = PairFolder(
        run.data or Path(),
        run.bokeh,
        split="train",
        depths=run.depths,
        depth_kind=run.depth_kind,
        resize=run.resize,
        skip_problems=run.skip_problems,
    )
    crop = (run.side_px, run.side_px) if run.side_px else None
    source: Any = open_pairs(where, View(run.resize, crop, mirror=True), seed)
    files = source.files
    warn_of(source.problems, source.about)
    if not run.side_px and run.resize is None:
        _check_sizes(source)
    if isinstance(source, BokehPairs):
        files = tuple(
            path
            for pair in source.files
            for path in (pair.image, pair.bokeh, pair.depth, *sidecars(pair.depth))
            if path
        )
    count = len(source)
    if run.held_out >= count:
        raise InputError(f"expected fewer held-out pairs than {count}, got {run.held_out}, try {count // 10}")
    held = [i * count // run.held_out for i in range(run.held_out)]
    rest = sorted(set(range(count)) - set(held))
    items, held_out = Items(source, card, scale, rest), Items(source, card, scale, held)
    return TrainingData(items, held_out, source.about, files)


def _check_sizes(source: "BokehPairs | RayTraced") -> None:
    """Raise InputError for whole pictures of several sizes, which make no batch."""
    sizes = len(set(source.sizes))
    if sizes > 1:
        raise InputError(
            f"expected pictures of one size to train on whole ones, got {sizes} sizes, try --resize or --side-px"
        )
