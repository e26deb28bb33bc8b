"""The paper's ablation, small but fair: every variant from the same start, on the same scenes, for as many steps.

Enters: an `AblationRun`. Leaves in its folder a training each, NAME-SEED/, and ablation.json, ablation.md and
ablation.png of all that are finished there. What is run again goes on; more seeds or variants add to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from cocnet.compute import use_threads
from cocnet.errors import InputError
from cocnet.training.recipes.bokeh_recipes import BokehRecipe, BokehStage, LossWeights

if TYPE_CHECKING:
    from torch import nn

    from cocnet.datasets import LensPair
    from cocnet.training.runs.ablation_report import FinishedTraining
    from cocnet.training.runs.training_items import Items

Progress = Callable[[str, float, dict[str, float]], None]
HALVED = (16, 32, 64, 128, 128)
SCORES, SHEET_ROWS = "scores.json", 3


@dataclass(frozen=True)
class Variant:
    """A row of Table I: the network, the loss, which variant it is a change of, what else it is made with."""

    model: str
    loss: LossWeights = field(default_factory=LossWeights)
    of: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


VARIANTS = {
    "b3": Variant("cocnet-b3"),
    "b2": Variant("cocnet-b2", of="b3"),
    "b3-less": Variant("cocnet-b3-less", of="b3"),
    "b2-less": Variant("cocnet-b2-less", of="b2"),
    "dir": Variant("cocnet-b3-dir", of="b3"),
    "l2": Variant("cocnet-b3", LossWeights(l1=0.0, l2=1.0), of="b3"),
    "depth": Variant("cocnet-b3-depth", of="b3"),
    "lens": Variant("cocnet-b3-lens", of="b3"),
    "less-dir": Variant("cocnet-b3-dir", of="b3-less", arguments={"channels": HALVED}),
    "less-l2": Variant("cocnet-b3-less", LossWeights(l1=0.0, l2=1.0), of="b3-less"),
    "less-depth": Variant("cocnet-b3-less-depth", of="b3-less"),
    "less-lens": Variant("cocnet-b3-less-lens", of="b3-less"),
    "less-depth-dir": Variant("cocnet-b3-less-depth", of="less-depth", arguments={"templates": "direct"}),
    "dmshn-os": Variant("dmshn"),
}


@dataclass(frozen=True)
class AblationRun:
    """Which variants, on what, for how long."""

    images: Path
    """Folder of photos to make training scenes of."""
    masks: Path
    """Folder of masks of their subjects, NAME.png for NAME.jpg, white = subject."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/ablation")
    """Folder of the trainings. Run the same command again to continue after an interruption."""
    variants: tuple[str, ...] = tuple(VARIANTS)
    """Variants to train: rows of Table I, and lens; names with less have half the channels."""
    seeds: tuple[int, ...] = (0,)
    """Random seeds; each variant is trained once for each. Several commands at once can share the work."""
    steps: int = 5000
    """Number of training steps, each of a batch of 2."""
    side_px: int = 128
    """Side of the scenes in px."""
    radius_px: float = 6.0
    """Blur radius of the farthest plane in px; all scenes have the same lens, focused on the nearest subject."""
    held_out: int = 60
    """Number of scenes, of other photos, to compare the variants on."""
    skip_problems: bool = False
    """Leave out photos and masks that can't be used, and report them, instead of stopping."""
    workers: int = 1
    """Processes that load data in advance; 0 = none."""
    threads: int | None = None
    """Number of CPU threads (default: PyTorch's choice)."""
    device: str = "auto"
    """Where to compute: cpu, cuda, or auto for a GPU where there is one."""

    def checked(self) -> "AblationRun":
        """This run; raises InputError for what can't be."""
        unknown = [name for name in self.variants if name not in VARIANTS]
        if unknown or not self.variants:
            raise InputError(
                f"expected variants of {', '.join(VARIANTS)}, got {', '.join(unknown) or 'none'}, try b3"
            )
        if min(self.steps, self.held_out) < 1 or not self.seeds or min(self.seeds) < 0:
            got = f"{self.seeds}, {self.steps} and {self.held_out}"
            raise InputError(
                f"expected seeds from 0, steps and held_out from 1, got {got}, try 0, 5000 and 60"
            )
        return self


