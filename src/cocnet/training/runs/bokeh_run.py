"""Training a network that renders bokeh: what `cocnet train RECIPE` does.

Enters: a `BokehRun`. Leaves in its folder what `training.loop` says, weights.safetensors among it.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cocnet.compute import use_threads
from cocnet.files.run_folder import fingerprint
from cocnet.training.recipes.bokeh_recipes import BokehRecipe
from cocnet.training.recipes.recipe import shortened
from cocnet.training.runs.bokeh_data import data_of
from cocnet.training.runs.bokeh_settings import BokehRun

if TYPE_CHECKING:
    from torch import nn

    from cocnet.training.engine.pair_scores import PairScore

# Their files' names and sizes count
_PATHS = ("out", "images", "masks", "ray_traced", "data", "bokeh", "depths")
_FREE = (*_PATHS, "workers", "threads", "device", "tensorboard", "steps", "skip_problems")


def run_bokeh(
    run: BokehRun,
    recipe: BokehRecipe | None = None,
    on_progress: Callable[[float, dict[str, float]], None] | None = None,
) -> "PairScore | None":
    """Train, or go on; returns the held-out score (None in all processes but the first). Raises FileError,
    InputError, DepthError."""

    from cocnet.networks import card_of
    from cocnet.training.engine.bokeh_objective import BokehObjective
    from cocnet.training.engine.loop import train
    from cocnet.training.engine.task import Task

    run, recipe = run.checked(), recipe or BokehRecipe()
    recipe = recipe if run.steps is None else shortened(recipe, run.steps)
    if Path(run.model).suffix:
        recipe = replace(recipe, start="own")
    use_threads(run.threads)
    network = starting_network(run, recipe.seed)
    adversarial = any(stage.loss.adversarial for stage in recipe.stages)
    trained = with_discriminator(network, recipe.seed) if adversarial else network
    data = data_of(run, card_of(str(network.name)), scale_of(network), recipe.seed)
    held_out = [data.held_out[i] for i in range(len(data.held_out))]
    facts = {key: value for key, value in asdict(run).items() if key not in _FREE}
    facts["model"] = fingerprint([Path(run.model)]) if Path(run.model).suffix else run.model
    task = Task(
        trained,
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


def starting_network(run: BokehRun, seed: int) -> "nn.Module":
    """A fresh network from a seed, or a trained one. Raises FileError, InputError, MissingExtraError."""
    from cocnet.networks import create_seeded, load_model
    from cocnet.networks.zoo.widening import renewed, widened

    if not Path(run.model).suffix:
        return create_seeded(run.model, seed)
    network = load_model(Path(run.model))
    if run.renew_from is not None:
        network = renewed(network, run.widen, run.renew_from)
    elif run.widen:
        network = widened(network, run.widen)
    return network.train()


def with_discriminator(network: "nn.Module", seed: int) -> "nn.Module":
    """The network and a discriminator with weights from a seed."""
    import torch

    from cocnet.training.engine.discriminator import WithDiscriminator

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return WithDiscriminator(network).train()


def scale_of(network: "nn.Module") -> float:
    """The scale, px, by which the radii that a "lens" network sees are divided."""
    return float(getattr(getattr(network, "config", None), "radius_scale_px", 1.0))
