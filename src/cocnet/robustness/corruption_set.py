"""A set of photos under bokeh corruptions, laid out as 3D Common Corruptions has it (Kar et al. 2022).

Enters: photos in class folders, named by WordNet ids, in a table, or loose; a `CorruptionRun`. Leaves:
OUT/CORRUPTION/SEVERITY/CLASS/NAME and manifest.json: for each file its lens and mean circle of confusion.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.augment.corruptions import CORRUPTIONS, MEAN_COC, CorruptionScene, corrupted
from cocnet.datasets import NeurIPS2017
from cocnet.datasets.labelled.imagenet import CLASSES, imagenet_numbers, wordnet_id
from cocnet.datasets.labelled.labelled_photos import middle
from cocnet.datasets.pairs.matching import DEPTHS, PICTURES, files_by_stem
from cocnet.datasets.pairs.view import read_planes
from cocnet.depth import coarse_mask, estimate_depth
from cocnet.depth.estimators.estimator import as_rgb8
from cocnet.errors import FileError, InputError
from cocnet.files.atomic import write_json
from cocnet.files.listing import listed
from cocnet.files.many import PROBLEM, Facts, key_of, one_by_one, run_many
from cocnet.files.run_folder import claim, locked
from cocnet.imaging import photo_size, read_depth, write_photo
from cocnet.robustness.corruption_settings import LEAST_PX, CorruptionRun

MANIFEST, LEDGER = "manifest.json", "done.jsonl"
CLEAN = "clean"  # the folder of the photos themselves, CLEAN/0/CLASS/NAME
NEAR_M, FAR_M = 1.0, 10.0  # where relative depth is put
BATCH = 4  # photos, after which progress is kept
FREE = ("out", "workers", "ray", "photos", "corruptions", "severities")


@dataclass(frozen=True)
class SourcePhoto:
    """A photo of the set and its class's folder, "" for none."""

    path: Path
    folder: str


