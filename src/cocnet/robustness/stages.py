"""The two stages of a run: what photos and their natural bokeh look like, and each attack on them, batch by batch.

Enters: what a run works with, a `Bench`. Leaves: files at their `Places`; a finished batch is left as it is, an
unfinished one done again, to the same result.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int64
from safetensors.torch import save
from torch import Tensor

from cocnet.attacks import AttackResult
from cocnet.attacks.victims import Classifier
from cocnet.compute import strict_float32
from cocnet.datasets import LabelledPhoto, LabelledPhotos
from cocnet.errors import CocnetError
from cocnet.files.atomic import atomic_path
from cocnet.metrics.measures import Measures
from cocnet.robustness.methods import Budget, open_method
from cocnet.robustness.records import Record, View, read_records, read_views, write_records, write_views
from cocnet.robustness.run_layout import (
    Places,
    folder_of,
    load_picture,
    load_plane,
    plain,
    save_picture,
    save_plane,
)
from cocnet.robustness.settings import RobustnessRun
from cocnet.robustness.similarity import changes, likeness
from cocnet.robustness.sources import Renderer, depth_files, evenly, nearness_of, setup_of


@dataclass(frozen=True, eq=False)
class Bench:
    """All that a run works with."""

    run: RobustnessRun
    places: Places
    photos: LabelledPhotos
    render: Renderer
    victims: dict[str, Classifier]
    measures: Measures

    @property
    def classes(self) -> int:
        """How many each victim tells apart."""
        return next(iter(self.victims.values())).classes

    @property
    def batches(self) -> list[list[int]]:
        """Places of photos, a batch each."""
        chosen = evenly(len(self.photos), self.run.photos)
        return [chosen[i : i + self.run.batch] for i in range(0, len(chosen), self.run.batch)]

    def seen(self, picture: Float[Tensor, "b 3 h w"]) -> dict[str, list[int]]:
        """The class that each victim finds."""
        with torch.no_grad(), strict_float32(picture.device):
            return {name: victim(picture).argmax(1).tolist() for name, victim in self.victims.items()}

    def loaded(self, views: Sequence[View]) -> tuple[Tensor, Tensor, Tensor, Int64[Tensor, "b"]]:
        """Photos, nearness, natural bokeh and labels of a batch, as they were written."""
        images = torch.stack([load_picture(self.places.photo(view.stem)) for view in views])
        depths = torch.stack([load_plane(self.places.depth(view.stem)) for view in views])
        naturals = torch.stack([load_picture(self.places.natural(view.stem)) for view in views])
        labels = torch.tensor([view.label for view in views])
        device = self.run.device
        return images.to(device), depths.to(device), naturals.to(device), labels.to(device)


def view_batch(bench: Bench, number: int) -> tuple[list[View], list[tuple[str, str]]]:
    """Photos of a batch in 8 bit, their depth and natural bokeh, and what victims see; with what couldn't be read.

    Raises FileError where a file can't be written.
    """
    path = bench.places.views(number)
    if path.is_file():
        return read_views(path)
    photos, problems = _readable(bench, bench.batches[number])
    views = _views(bench, photos) if photos else []
    write_views(folder_of(path), views, problems)
    return views, problems


def attack_batch(bench: Bench, victim: str, method: str, number: int) -> list[Record]:
    """Attack a batch, look at the files, and write what came out. Raises InputError, DepthError, FileError."""
    path = bench.places.records(victim, method, number)
    if path.is_file():
        return read_records(path)
    views, _ = view_batch(bench, number)
    records = _attacked(bench, victim, method, number, views) if views else []
    write_records(folder_of(path), records)
    return records


def _readable(
    bench: Bench, places: Sequence[int]
) -> tuple[list[tuple[str, LabelledPhoto]], list[tuple[str, str]]]:
    """Photos whose file and depth can be read, with the stem of their files, written; and reasons of the others."""
    files, photos, problems = depth_files(bench.run), [], []
    for place in places:
        name = bench.photos.files[place].name
        try:
            photo, near = _opened(bench, place, files)
        except CocnetError as error:
            problems.append((name, str(error)))
            continue
        stem = f"{place:05d}-{plain(name)}"
        save_picture(bench.places.photo(stem), photo.image)
        save_plane(bench.places.depth(stem), near)
        photos.append((stem, photo))
    return photos, problems


def _opened(
    bench: Bench, place: int, files: Mapping[str, Path] | None
) -> tuple[LabelledPhoto, Float[Tensor, "1 n n"]]:
    """A photo and its nearness. Raises FileError, DepthError."""
    run, photo = bench.run, bench.photos[place]
    placed = setup_of(run)
    near = nearness_of(photo.image, photo.path, files, run.depth_kind, run.estimator, placed, run.nearest)
    return photo, near


def _views(bench: Bench, photos: Sequence[tuple[str, LabelledPhoto]]) -> list[View]:
    device = bench.run.device
    image = torch.stack([load_picture(bench.places.photo(stem)) for stem, _ in photos]).to(device)
    depth = torch.stack([load_plane(bench.places.depth(stem)) for stem, _ in photos]).to(device)
    with torch.no_grad(), strict_float32(image.device):
        rendered = bench.render(image, depth)
    for (stem, _), picture in zip(photos, rendered, strict=True):
        save_picture(bench.places.natural(stem), picture)
    natural = torch.stack([load_picture(bench.places.natural(stem)) for stem, _ in photos]).to(device)
    clean, bokeh, again = bench.seen(image), bench.seen(natural), bench.seen(image)
    return [
        View(
            photo.name,
            stem,
            photo.label,
            *({name: seen[name][i] for name in seen} for seen in (clean, bokeh, again)),
        )
        for i, (stem, photo) in enumerate(photos)
    ]


def _attacked(bench: Bench, victim: str, method: str, number: int, views: Sequence[View]) -> list[Record]:
    image, depth, natural, label = bench.loaded(views)
    chosen = open_method(method, budget_of(bench.run, number))
    start = time.perf_counter()
    with strict_float32(image.device):
        result = chosen(bench.render, bench.victims[victim], image, depth, label)
    seconds = (time.perf_counter() - start) / len(views)
    saved = _saved(bench, victim, method, number, views, result)
    found = {
        "seen": bench.seen(saved),
        "to_photo": likeness(bench.measures, image, saved),
        "to_natural": likeness(bench.measures, natural, saved),
        "delta": None
        if result.depth is None
        else changes(depth, result.depth, setup_of(bench.run), result.camera),
    }
    about = {"batch": number, "renderer": bench.render.name, "victim": victim, "method": method}
    about |= {"epsilon": chosen.epsilon, "steps": bench.run.steps, "seconds": seconds}
    return [record_of(view, row, about, result, found) for row, view in enumerate(views)]


def budget_of(run: RobustnessRun, batch: int) -> Budget:
    """What an attack on a batch may cost; each batch has its own draws."""
    return Budget(steps=run.steps, seed=run.seed + batch, full=run.full_steps, setup=setup_of(run))


def record_of(
    view: View, row: int, about: Mapping[str, Any], result: AttackResult, found: Mapping[str, Any]
) -> Record:
    """One photo's row of a batch."""
    victim, seen = about["victim"], {name: classes[row] for name, classes in found["seen"].items()}
    return Record(
        photo=view.photo,
        stem=view.stem,
        label=view.label,
        row=row,
        clean_right=view.clean[victim] == view.label,
        natural_right=view.natural[victim] == view.label,
        success=bool(result.success[row]),
        success_saved=seen[victim] != view.label,
        prediction=int(result.prediction[row]),
        prediction_saved=seen[victim],
        margin=float(result.margin[row]),
        queries=int(result.queries[row]),
        stalled=result.stalled is not None and bool(result.stalled[row]),
        to_photo=found["to_photo"][row],
        to_natural=found["to_natural"][row],
        delta=None if found["delta"] is None else found["delta"][row],
        camera=None if result.camera is None else tuple(result.camera[row].tolist()),
        others=seen,
        **about,
    )


def _saved(
    bench: Bench, victim: str, method: str, number: int, views: Sequence[View], result: AttackResult
) -> Float[Tensor, "b 3 h w"]:
    """Write what an attack found; its pictures, as their files have them."""
    paths = [bench.places.picture(victim, method, view.stem) for view in views]
    for path, picture in zip(paths, result.image, strict=True):
        save_picture(path, picture)
    changed = {"depth": result.depth, "camera": result.camera}
    tensors = {name: x.detach().cpu().contiguous() for name, x in changed.items() if x is not None}
    if tensors:
        with atomic_path(folder_of(bench.places.changed(victim, method, number))) as temporary:
            temporary.write_bytes(save(tensors))
    return torch.stack([load_picture(path) for path in paths]).to(bench.run.device)
