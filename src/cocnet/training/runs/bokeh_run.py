"""Training a network that renders bokeh: what `cocnet train RECIPE` does.

Enters: a `BokehRun`. Leaves in its folder what `training.loop` says, weights.safetensors among it.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from tyro.conf import arg

from cocnet.datasets.pairs.open_pairs import PairFolder, open_pairs
from cocnet.errors import CocnetWarning, InputError
from cocnet.files.run_folder import fingerprint
from cocnet.training.recipes.bokeh_recipes import BokehRecipe
from cocnet.training.recipes.recipe import shortened

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.data import Dataset

    from cocnet.datasets import BokehPairs, LensPair
    from cocnet.networks import Card
    from cocnet.training.engine.pair_scores import PairScore
    from cocnet.training.runs.training_items import Items, Views

HELD_OUT_PART = 10  # of photos: one in so many is kept for held-out scenes


@dataclass(frozen=True)
class BokehRun:
    """What to train, on what. Data are scenes, made of --images and --masks, or pairs that lie in --data."""

    out: Annotated[Path, arg(aliases=["-o"])]
    """Folder of the run. Run the same command again to continue after an interruption."""
    model: str = "cocnet-b3"
    """Network to train: a name of `cocnet models`, or a weight file to continue from (with --recipe.start own)."""
    images: Path | None = None
    """Folder of photos to make training scenes of."""
    masks: Path | None = None
    """Folder of masks of their subjects, NAME.png for NAME.jpg, white = subject."""
    ray_traced: Path | None = None
    """Folder of ray-traced scenes (.npz) to train on as well, in crops; for networks that take a lens."""
    ray_traced_part: float = 0.25
    """Fraction of the training items that are crops of ray-traced scenes."""
    data: Path | None = None
    """Folder of pairs to train on: EBB!'s train folder, photos (with --bokeh), or ray-traced scenes (.npz)."""
    bokeh: Path | None = None
    """Folder of the true bokeh, matched to the photos in --data by name."""
    depths: Path | None = None
    """Folder of depth files, matched to the photos in --data by name."""
    depth_kind: str | None = None
    """What the depth files hold: metric (metres), disparity (1/metres), relative_depth (bigger is farther) or
    relative_disparity (bigger is nearer) (default: as the JSON file beside each says)."""
    resize: tuple[int, int] | None = None
    """Height and width in px that pairs are resized to first; the paper's are 1024 1024 (default: native size)."""
    skip_problems: bool = False
    """Leave out pairs that can't be used, and report them, instead of stopping."""
    side_px: int = 256
    """Side of the training crops in px; 0 = whole pictures."""
    window_px: int = 0
    """Side in px of the part of each scene that cocnet-hybrid is trained on; 0 = all of it."""
    radius_px: tuple[float, float] = (2.0, 20.0)
    """Range of the blur radius in px: each scene's largest one is drawn from it."""
    portraits: float = 0.7
    """Fraction of the scenes that are photos blurred behind their own subject; for networks without depth."""
    held_out: int = 8
    """Number of scenes or pairs held out for validation."""
    steps: int | None = None
    """Total number of training steps, shared among the recipe's stages (default: the recipe's own)."""
    workers: int = 2
    """Processes that load data in advance; 0 = none."""
    threads: int | None = None
    """Number of CPU threads (default: PyTorch's choice)."""
    device: str = "auto"
    """Where to compute: cpu, cuda, or auto for a GPU where there is one."""
    widen: tuple[int, ...] = ()
    """Numbers of channels to add to each level of the cocnet-hybrid that --model continues from, finest level first;
    the added channels start without effect."""
    tensorboard: bool = False
    """Also write curves for TensorBoard; needs the extra `train`."""

    def checked(self) -> "BokehRun":
        """This run; raises InputError for data that can't be."""
        scenes = self.images is not None and self.masks is not None
        if scenes == (self.data is not None):
            raise InputError(
                f"expected --images with --masks, or --data, got {self.images}, {self.masks} and {self.data}, try one"
            )
        if self.ray_traced is not None and not scenes:
            raise InputError(f"expected --images with --ray-traced, got --data {self.data}, try --data alone")
        if not 0 <= self.portraits <= 1 or not 0 <= self.ray_traced_part <= 1:
            got = f"{self.portraits} and {self.ray_traced_part}"
            raise InputError(f"expected portraits and ray_traced_part in 0..1, got {got}, try 0.7 and 0.25")
        if self.widen and not Path(self.model).suffix:
            raise InputError(
                f"expected a weight file to widen, got {self.model}, try --model weights.safetensors"
            )
        if self.held_out < 0 or self.workers < 0 or (self.steps is not None and self.steps < 1):
            got = f"{self.held_out}, {self.workers} and {self.steps}"
            raise InputError(
                f"expected held_out and workers from 0, steps from 1, got {got}, try 8, 2 and 20000"
            )
        return self


def run_bokeh(
    run: BokehRun,
    recipe: BokehRecipe | None = None,
    on_progress: Callable[[float, dict[str, float]], None] | None = None,
) -> "PairScore | None":
    """Train, or go on; returns the held-out score (None in all processes but the first). Raises FileError,
    InputError, DepthError."""
    import torch

    from cocnet.networks import card_of
    from cocnet.training.engine.bokeh_objective import BokehObjective
    from cocnet.training.engine.loop import train
    from cocnet.training.engine.task import Task

    run, recipe = run.checked(), recipe or BokehRecipe()
    recipe = recipe if run.steps is None else shortened(recipe, run.steps)
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    network = starting_network(run, recipe.seed)
    data = data_of(run, card_of(str(network.name)), scale_of(network), recipe.seed)
    held_out = [data.held_out[i] for i in range(len(data.held_out))]
    facts = {key: value for key, value in asdict(run).items() if key not in _FREE}
    facts["model"] = fingerprint([Path(run.model)]) if Path(run.model).suffix else run.model
    task = Task(
        network,
        data.items,
        BokehObjective(held_out),
        recipe,
        run.out,
        data.about,
        {"run": facts, "data": fingerprint(data.files)},
        run.workers,
        run.device,
        run.tensorboard,
    )
    return train(task, on_progress)