def run_corruption(
    images: Path, run: CorruptionRun, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Make the set, or what is missing of it; returns the manifest. Raises FileError, InputError."""
    names = run.corruptions or tuple(CORRUPTIONS)
    if unknown := [name for name in names if name not in CORRUPTIONS]:
        raise InputError(
            f"expected corruptions of {', '.join(CORRUPTIONS)}, got '{unknown[0]}', try one of these"
        )
    sources = source_photos(images, run.split)
    if run.photos is not None:
        count = min(run.photos, len(sources))
        sources = [sources[place * len(sources) // count] for place in range(count)]
    with locked(run.out):
        claim(run.out, {key: str(value) for key, value in asdict(run).items() if key not in FREE})
        items = _items(sources, run, names)
        rows = run_many(
            corrupt_batch,
            items,
            run.out / LEDGER,
            workers=run.workers,
            batch=BATCH,
            ray=run.ray,
            on_progress=on_progress,
        )
        found = {
            "corruptions": {name: CORRUPTIONS[name].about for name in names},
            "severities": {str(severity): MEAN_COC[severity] for severity in run.severities},
            "settings": {key: str(value) for key, value in asdict(run).items()},
            "photos": [row for row in rows if PROBLEM not in row],
            "left_out": [row for row in rows if PROBLEM in row],
        }
        write_json(run.out / MANIFEST, found)
    return found


def source_photos(images: Path, split: str | None = None) -> list[SourcePhoto]:
    """Photos with their class folders: those of a table, of folders, or loose. Raises FileError, InputError."""
    if not images.is_dir():
        raise FileError(f"expected a folder of photos, got '{images}', try another path")
    if listed(images, "*.csv"):
        ids = list(imagenet_numbers())
        files = NeurIPS2017(images, split, classes=CLASSES, skip_problems=True).files
        return [SourcePhoto(file.path, ids[file.label]) for file in files]
    folders = [each for each in sorted(images.iterdir()) if each.is_dir() and not each.name.startswith(".")]
    found = [SourcePhoto(path, each.name) for each in folders for path in _pictures(each)]
    found += [SourcePhoto(path, wordnet_id(path.name) or "") for path in _pictures(images)]
    if not found:
        raise FileError(f"expected photos in '{images}', got none, try another folder")
    return found


def corrupt_batch(batch: list[Facts]) -> list[Facts]:
    """Pure but for the files that it writes: a batch of items in, their facts out."""
    return one_by_one(_corrupt_one, batch)


def _pictures(folder: Path) -> list[Path]:
    return [path for path in listed(folder) if path.suffix.lower() in PICTURES]


def _items(sources: Sequence[SourcePhoto], run: CorruptionRun, names: Sequence[str]) -> list[Facts]:
    depths = {} if run.depths is None else files_by_stem(run.depths, DEPTHS)[0]
    shared = {
        "out": str(run.out),
        "corruptions": list(names),
        "severities": list(run.severities),
        "size_px": run.size_px,
        "depth_kind": run.depth_kind,
        "estimator": run.estimator,
        "seed": run.seed,
    }
    items = []
    for source, name in zip(sources, _names(sources, run.format), strict=True):
        depth = depths.get(source.path.stem)
        if run.depths is not None and depth is None:
            raise FileError(
                f"expected a depth file for '{source.path.stem}' in '{run.depths}', got none, try without"
            )
        said = shared | {"folder": source.folder, "name": name}
        key = key_of((source.path, depth), {k: v for k, v in said.items() if k != "out"})
        items.append(
            {"key": key, "photo": str(source.path), "depth": None if depth is None else str(depth), **said}
        )
    return items


def _names(sources: Sequence[SourcePhoto], form: str) -> list[str]:
    """Names of the files, each its own in its class: the photos' with another ending; JPEGs as JPEG keep theirs."""

    def plain(source: SourcePhoto) -> str:
        if form == "jpeg" and source.path.suffix.lower() in (".jpg", ".jpeg"):
            return source.path.name
        return f"{source.path.stem}.{'png' if form == 'png' else 'jpg'}"

    count = Counter((source.folder, plain(source)) for source in sources)
    return [
        plain(source)
        if count[source.folder, plain(source)] == 1
        else f"{source.path.name}.{'png' if form == 'png' else 'jpg'}"
        for source in sources
    ]


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


def _write(item: Facts, name: str, severity: int, picture: Float[Tensor, "3 h w"]) -> None:
    target = Path(item["out"]) / name / str(severity) / item["folder"] / item["name"]
    target.parent.mkdir(parents=True, exist_ok=True)
    codes = (picture * 255).round().byte().permute(1, 2, 0)
    write_photo(target, np.ascontiguousarray(codes.numpy()), quality=95)


def _opened(item: Facts) -> tuple[Float[Tensor, "3 h w"], CorruptionScene]:
    path, size = Path(item["photo"]), item["size_px"]
    photo = read_planes(path)
    if min(photo.shape[-2:]) < LEAST_PX:
        raise FileError(
            f"expected a photo from {LEAST_PX} px, got '{path}' of {list(photo.shape[-2:])}, try another"
        )
    cut: Callable[[Tensor], Tensor] = partial(middle, size_px=size) if size else lambda planes: planes
    photo = cut(photo).clamp(0, 1)
    rgb = as_rgb8(photo)
    if item["depth"] is None:
        found = estimate_depth(rgb, name=item["estimator"]).depth
        inverse = torch.from_numpy(np.ascontiguousarray(found.inverse_depth(NEAR_M, FAR_M)))
    else:
        whole = read_depth(Path(item["depth"]), item["depth_kind"]).resized(*photo_size(path))
        inverse = cut(torch.from_numpy(np.ascontiguousarray(whole.inverse_depth(NEAR_M, FAR_M)))[None])[0]
    u = int(key_of((), [item["seed"], item["name"], item["folder"]])[:8], 16) / 16**8
    return photo, CorruptionScene(inverse, _mask(rgb, inverse), u)


def _mask(rgb: np.ndarray, inverse: Float[Tensor, "h w"]) -> Tensor | None:
    small = coarse_mask(rgb)
    if small is None or not (small > 0.5).any():
        return None
    plane = torch.from_numpy(np.ascontiguousarray(small))[None, None]
    return torch.nn.functional.interpolate(plane, inverse.shape, mode="bilinear")[0, 0] > 0.5
