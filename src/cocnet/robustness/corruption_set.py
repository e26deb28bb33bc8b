"""A set of photos under bokeh corruptions, laid out as 3D Common Corruptions has it (Kar et al. 2022).

Enters: photos, a `CorruptionRun`. Leaves: OUT/CORRUPTION/SEVERITY/CLASS/NAME, or shards of these, and manifest.json:
for each file its lens and mean circle of confusion.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.augment.corruptions import CORRUPTIONS, MEAN_COC, CorruptionScene, corrupted
from cocnet.datasets.labelled.class_folders import told_numbers
from cocnet.datasets.labelled.imagenet import imagenet_numbers
from cocnet.datasets.labelled.labelled_photos import middle
from cocnet.datasets.pairs.view import read_planes
from cocnet.depth import coarse_mask, estimate_depth
from cocnet.depth.estimators.estimator import as_rgb8
from cocnet.errors import FileError, InputError
from cocnet.files.item_set import Work, check_apart, make_set
from cocnet.files.many import PROBLEM, Facts, key_of, one_by_one
from cocnet.files.shards import as_json, from_json
from cocnet.imaging import read_depth, write_photo
from cocnet.imaging.depth.depth_file import sidecars
from cocnet.robustness.corruption_settings import LEAST_PX, CorruptionRun
from cocnet.robustness.corruption_sources import SourcePhoto, file_names, source_photos
from cocnet.robustness.photo_depths import photo_depths

MANIFEST = "manifest.json"
CLEAN = "clean"  # the folder of the photos themselves, CLEAN/0/CLASS/NAME
NEAR_M, FAR_M = 1.0, 10.0  # where relative depth is put
BATCH = 4  # photos, after which progress is kept
FREE = ("out", "workers", "ray", "photos", "corruptions", "severities")


def run_corruption(
    images: Path, run: CorruptionRun, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Make the set, or what is missing of it; returns the manifest. Raises FileError, InputError."""
    check_apart(images, run.out)
    names = run.corruptions or tuple(CORRUPTIONS)
    if unknown := [name for name in names if name not in CORRUPTIONS]:
        raise InputError(
            f"expected corruptions of {', '.join(CORRUPTIONS)}, got '{unknown[0]}', try one of these"
        )
    known, unusable = source_photos(images, run.split)
    count = len(known) if run.photos is None else min(run.photos, len(known))
    sources = [known[place * len(known) // count] for place in range(count)]

    classes = told_numbers(images) if images.is_dir() else None

    def told(rows: list[Facts]) -> Facts:
        return {
            "corruptions": {name: CORRUPTIONS[name].about for name in names},
            "severities": {str(severity): MEAN_COC[severity] for severity in run.severities},
            "classes": classes,
            "photos": [row for row in rows if PROBLEM not in row],
            "left_out": [{PROBLEM: f"{one.name}: {one.reason}"} for one in unusable]
            + [row for row in rows if PROBLEM in row],
        }

    work = Work(corrupt_batch, BATCH, _members, FREE)
    return make_set(run, work, lambda: _items(sources, known, run, names), MANIFEST, told, on_progress)


def corrupt_batch(batch: list[Facts]) -> list[Facts]:
    """Pure but for the files that it writes: a batch of items in, their facts out."""
    return one_by_one(_corrupt_one, batch)


def _items(
    sources: Sequence[SourcePhoto], known: Sequence[SourcePhoto], run: CorruptionRun, names: Sequence[str]
) -> list[Facts]:
    """What is to be done; `known`: all photos, whose names tell whether a depth file is of one alone."""
    depths = None if run.depths is None else photo_depths(run.depths, [one.place for one in known])
    shared = {
        "out": str(run.out),
        "split": "photos",
        "corruptions": list(names),
        "severities": list(run.severities),
        "size_px": run.size_px,
        "depth_kind": run.depth_kind,
        "estimator": run.estimator,
        "seed": run.seed,
    }
    items = []
    for source, name in zip(sources, file_names(sources, run.format, bool(run.shard)), strict=True):
        depth = None if depths is None else depths.of(source.place)
        said = shared | {"folder": source.folder, "name": name}
        key = key_of(
            (source.file, depth, *sidecars(depth)),
            {k: v for k, v in said.items() if k not in ("out", "split")},
        )
        place = {"photo": as_json(source.file), "depth": None if depth is None else str(depth)}
        items.append({"key": key, **place, **said})
    return items


def _corrupt_one(item: Facts) -> Facts:
    photo, scene = _opened(item)
    files = []
    _write(item, CLEAN, 0, photo)
    for name in item["corruptions"]:
        for severity in item["severities"]:
            found = corrupted(photo, scene, name, severity)
            _write(item, name, severity, found.picture)
            lens = found.lens
            files.append(
                {
                    "corruption": name,
                    "severity": severity,
                    "mean_coc": round(found.mean_coc, 6),
                    "f_number": None if lens is None else round(float(lens.f_number), 4),
                    "focus_m": None if lens is None else round(float(lens.focus_distance_m), 4),
                }
            )
    return {"photo": item["name"], "class": item["folder"], "files": files}


def _members(row: Facts, folder: Path) -> Iterator[tuple[str, bytes]]:
    """A sample for each picture: the picture, its class, its lens."""
    if PROBLEM in row:
        return
    stem = row["photo"].rsplit(".", 1)[0]
    number = imagenet_numbers().get(row["class"], row["class"])
    for told in [{"corruption": CLEAN, "severity": 0}, *row["files"]]:
        place = Path(told["corruption"], str(told["severity"]), row["class"])
        yield (place / row["photo"]).as_posix(), (folder / place / row["photo"]).read_bytes()
        if row["class"]:
            yield (place / f"{stem}.cls").as_posix(), str(number).encode()
        yield (place / f"{stem}.json").as_posix(), json.dumps(told).encode()


def _write(item: Facts, name: str, severity: int, picture: Float[Tensor, "3 h w"]) -> None:
    target = Path(item["out"]) / name / str(severity) / item["folder"] / item["name"]
    target.parent.mkdir(parents=True, exist_ok=True)
    codes = (picture * 255).round().byte().permute(1, 2, 0)
    write_photo(target, np.ascontiguousarray(codes.numpy()), quality=95)


def _opened(item: Facts) -> tuple[Float[Tensor, "3 h w"], CorruptionScene]:
    file, size = from_json(item["photo"]), item["size_px"]
    photo = read_planes(file)
    whole_size = photo.shape[-2:]
    if min(photo.shape[-2:]) < LEAST_PX:
        raise FileError(
            f"expected a photo from {LEAST_PX} px, got '{file}' of {list(photo.shape[-2:])}, try another"
        )
    cut: Callable[[Tensor], Tensor] = partial(middle, size_px=size) if size else lambda planes: planes
    photo = cut(photo).clamp(0, 1)
    rgb = as_rgb8(photo)
    if item["depth"] is None:
        found = estimate_depth(rgb, name=item["estimator"]).depth
        inverse = torch.from_numpy(np.ascontiguousarray(found.inverse_depth(NEAR_M, FAR_M)))
    else:
        whole = read_depth(Path(item["depth"]), item["depth_kind"]).resized(*whole_size)
        inverse = cut(torch.from_numpy(np.ascontiguousarray(whole.inverse_depth(NEAR_M, FAR_M)))[None])[0]
    u = int(key_of((), [item["seed"], item["name"], item["folder"]])[:8], 16) / 16**8
    return photo, CorruptionScene(inverse, _mask(rgb, inverse), u)


def _mask(rgb: np.ndarray, inverse: Float[Tensor, "h w"]) -> Tensor | None:
    small = coarse_mask(rgb)
    if small is None or not (small > 0.5).any():
        return None
    plane = torch.from_numpy(np.ascontiguousarray(small))[None, None]
    return torch.nn.functional.interpolate(plane, inverse.shape, mode="bilinear")[0, 0] > 0.5
