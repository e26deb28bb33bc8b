"""Pairs of a sharp photo and its bokeh as files, in the layouts that other trainings read.

Enters: a folder of photos, a `PairRun`. Leaves: the layout's folders, the pairs' lenses in pairs.json, and what
`pair_cards` lays beside. A photo's split, lenses and noise follow from its bytes, its name and the seed.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cocnet.attacks import GDA, open_victim
from cocnet.attacks.guard import ask_classes, evaluating
from cocnet.augment.camera_ranges import LARGEST, CameraRanges
from cocnet.augment.depths import FAR_M, NEAR_M
from cocnet.compute import strict_float32
from cocnet.datasets.labelled.shard_photos import shard_photos
from cocnet.datasets.pairs.matching import DEPTHS, Problem, files_by_stem
from cocnet.datasets.pairs.view import read_planes
from cocnet.datasets.synthetic.sensor_noise import CameraSettings, with_noise
from cocnet.depth import estimate_depth
from cocnet.depth.estimators.estimator import as_rgb8
from cocnet.errors import FileError
from cocnet.files.atomic import atomic_path
from cocnet.files.item_set import FREE, Work, check_apart, make_set
from cocnet.files.many import PROBLEM, Facts, key_of, one_by_one
from cocnet.files.shards import Part, as_json, from_json
from cocnet.imaging import linear_to_srgb, read_depth, srgb_to_linear, write_photo
from cocnet.imaging.depth.depth_file import sidecars
from cocnet.imaging.photo.formats import PHOTO_SUFFIXES
from cocnet.optics import ThinLens
from cocnet.renderers import Physical
from cocnet.training.runs.pair_cards import CARDS, FOLDERS, write_cards
from cocnet.training.runs.pair_settings import PairRun

MANIFEST = "pairs.json"
LEAST_PX, BATCH = 32, 2
RENDERER = Physical(sharp_lights=True, largest_radius=LARGEST)


def run_pairs(
    images: Path, run: PairRun, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Make the pairs, or those that are missing; returns what pairs.json says. Raises FileError, InputError."""
    check_apart(images, run.out)
    ranges(asdict(run))
    photos, twice = _photos(images)
    depths = {} if run.depths is None else files_by_stem(run.depths, DEPTHS)[0]

    def told(rows: list[Facts]) -> Facts:
        pairs: list[Facts] = [pair for row in rows for pair in row.get("pairs", ())]
        if not run.shard:
            write_cards(run, pairs)
        problems = [row[PROBLEM] for row in rows if PROBLEM in row]
        return {"pairs": pairs, "left_out": problems + [f"{one.name}: {one.reason}" for one in twice]}

    work = Work(make_pairs, BATCH, _members, cards=CARDS)
    return make_set(run, work, lambda: _items(photos, depths, run), MANIFEST, told, on_progress)


def make_pairs(batch: list[Facts]) -> list[Facts]:
    """Pure but for the files that it writes: a batch of photos in, the facts of their pairs out."""
    return one_by_one(_pairs_of, batch)


def ranges(settings: Facts) -> CameraRanges:
    """What lenses are drawn from. Raises InputError."""
    bounds = settings["mean_coc"]
    return CameraRanges(
        tuple(settings["f_number"]),
        None if bounds is None else tuple(bounds),
        settings["focus"],
        tuple(settings["blades"]),
        tuple(settings["cat_eye"]),
    )


def _photos(images: Path) -> tuple[dict[str, Path | Part], list[Problem]]:
    """Photos of a folder or of shards by their stems, and what is there twice."""
    in_shards = shard_photos(images)
    if not in_shards:
        files, twice = files_by_stem(images, PHOTO_SUFFIXES)
        if not files:
            raise FileError(f"expected photos or shards in '{images}', got none, try another folder")
        return dict(files), twice
    count = Counter(Path(each.name).stem for each in in_shards)
    found = {Path(each.name).stem: each.part for each in in_shards if count[Path(each.name).stem] == 1}
    return dict(found), [Problem(stem, f"{n} samples of that name") for stem, n in count.items() if n > 1]


