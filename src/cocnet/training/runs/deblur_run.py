"""Training a deblurring network: what `cocnet train deblur` does.

Enters: a `DeblurRun`. Leaves in its folder what `training.engine` says, weights.safetensors among it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from cocnet.compute import use_threads
from cocnet.errors import InputError
from cocnet.files.listing import listed
from cocnet.files.run_folder import fingerprint
from cocnet.training.recipes.deblur_recipe import DeblurRecipe, recipe_for
from cocnet.training.runs.deblur_settings import DeblurRun

if TYPE_CHECKING:
    from torch import nn

    from cocnet.datasets.pairs.deblur_pairs import DeblurPair, DPDDSplit
    from cocnet.training.engine.deblur_objective import DeblurScore

PHOTO_PX = 448  # photos that scenes are made of are read at this size


class DeblurItems(Dataset[dict[str, Tensor]]):
    """Pairs as a training sees them."""

    def __init__(self, pairs: Any) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Tensor]:
        return item_of(self.pairs[key])


def item_of(pair: "DeblurPair") -> dict[str, Tensor]:
    """A pair as one item of training."""
    found = {"image": pair.blurred, "sharp": pair.sharp}
    if pair.views is None:
        return found
    return found | {"views": pair.views, "has_views": torch.tensor(True)}


def run_deblur(
    run: DeblurRun,
    recipe: DeblurRecipe | Callable[[str], DeblurRecipe] = recipe_for,
    on_progress: Callable[[float, dict[str, Any]], None] | None = None,
) -> "DeblurScore | None":
    """Train, or go on; returns the held-out score. recipe: one, or what has that of a
    registered network. Raises FileError, InputError."""
    from dataclasses import replace

    from cocnet.training.engine.deblur_objective import DeblurObjective
    from cocnet.training.engine.loop import train
    from cocnet.training.engine.task import Task
    from cocnet.training.recipes.recipe import shortened

    run = run.checked()
    use_threads(run.threads)
    network = starting_network(run.model, run.seed)
    chosen = recipe(registered_name(network)) if callable(recipe) else recipe
    chosen = replace(chosen, seed=run.seed or chosen.seed)
    chosen = chosen if run.steps is None else shortened(chosen, run.steps)
    if run.minutes is not None:
        share = run.minutes / len(chosen.stages)
        chosen = replace(chosen, stages=tuple(replace(s, minutes=share) for s in chosen.stages))
    items, held_out, about = data_of(run, registered_name(network).startswith("ifan"))
    kept: dict[str, Any] = {name: getattr(run, name) for name in ("side_px", "radius_px", "held_out", "seed")}
    kept["model"] = fingerprint([Path(run.model)]) if Path(run.model).suffix else run.model
    facts = {"run": kept, "files": fingerprint(_files(run))}
    objective = DeblurObjective([held_out[i] for i in range(len(held_out))], chosen)
    task = Task(network, items, objective, chosen, run.out, about, facts, run.workers, run.device)
    return train(task, on_progress)


def starting_network(model: str, seed: int) -> "nn.Module":
    """A fresh network from a seed that starts as the picture itself, or a trained one; IFAN with its reblurring
    network. Raises FileError, InputError."""
    from cocnet.networks import card_of, create_seeded, load_model
    from cocnet.networks.architectures.ifan import IFAN
    from cocnet.training.engine.deblur_objective import WithReblurring

    network: Any = load_model(Path(model)).train() if Path(model).suffix else create_seeded(model, seed)
    if card_of(str(network.name)).task != "deblurring":
        raise InputError(f"expected a deblurring network, got {network.name}, try deblur-hybrid or ifan-lite")
    if not Path(model).suffix:
        network.start_at_identity()
    if not isinstance(network, IFAN):
        return network
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return WithReblurring(network)


def _files(run: DeblurRun) -> list[Path]:
    """All that a run reads."""
    from cocnet.datasets.subject.cutouts import subject_files

    if run.data is not None:
        return [path for part in ("train", _held_out(run.data)) for path in listed(run.data / part, "*/*")]
    pairs = subject_files(run.images or "", run.masks or "")
    traced = [] if run.ray_traced is None else listed(run.ray_traced, "*.npz")
    return [*(path for pair in pairs for path in pair), *traced]


def _held_out(data: Path) -> "DPDDSplit":
    """Split of DPDD to validate on: sets that `cocnet pairs` makes have no val."""
    return "val" if (data / "val").is_dir() else "test"


def registered_name(network: Any) -> str:
    """Registered name of the network that deblurs."""
    return str(getattr(network, "model", network).name)


def data_of(run: DeblurRun, with_views: bool = False) -> "tuple[DeblurItems, DeblurItems, str]":
    """Items to train on (with_views: both views, where DPDD has them), held-out ones, and what they are in words.
    Raises FileError, InputError."""
    from cocnet.datasets.pairs.deblur_pairs import dpdd
    from cocnet.datasets.pairs.matching import warn_of
    from cocnet.datasets.pairs.view import View

    if run.data is None:
        return _scenes(run)
    view = View(crop=(run.side_px, run.side_px), mirror=False)
    views = (run.data / "train" / "inputL").is_dir() and with_views
    given: dict[str, Any] = {"view": view, "seed": run.seed, "skip_problems": run.skip_problems}
    training, held_out = (
        dpdd(run.data, "train", views=views, **given),
        dpdd(run.data, _held_out(run.data), **given),
    )
    for pairs in (training, held_out):
        warn_of(pairs.problems, pairs.about)
    held_out.files = held_out.files[: run.held_out]
    return DeblurItems(training), DeblurItems(held_out), training.about


def _scenes(run: DeblurRun) -> "tuple[DeblurItems, DeblurItems, str]":
    """Scenes of most photos, and held-out scenes of the others."""
    from cocnet.datasets.pairs.matching import warn_of
    from cocnet.datasets.pairs.raytraced import ray_traced
    from cocnet.datasets.subject.cutouts import parted, read_set
    from cocnet.datasets.synthetic.deblur_scenes import (
        Alternating,
        DeblurScenes,
        DeblurSceneSettings,
        RayTracedPairs,
    )

    photos = read_set(run.images or "", run.masks or "", PHOTO_PX, skip_problems=run.skip_problems)
    training, others, remark = parted(photos)
    settings = DeblurSceneSettings(run.side_px, run.radius_px)
    about = f"synthetic scenes of {len(training)} photos, {settings}{remark}"
    made: Dataset[DeblurPair] = DeblurScenes(training, settings, seed=run.seed)
    if run.ray_traced is not None:
        traced = ray_traced(run.ray_traced, run.side_px, run.skip_problems)
        warn_of(traced.problems, traced.about)
        about += f"; as many crops of {len(traced)} {traced.about}"
        made = Alternating(made, RayTracedPairs(traced, run.side_px, seed=run.seed))
    return (
        DeblurItems(made),
        DeblurItems(DeblurScenes(others, settings, seed=run.seed + 1, count=run.held_out)),
        about,
    )
