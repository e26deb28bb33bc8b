"""Does bokeh as training data help a deblurring network, and does adversarial bokeh help more? With controls.

Enters: a `DeblurExperiment`: a trained network, photos, pairs to measure on. Leaves: per way and seed a training of
equal steps and pictures (WAY-SEED/), its scores (scores.json), and experiment.md. The ways: none (the network's own
training data go on), and half of each batch natural bokeh, bokeh of depth moved at random, or by as much against the
network. What is there already isn't done again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from cocnet.compute import use_threads
from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path, write_json
from cocnet.files.run_folder import claim, file_hash, fingerprint
from cocnet.training.runs.deblur_settings import DeblurExperiment

if TYPE_CHECKING:
    from cocnet.datasets.pairs.deblur_pairs import DeblurPair

Progress = Callable[[str, float, dict[str, Any]], None]
_FREE = ("threads", "seeds", "skip_problems")


class Halves(Dataset[dict[str, Tensor]]):
    """Own pairs, or by turns own and new ones; each pass mirrors and turns them otherwise."""

    def __init__(self, own: Sequence[dict[str, Tensor]], new: Sequence[dict[str, Tensor]] | None, seed: int):
        self.own, self.new, self.seed = own, new, seed

    def __len__(self) -> int:
        return len(self.own)

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Tensor]:
        turn, index = key if isinstance(key, tuple) else (0, key)
        fresh = self.new is not None and (turn + index) % 2 == 1
        item = self.new[index % len(self.new)] if fresh and self.new is not None else self.own[index]
        draw = np.random.default_rng([self.seed, turn, index, 7])
        turns, mirrored = int(draw.integers(4)), bool(draw.integers(2))
        return {
            name: torch.rot90(x.flip(2) if mirrored else x, turns, (1, 2)).contiguous().float() / 255
            for name, x in item.items()
        }


def run_experiment(run: DeblurExperiment, on_progress: Progress | None = None) -> Path:
    """Do what isn't done yet; returns the report's path. Raises FileError, InputError."""
    from cocnet.networks import load_model
    from cocnet.training.runs.deblur_experiment_report import WAYS, write_report

    use_threads(run.threads)
    claim(run.out, _facts(run))
    sets = dict(_measured_sets(run))
    _scored(run, "start", lambda: load_model(run.start), sets)
    own = _pairs(run, "own")
    names = [(way, seed) for way in WAYS for seed in run.seeds]
    for number, (way, seed) in enumerate(names):
        if on_progress is not None:
            on_progress(f"{way} {seed}", number / len(names), {})
        new = None if way == "none" else _pairs(run, way)
        name = f"{way}-{seed}"
        _scored(run, name, partial(_trained, run, name, own, new, seed), sets)
    return write_report(run.out, run.seeds, run.metrics)


def _facts(run: DeblurExperiment) -> dict[str, Any]:
    """What makes it another experiment: its numbers, the weights it starts from, and its files wherever they lie."""
    from cocnet.datasets.pairs.deblur_pairs import open_deblur_pairs
    from cocnet.datasets.pairs.raytraced import ray_traced
    from cocnet.datasets.subject.cutouts import subject_files

    if not run.start.is_file():
        raise FileError(f"expected a weight file to start from, got '{run.start}', try another path")
    traced = ray_traced(run.ray_traced, skip_problems=run.skip_problems)
    numbers = {k: v for k, v in vars(run).items() if k not in _FREE and not isinstance(v, Path)}
    pairs = [
        *subject_files(run.images, run.masks),
        *(pair.parts.values() for pair in open_deblur_pairs(run.real, skip_problems=run.skip_problems).files),
    ]
    files = [path for pair in pairs for path in pair] + list(traced.files)
    return {"experiment": numbers, "start": file_hash(run.start), "files": fingerprint(files)}


def _scored(run: DeblurExperiment, name: str, network: Callable[[], nn.Module], sets: dict[str, Any]) -> None:
    """The scores of one network on all sets, kept in NAME/scores.json."""
    from cocnet.metrics.deblurring import measure_deblurring

    path = run.out / name / "scores.json"
    if path.is_file():
        return
    found, model = {}, network().eval()
    for label, pairs in sets.items():
        found[label] = measure_deblurring(model, pairs, run.metrics, what=name, data=label).scores
        if name == "start":
            found[f"{label}, blurred"] = measure_deblurring(None, pairs, run.metrics, data=label).scores
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        write_json(temporary, found)


def _trained(
    run: DeblurExperiment,
    name: str,
    own: list[dict[str, Tensor]],
    new: list[dict[str, Tensor]] | None,
    seed: int,
) -> nn.Module:
    """The network after the training of one way and seed."""
    from cocnet.networks import load_model
    from cocnet.training.engine.deblur_objective import DeblurObjective
    from cocnet.training.engine.loop import train
    from cocnet.training.engine.task import WEIGHTS, Task
    from cocnet.training.recipes.deblur_recipe import SHORT
    from cocnet.training.recipes.recipe import Stage

    stage = Stage(run.steps, run.batch, run.learning_rate, "cosine", warm_up=0.1)
    recipe = replace(SHORT, stages=(stage,), seed=seed, averaging=0.98, sample_steps=run.steps)
    network, folder = load_model(run.start).train(), run.out / name
    train(Task(network, Halves(own, new, seed), DeblurObjective([], recipe), recipe, folder, f"way {name}"))
    return load_model(folder / WEIGHTS)


def _pairs(run: DeblurExperiment, kind: str) -> list[dict[str, Tensor]]:
    """Training pairs of a kind as bytes, made once."""
    from safetensors.torch import load_file, save_file

    path = run.out / f"{kind}.safetensors"
    if not path.is_file():
        pairs = list(_made(run, kind))
        planes = {"image": _bytes([p.blurred for p in pairs]), "sharp": _bytes([p.sharp for p in pairs])}
        with atomic_path(path) as temporary:
            save_file(planes, temporary)
    planes = load_file(path)
    return [{name: planes[name][i] for name in planes} for i in range(len(planes["image"]))]


def _bytes(pictures: list[Tensor]) -> Tensor:
    return (torch.stack(pictures) * 255).round().to(torch.uint8)


def _made(run: DeblurExperiment, kind: str) -> Iterator["DeblurPair"]:
    """Training pairs of a kind; the scenes of bokeh are the same in all ways."""
    from cocnet.datasets.subject.cutouts import read_set
    from cocnet.datasets.synthetic.bokeh_augmentation import BokehAugmentation
    from cocnet.datasets.synthetic.deblur_scenes import DeblurScenes, DeblurSceneSettings
    from cocnet.networks import load_model
    from cocnet.training.recipes.adversarial_depth import AdversarialDepth
    from cocnet.training.runs.deblur_run import PHOTO_PX

    photos = read_set(run.images, run.masks, PHOTO_PX, skip_problems=run.skip_problems)
    if kind == "own":
        own = DeblurScenes(photos, DeblurSceneSettings(run.side_px), seed=11, count=run.pictures)
        return (own[i] for i in range(run.pictures))
    scenes = DeblurScenes(photos, DeblurSceneSettings(run.side_px, (1.0, 1.0)), seed=12, count=run.pictures)
    source = [scenes.scene(np.random.default_rng([12, i])) for i in range(run.pictures)]
    depth: Any = kind
    if kind == "adversarial":
        depth = AdversarialDepth(load_model(run.start), run.epsilon, run.attack_steps)
    bokeh = BokehAugmentation(source, depth, epsilon=run.epsilon, seed=13)
    return (bokeh[i] for i in range(run.pictures))


def _measured_sets(run: DeblurExperiment) -> Iterator[tuple[str, list["DeblurPair"]]]:
    """Real pairs, and ray-traced ones as a camera without noise files them."""
    from cocnet.datasets.pairs.deblur_pairs import open_deblur_pairs
    from cocnet.datasets.pairs.matching import warn_of
    from cocnet.datasets.pairs.raytraced import ray_traced
    from cocnet.datasets.synthetic.deblur_scenes import deblur_pair
    from cocnet.datasets.synthetic.sensor_noise import CameraSettings

    real = open_deblur_pairs(run.real, bits=8, skip_problems=run.skip_problems)
    scenes = ray_traced(run.ray_traced, skip_problems=run.skip_problems)
    for found in (real, scenes):
        warn_of(found.problems, found.about)
    yield "real", [real[i] for i in range(len(real))]
    clean, draw = CameraSettings(noisy=0, compressed=0), np.random.default_rng(0)
    pairs = [deblur_pair(scenes[i], draw, clean) for i in range(len(scenes))]
    yield "ray-traced", [pair._replace(name=name) for pair, name in zip(pairs, scenes.names, strict=True)]