def _items(photos: dict[str, Path | Part], depths: dict[str, Path], run: PairRun) -> list[Facts]:
    free = (*FREE, "shard")
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(run).items() if k not in free}
    items = []
    for number, (stem, path) in enumerate(sorted(photos.items())):
        depth = depths.get(stem)
        if run.depths is not None and depth is None:
            raise FileError(
                f"expected a depth file for '{stem}' in '{run.depths}', got none, try without --depths"
            )
        place_in_name = number if run.layout == "ebb" else None  # only there a file is called by it
        key = key_of((path, depth, *sidecars(depth)), {**settings, "stem": stem, "number": place_in_name})
        own = int(key_of((path,), [run.seed, stem])[:12], 16)
        split = "test" if own / 16**12 < run.held_out else "train"
        place = {"photo": as_json(path), "depth": None if depth is None else str(depth), "out": str(run.out)}
        names = {"stem": stem, "number": number, "own": own, "split": split}
        items.append({"key": key, **names, **place, "settings": settings})
    return items


def _pairs_of(item: Facts) -> Facts:
    said = item["settings"]
    sharp, inverse = _opened(item)
    own, split, found = item["own"], item["split"], []
    for turn in range(said["each"]):
        draw = np.random.default_rng([own, turn])
        numbers = torch.Generator().manual_seed(int(draw.integers(2**31)))
        lens = ranges(said).drawn(inverse, numbers)
        moved = _moved(sharp, inverse, lens, said, draw)
        with torch.no_grad():
            light = RENDERER.render(srgb_to_linear(sharp[None]), moved[None, None], lens)[0]
        blurred = with_noise(linear_to_srgb(light.clamp(0, 1)), draw, CameraSettings(noisy=said["noisy"]))
        blurred = _breathed(blurred, 1 + said["breathing"] * float(draw.random()))
        name = _name(item, said, turn)
        radius = lens.coc_radius_px(moved, sharp.shape[-1]) if said["coc"] else None
        files = _write(item, split, name, blurred, sharp, radius)
        found.append(
            {
                "name": name,
                "photo": Path(str(from_json(item["photo"]))).name,
                "split": split,
                **files,
                "f_number": round(float(lens.f_number), 4),
                "focus_m": round(float(lens.focus_distance_m), 4),
                "blades": lens.blades,
                "cat_eye": round(lens.cat_eye, 4),
                "mean_coc": round(float(lens.coc_radius_px(moved, 1).abs().mean()), 6),
            }
        )
    return {"pairs": found}


def _opened(item: Facts) -> tuple[Float[Tensor, "3 h w"], Float[Tensor, "h w"]]:
    """The sharp photo in sRGB and its inverse depth, 1/m, at the size of the pair."""
    file, said = from_json(item["photo"]), item["settings"]
    sharp = read_planes(file)
    whole_size = sharp.shape[-2:]
    scale = min(1.0, said["longest_px"] / max(sharp.shape[-2:])) if said["longest_px"] else 1.0
    size = [max(1, round(n * scale)) for n in sharp.shape[-2:]]
    if min(size) < LEAST_PX:
        raise FileError(f"expected a photo from {LEAST_PX} px, got '{file}' of {size}, try another")
    if scale < 1:
        sharp = functional.interpolate(sharp[None], size, mode="bilinear", antialias=True)[0]
    sharp = sharp.clamp(0, 1)
    if item["depth"] is None:
        depth = estimate_depth(as_rgb8(sharp), name=said["estimator"]).depth
    else:
        depth = read_depth(Path(item["depth"]), said["depth_kind"]).resized(*whole_size)
    inverse = torch.from_numpy(np.ascontiguousarray(depth.inverse_depth(NEAR_M, FAR_M)))[None, None]
    return sharp, functional.interpolate(inverse, size, mode="bilinear", antialias=True)[0, 0]