_PATHS = (
    "out",
    "images",
    "masks",
    "ray_traced",
    "data",
    "bokeh",
    "depths",
)  # their files' names and sizes count
_FREE = (*_PATHS, "workers", "threads", "device", "tensorboard", "steps", "skip_problems")


class TrainingData(NamedTuple):
    """Items to train on, held-out ones, what they are in words, and the files that they come from."""

    items: "Items | Views"
    held_out: "Items"
    about: str
    files: tuple[Path, ...]


def starting_network(run: BokehRun, seed: int) -> "nn.Module":
    """A fresh network from a seed, or a trained one. Raises FileError, InputError, MissingExtraError."""
    from cocnet.networks import create_seeded, load_model
    from cocnet.networks.zoo.widening import widened

    if not Path(run.model).suffix:
        return create_seeded(run.model, seed)
    network = load_model(Path(run.model))
    return (widened(network, run.widen) if run.widen else network).train()


def data_of(run: BokehRun, card: "Card", radius_scale_px: float = 1.0, seed: int = 0) -> TrainingData:
    """What a network of that card is trained on. Raises FileError, InputError."""
    made = _scenes if run.data is None else _pairs
    return made(run, card, radius_scale_px, seed)


def _scenes(run: BokehRun, card: "Card", scale: float, seed: int) -> TrainingData:
    """Scenes of most photos, and held-out scenes of the others."""
    from cocnet.datasets.subject.cutouts import read_set, subject_files
    from cocnet.datasets.synthetic.scenes import SceneSettings
    from cocnet.training.runs.training_items import Items

    settings = SceneSettings(
        run.side_px or 256, run.radius_px, "random" if card.conditioning == "lens" else "fixed"
    )
    canvas = settings.side_px + 2 * math.ceil(settings.radius_px[1])
    photos = read_set(run.images or "", run.masks or "", max(320, -(-canvas // 4) * 4))
    kept = len(photos) // HELD_OUT_PART
    training, others = photos.split(kept) if kept >= HELD_OUT_PART else (photos, photos)
    about = f"synthetic scenes of {len(training)} photos, {asdict(settings)}"
    if card.conditioning == "none" and run.portraits:
        about += f"; {run.portraits:.0%} are photos blurred behind their own subject"
    mixed = _corrected if card.physical else _with_ray_traced
    items, more, files = mixed(run, card, _made(run, card, training, settings, seed), scale, seed)
    held_out = Items(_made(run, card, others, settings, seed + 1, run.held_out), card, scale)
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
    crops = Crops(found, run.side_px, seed)
    about = f"; {run.ray_traced_part:.0%} are crops of {len(found)} {found.about}"
    return Items(Mixed(scenes, crops, run.ray_traced_part), card, scale), about, found.files


def _corrected(
    run: BokehRun, card: "Card", scenes: "Dataset[LensPair]", scale: float, seed: int
) -> "tuple[Views, str, tuple[Path, ...]]":
    """What a network sees that corrects the physical picture: windows of whole scenes, rendered whole."""
    from cocnet.datasets.pairs.raytraced import ray_traced
    from cocnet.training.runs.training_items import Items, Mixed, Passes, Views

    items: Any = Items(scenes, card, scale)
    window = run.window_px or run.side_px
    about, files = f"; windows of {window}² px", tuple[Path, ...]()
    if run.ray_traced is not None:
        found = ray_traced(run.ray_traced, window, run.skip_problems)
        files = found.files
        items = Mixed(items, Passes(Items(found, card, scale), seed), run.ray_traced_part)
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
    if isinstance(source, BokehPairs):
        _check_sizes(run, source)
        files = tuple(path for pair in source.files for path in (pair.image, pair.bokeh, pair.depth) if path)
    count = len(source)
    if run.held_out >= count:
        raise InputError(f"expected fewer held-out pairs than {count}, got {run.held_out}, try {count // 10}")
    held = [i * count // run.held_out for i in range(run.held_out)]
    rest = sorted(set(range(count)) - set(held))
    items, held_out = Items(source, card, scale, rest), Items(source, card, scale, held)
    return TrainingData(items, held_out, source.about, files)


def _check_sizes(run: BokehRun, source: "BokehPairs") -> None:
    """Tell of pairs that are left out; raise InputError for whole pictures of several sizes, which make no batch."""
    if source.problems:
        named = "; ".join(f"{problem.name} ({problem.reason})" for problem in source.problems)
        warnings.warn(
            f"left out {len(source.problems)} of {source.about}: {named}", CocnetWarning, stacklevel=2
        )
    sizes = len(set(source.sizes))
    if sizes > 1 and not run.side_px and run.resize is None:
        raise InputError(
            f"expected pictures of one size to train on whole ones, got {sizes} sizes, try --resize or --side-px"
        )


def scale_of(network: "nn.Module") -> float:
    """The scale, px, by which the radii that a "lens" network sees are divided."""
    return float(getattr(getattr(network, "config", None), "radius_scale_px", 1.0))
