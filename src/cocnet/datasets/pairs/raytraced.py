"""Ray-traced pairs, as tools/raytrace makes them: exact depth, a known lens, light above 1.0.

Enters: a folder of .npz (all_in_focus, bokeh [h w 3] scene-linear, depth_m [h w], lens as JSON). Leaves: `LensPair`s.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from cocnet.datasets.pairs.matching import Problem, natural, stop_at
from cocnet.datasets.pairs.view import Cut, View
from cocnet.errors import FileError
from cocnet.files.json_file import an_object, reason_of
from cocnet.files.listing import listed
from cocnet.files.npz_file import npz_shape, read_npz
from cocnet.optics import ThinLens

MOST_BYTES = 2_000_000_000  # of one scene: 60 megapixels
_ARRAYS = ("lens", "all_in_focus", "bokeh", "depth_m")
LENS_FIELDS = (
    "focal_length_m",
    "f_number",
    "focus_distance_m",
    "sensor_width_m",
    "blades",
    "blade_rotation_rad",
)


class LensPair(NamedTuple):
    """Scene-linear light, depth in metres along the axis (infinity: no surface), and the lens that took it."""

    image: Float[Tensor, "3 h w"]
    bokeh: Float[Tensor, "3 h w"]
    depth_m: Float[Tensor, "1 h w"]
    lens: ThinLens
    name: str


class RayTraced(Dataset[LensPair]):
    """The scenes of some files, each read when it is asked for; raises FileError where one can't be. `problems`: what
    was left out."""

    def __init__(self, files: tuple[Path, ...], about: str, problems: tuple[Problem, ...] = ()) -> None:
        self.files, self.about, self.problems = files, about, problems

    def __len__(self) -> int:
        return len(self.files)

    @property
    def names(self) -> tuple[str, ...]:
        """What the scenes are called, in order."""
        return tuple(path.stem for path in self.files)

    @property
    def sizes(self) -> list[tuple[int, ...]]:
        """Height and width of each, by its header."""
        return [npz_shape(path, "depth_m") for path in self.files]

    def __getitem__(self, index: int) -> LensPair:
        return read_scene(self.files[index])


class CroppedScenes(Dataset[LensPair]):
    """Crops of side_px² of scenes by index, or by (pass, index) for another one each pass. Raises InputError where
    a scene is smaller."""

    def __init__(self, scenes: RayTraced, side_px: int, seed: int = 0) -> None:
        self.scenes, self.side_px, self.seed = scenes, side_px, seed
        self.files, self.about, self.problems = scenes.files, scenes.about, scenes.problems

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, key: int | tuple[int, int]) -> LensPair:
        turn, index = key if isinstance(key, tuple) else (0, key)
        pair = self.scenes[index]
        draw = np.random.default_rng([self.seed, turn, index, 4])
        height, width = pair.image.shape[-2:]
        return cropped(pair, View(crop=(self.side_px, self.side_px)).drawn(height, width, draw))


class Crops(Dataset[LensPair]):
    """`count` crops of side_px² of scenes, in passes over them; number `index` is always the same one. Raises
    InputError where a scene is smaller."""

    def __init__(self, scenes: RayTraced, side_px: int, seed: int = 0, count: int = 1_000_000) -> None:
        self.scenes, self.side_px, self.seed, self.count = scenes, side_px, seed, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> LensPair:
        if not 0 <= index < self.count:
            raise IndexError(index)
        turn, place = divmod(index, len(self.scenes))
        order = np.random.default_rng([self.seed, turn, 2]).permutation(len(self.scenes))
        pair = self.scenes[int(order[place])]
        draw = np.random.default_rng([self.seed, index, 3])
        height, width = pair.image.shape[-2:]
        cut = View(crop=(self.side_px, self.side_px)).drawn(height, width, draw)
        return cropped(pair, cut)


def cropped(pair: LensPair, cut: Cut) -> LensPair:
    """A part of a scene, seen by a part of its sensor, so that the blur keeps its size in px."""
    sensor = pair.lens.sensor_width_m * cut.width / pair.image.shape[-1]
    planes = (cut.of(plane) for plane in (pair.image, pair.bokeh, pair.depth_m))
    image, bokeh, depth_m = (plane.contiguous() for plane in planes)
    return LensPair(image, bokeh, depth_m, pair.lens.at(sensor_width_m=sensor), pair.name)


def ray_traced(folder: str | Path, crop_px: int = 0, skip_problems: bool = False) -> RayTraced:
    """The scenes of a folder by name. Raises FileError for none, and, unless they are to be left out, for scenes that
    by their headers don't open or are smaller than the crop."""
    files = sorted(listed(folder, "*.npz"), key=lambda path: natural(path.stem))
    about = f"ray-traced scenes in '{folder}'"
    found = {path: _scene_problem(path, crop_px) for path in files}
    problems = tuple(problem for problem in found.values() if problem)
    if not skip_problems:
        stop_at(problems, about, "whole scenes")
    whole = tuple(path for path, problem in found.items() if problem is None)
    if not whole:
        raise FileError(f"expected ray-traced scenes (.npz) in '{folder}', got none, try tools/raytrace")
    return RayTraced(whole, about, problems)


def _scene_problem(path: Path, crop_px: int) -> Problem | None:
    """What is wrong with a scene by the header of its depth."""
    try:
        height, width = npz_shape(path, "depth_m")
    except (OSError, ValueError, KeyError) as error:
        return Problem(path.stem, " ".join(str(error).split())[:120])
    if min(height, width) < crop_px:
        return Problem(path.stem, f"{width} × {height}, smaller than the crop of {crop_px} × {crop_px}")
    return None


def read_scene(path: str | Path) -> LensPair:
    """One scene; raises FileError where the file is of something else or damaged."""
    try:
        data = read_npz(Path(path), _ARRAYS, MOST_BYTES)
        about = an_object(json.loads(str(data["lens"])))
        image, bokeh = (_light(data[name]) for name in ("all_in_focus", "bokeh"))
        depth_m = torch.from_numpy(data["depth_m"].astype(np.float32))[None]
        lens = ThinLens(**{name: about[name] for name in LENS_FIELDS})
        if not image.shape == bokeh.shape == (3, *depth_m.shape[1:]):
            raise ValueError(f"shapes {[list(x.shape) for x in (image, bokeh, depth_m)]}")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, RecursionError) as error:
        raise FileError(
            f"expected a ray-traced scene, got '{path}' ({reason_of(error)}), try tools/raytrace"
        ) from error
    return LensPair(image, bokeh, depth_m, lens, Path(path).stem)


def _light(array: np.ndarray) -> Float[Tensor, "3 h w"]:
    return torch.from_numpy(array.astype(np.float32)).permute(2, 0, 1).contiguous()