def _moved(
    sharp: Float[Tensor, "3 h w"],
    inverse: Float[Tensor, "h w"],
    lens: ThinLens,
    said: Facts,
    draw: np.random.Generator,
) -> Float[Tensor, "h w"]:
    """Inverse depth as the bokeh is made from it."""
    if said["bokeh"] == "natural":
        return inverse
    far, near = float(inverse.min()), float(inverse.max())
    span = max(near - far, 1e-3)
    nearness = ((inverse - far) / span).clamp(0, 1)
    if said["bokeh"] == "random":
        signs = torch.from_numpy(draw.integers(0, 2, tuple(nearness.shape)).astype(np.float32) * 2 - 1)
        return far + span * (nearness + said["epsilon"] * signs).clamp(0, 1)

    def render(image: Tensor, depth: Tensor) -> Tensor:
        return linear_to_srgb(RENDERER.render(srgb_to_linear(image), far + span * depth, lens)).clamp(0, 1)

    victim = _victim(said["victim"])
    with torch.no_grad(), strict_float32(sharp.device), evaluating(victim):
        label = ask_classes(victim, render(sharp[None], nearness[None, None])).argmax(1)
    attack = GDA(epsilon=said["epsilon"], steps=said["steps"], seed=int(draw.integers(2**31)))
    found = attack(render, victim, sharp[None], nearness[None, None], label).depth
    return inverse if found is None else far + span * found[0, 0]


@lru_cache(maxsize=1)
def _victim(name: str) -> Any:
    return open_victim(name)


def _breathed(picture: Float[Tensor, "3 h w"], by: float) -> Float[Tensor, "3 h w"]:
    """Magnified about the middle."""
    if by <= 1:
        return picture
    height, width = picture.shape[-2:]
    theta = torch.tensor([[[1 / by, 0, 0], [0, 1 / by, 0]]])
    grid = functional.affine_grid(theta, [1, 3, height, width], align_corners=False)
    return functional.grid_sample(
        picture[None], grid, mode="bicubic", padding_mode="border", align_corners=False
    )[0]


def _name(item: Facts, said: Facts, turn: int) -> str:
    if said["layout"] == "ebb":
        return str(item["number"] * said["each"] + turn)
    return item["stem"] if said["each"] == 1 else f"{item['stem']}-{turn}"


def _write(
    item: Facts,
    split: str,
    name: str,
    blurred: Float[Tensor, "3 h w"],
    sharp: Float[Tensor, "3 h w"],
    radius: Float[Tensor, "h w"] | None,
) -> dict[str, str]:
    said, out = item["settings"], Path(item["out"])
    suffix = ".jpg" if said["layout"] == "ebb" else ".png"
    paths = {
        "input": Path(split, FOLDERS[said["layout"]][0], f"{name}{suffix}"),
        "target": Path(split, FOLDERS[said["layout"]][1], f"{name}{suffix}"),
    }
    for role, picture in (("input", blurred), ("target", sharp)):
        (out / paths[role]).parent.mkdir(parents=True, exist_ok=True)
        write_photo(out / paths[role], _codes(picture, said["bits"], said["linear"]), quality=95)
    if radius is not None:
        paths["coc"] = Path(split, "coc", f"{name}.npy")
        (out / paths["coc"]).parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(out / paths["coc"]) as temporary, temporary.open("wb") as file:
            np.save(file, radius.numpy().astype(np.float16))
    return {role: path.as_posix() for role, path in paths.items()}


def _members(row: Facts, folder: Path) -> Iterator[tuple[str, bytes]]:
    """A sample for each pair: NAME.input.png, NAME.target.png, its lens."""
    for pair in row.get("pairs", ()):
        stem = pair["name"].replace(".", "_")
        files = {role: Path(pair[role]) for role in ("input", "target", "coc") if role in pair}
        for role, path in files.items():
            yield f"{stem}.{role}{path.suffix}", (folder / path).read_bytes()
        facts = {name: value for name, value in pair.items() if name not in files}
        yield f"{stem}.json", json.dumps(facts).encode()


def _codes(picture: Float[Tensor, "3 h w"], bits: int, linear: bool) -> np.ndarray:
    values = srgb_to_linear(picture) if linear else picture
    most, kind = (255, np.uint8) if bits == 8 else (65535, np.uint16)
    return np.ascontiguousarray(np.rint(values.clamp(0, 1).permute(1, 2, 0).numpy() * most).astype(kind))
