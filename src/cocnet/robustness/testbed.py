"""What everything in a run stands on: photos, a renderer, victims, metrics, files.

Enters: a `RobustnessRun`. Leaves: a `Testbed`, opened before any work, in a folder that is claimed by the settings.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cocnet.attacks.guard import ask_classes, evaluating, training
from cocnet.attacks.own_victims import OwnVictim
from cocnet.attacks.victims import Classifier
from cocnet.compute import check_device, strict_float32, use_threads
from cocnet.datasets import LabelledPhotos
from cocnet.errors import InputError
from cocnet.files.run_folder import claim
from cocnet.metrics.measures import Measures
from cocnet.renderers import NearnessView
from cocnet.robustness.budget import Budget
from cocnet.robustness.methods import open_method
from cocnet.robustness.photo_depths import PhotoDepths
from cocnet.robustness.records import PhotoRecord
from cocnet.robustness.run_layout import RunLayout, load_picture, load_plane
from cocnet.robustness.run_settings import RobustnessRun
from cocnet.robustness.similarity import check_similarity, open_similarity
from cocnet.robustness.sources import (
    chosen_files,
    classes_of,
    data_facts,
    evenly,
    open_depths,
    open_photos,
    open_victims,
    open_view,
    setup_of,
    weight_facts,
    weight_files,
)
from cocnet.robustness.transforms import other_renderer

FREE = (  # may differ when a run goes on; photos and depth files are told apart by names and sizes, not by paths
    *("out", "methods", "epsilons", "transforms", "threads", "pictures", "report_only"),
    *("data", "split", "photos", "depths", "file_column", "label_column", "first_class"),
)


@dataclass(frozen=True, eq=False)
class Testbed:
    """All that a run works with; training: victims that were in training mode; others: renderers by name; allies:
    victims that methods attack beside a run's own; depths: the photos' depth files, None where depth is estimated."""

    run: RobustnessRun
    layout: RunLayout
    photos: LabelledPhotos
    render: NearnessView
    victims: dict[str, Classifier | OwnVictim]
    measures: Measures
    others: dict[str, NearnessView] = field(default_factory=dict)
    training: tuple[str, ...] = ()
    allies: dict[str, Classifier | OwnVictim] = field(default_factory=dict)
    depths: PhotoDepths | None = None

    @property
    def classes(self) -> int:
        """How many classes each victim tells apart."""
        return next(iter(self.victims.values())).classes

    @property
    def batches(self) -> list[list[int]]:
        """The numbers of the photos in each batch."""
        chosen = evenly(len(self.photos), self.run.photos)
        return [chosen[i : i + self.run.batch] for i in range(0, len(chosen), self.run.batch)]

    def predictions(self, picture: Float[Tensor, "b 3 h w"]) -> dict[str, list[int]]:
        """The class that each victim finds."""
        return {name: self.predicted(name, picture) for name in self.victims}

    def predicted(self, victim: str, picture: Float[Tensor, "b 3 h w"]) -> list[int]:
        """The class that one victim finds."""
        network = self.victims[victim]
        with torch.no_grad(), strict_float32(picture.device), evaluating(network):
            return ask_classes(network, picture).argmax(1).tolist()

    def loaded(self, photos: Sequence[PhotoRecord]) -> tuple[Tensor, Tensor, Tensor, Int64[Tensor, " b"]]:
        """Photos, nearness, natural bokeh and labels of a batch, as they were written."""
        stems, device = [photo.stem for photo in photos], self.run.device
        images = torch.stack([load_picture(self.layout.photo(stem)) for stem in stems])
        depths = torch.stack([load_plane(self.layout.depth(stem)) for stem in stems])
        naturals = torch.stack([load_picture(self.layout.natural(stem)) for stem in stems])
        labels = torch.tensor([photo.label for photo in photos])
        return images.to(device), depths.to(device), naturals.to(device), labels.to(device)


def open_testbed(run: RobustnessRun) -> Testbed:
    """Open all that the run names, before any work, and claim its folder. Raises FileError, InputError."""
    use_threads(run.threads)
    check_device(run.device)
    render = open_view(run.renderer, setup_of(run), run.device)
    _check_methods(run, render)
    others = _open_others(run)
    victims = open_victims(run.victims, run.size_px, run.device)
    allies = _open_allies(run, victims)
    photos = open_photos(run, classes_of({**victims, **allies}))
    depths = open_depths(photos, run)
    measures = open_similarity(run.metrics)
    check_similarity(measures, run.size_px)
    settings = {key: _plain(value) for key, value in asdict(run).items() if key not in FREE}
    facts = {
        "weights": weight_facts(run.renderer),
        "weight_files": weight_files(run, allies),
        "photos": data_facts(chosen_files(photos, run), depths),
    }
    claim(run.out, settings | facts, _one_file_more, kept=("weight_files",))
    moods = tuple(name for name, victim in victims.items() if training(victim))
    return Testbed(run, RunLayout(run.out), photos, render, victims, measures, others, moods, allies, depths)


def _one_file_more(name: str, before: object, now: object) -> bool:
    """Whether no command before named this weight file: other methods and transforms may have others."""
    return name.startswith("weight_files") and before in (None, {})


def _check_methods(run: RobustnessRun, render: NearnessView) -> None:
    """Refuse what can't be rendered."""
    for method in [open_method(name) for name in run.methods]:
        if method.spec.camera and render.camera is None:
            raise InputError(
                f"expected a renderer with a camera for {method.name}, got {render.name}, try physical"
            )


def _open_allies(
    run: RobustnessRun, victims: dict[str, Classifier | OwnVictim]
) -> dict[str, Classifier | OwnVictim]:
    """The victims that methods name behind with=; those of the run are the same objects."""
    names = dict.fromkeys(name for method in run.methods for name in open_method(method).budget.allies)
    missing = tuple(name for name in names if name not in victims)
    opened = open_victims(missing, run.size_px, run.device)
    return {name: one for name, one in {**victims, **opened}.items() if name in names}


def _open_others(run: RobustnessRun) -> dict[str, NearnessView]:
    names = [name for name in map(other_renderer, run.transforms) if name is not None]
    return {name: open_view(name, setup_of(run), run.device) for name in names}


def budget_of(run: RobustnessRun, photos: Sequence[str]) -> Budget:
    """What an attack on these photos may cost; each photo has its own random numbers, whatever its batch."""
    return Budget.of(run, seed=tuple(seed_of(run.seed, name) for name in photos))


def seed_of(seed: int, photo: str) -> int:
    """A photo's random seed, from the run's and its name."""
    return int.from_bytes(hashlib.sha256(f"{seed} {photo}".encode()).digest()[:7])


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