def recipe_of(variant: Variant, steps: int, seed: int) -> BokehRecipe:
    """The same for all but the loss: batches of 2, a schedule that ends in time; networks of Eq. 17 start as the
    identity, others as their authors have it."""
    stage = BokehStage(steps, 2, 4e-4, "cosine", loss=variant.loss)
    start: Literal["own", "identity"] = "identity" if variant.model.startswith("cocnet") else "own"
    return BokehRecipe((stage,), start=start, averaging=0.99, clip=1.0, seed=seed, sample_steps=steps)


def network_of(name: str, seed: int = 0) -> "nn.Module":
    """The untrained network of a variant."""
    from cocnet.networks import create_seeded

    return create_seeded(VARIANTS[name].model, seed, **VARIANTS[name].arguments)


def run_ablation(run: AblationRun, on_progress: Progress | None = None) -> "tuple[FinishedTraining, ...]":
    """Train what isn't finished, then report all that is. Raises FileError, also where the folder holds trainings of
    other lengths, scenes or photos, or InputError."""

    from cocnet.datasets.subject.cutouts import subject_files
    from cocnet.files.run_folder import claim, fingerprint
    from cocnet.training.runs.ablation_report import finished, write_ablation

    run = run.checked()
    use_threads(run.threads)
    training, held_out, about = _scenes(run)
    files = fingerprint(path for pair in subject_files(run.images, run.masks) for path in pair)
    claim(run.out, {"steps": run.steps, "held_out": run.held_out, "data": about, "files": files})
    for seed in run.seeds:
        for name in run.variants:
            if not (run.out / f"{name}-{seed}" / SCORES).is_file():
                _train(run, name, seed, training, held_out, about, on_progress)
    found = finished(run.out)
    write_ablation(run.out, found, held_out, about)
    return found


def _scenes(run: AblationRun) -> "tuple[Any, list[LensPair], str]":
    """Scenes with one lens, cut at white as photos are: to train on, and of photos that were kept back."""
    from cocnet.datasets.subject.cutouts import parted, read_set
    from cocnet.datasets.synthetic.scenes import Scenes, SceneSettings

    settings = SceneSettings(run.side_px, (run.radius_px, run.radius_px), "fixed")
    photos = read_set(run.images, run.masks, skip_problems=run.skip_problems)
    training, others, remark = parted(photos)
    held_out = _Cut(Scenes(others, settings, seed=1, count=run.held_out))
    about = f"synthetic scenes of {len(training)} photos, {asdict(settings)}{remark}"
    return _Cut(Scenes(training, settings)), [held_out[i] for i in range(run.held_out)], about


class _Cut:
    """Pairs cut at white."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> "LensPair":
        pair: LensPair = self.source[index]
        return pair._replace(image=pair.image.clamp(0, 1), bokeh=pair.bokeh.clamp(0, 1))


def items_of(name: str, source: Any, network: "nn.Module") -> "Items":
    """The pairs as a variant's network sees them."""
    from cocnet.networks import card_of
    from cocnet.training.runs.bokeh_run import scale_of
    from cocnet.training.runs.training_items import Items

    return Items(source, card_of(VARIANTS[name].model), scale_of(network))


def _train(
    run: AblationRun,
    name: str,
    seed: int,
    training: Any,
    held_out: "Sequence[LensPair]",
    about: str,
    on_progress: Progress | None,
) -> None:
    """One training, and its scores as JSON once it is finished."""
    from cocnet.files.atomic import write_json
    from cocnet.training.engine.bokeh_objective import BokehObjective
    from cocnet.training.engine.loop import train
    from cocnet.training.engine.pair_scores import scores
    from cocnet.training.engine.task import Task
    from cocnet.training.runs.ablation_report import FinishedTraining, seconds_of, trained_network

    folder, network = run.out / f"{name}-{seed}", network_of(name, seed)
    kept = items_of(name, held_out, network)
    task = Task(
        network,
        items_of(name, training, network),
        BokehObjective([kept[i] for i in range(SHEET_ROWS)]),
        recipe_of(VARIANTS[name], run.steps, seed),
        folder,
        about,
        {"variant": name, "data": about},
        run.workers,
        run.device,
    )
    train(task, None if on_progress is None else lambda done, facts: on_progress(folder.name, done, facts))
    found = scores(trained_network(folder), [kept[i] for i in range(len(kept))])
    seconds = seconds_of(folder)
    count = sum(p.numel() for p in network.parameters())
    psnr, ssim = (tuple(column) for column in zip(*found, strict=True))
    write_json(folder / SCORES, asdict(FinishedTraining(name, seed, count, run.steps, seconds, psnr, ssim)))
