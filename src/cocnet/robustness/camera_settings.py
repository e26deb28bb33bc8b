"""Accuracy over what a photographer might have set: every setting of a grid, on average and at its worst.

Enters: spellings such as "camera:stops=1:dioptres=-0.1", and a run's records. Leaves: settings of a camera (focus in
1/m, f-number, focal length in m), and a `CameraScore` for each victim.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cocnet.attacks.lens_attack import FARTHEST
from cocnet.errors import InputError
from cocnet.metrics import Interval, wilson
from cocnet.robustness.records import AttackRecord
from cocnet.robustness.run_settings import RobustnessRun

GRID = (-1.0, 0.0, 1.0)
STOPS, DIOPTRES = 1.0, 0.1  # of the grid, where a run names none
NAME = "camera"


@dataclass(frozen=True)
class CameraSetting:
    """Around the natural setting: the aperture opened by `stops` (f-number / √2 each), the focus `dioptres` closer
    (1/m)."""

    stops: float = 0.0
    dioptres: float = 0.0

    @classmethod
    def read(cls, spelled: str, parts: Sequence[str]) -> "CameraSetting":
        """Read a setting written as "stops=X" or "dioptres=X". Raises InputError."""
        found = {}
        for part in parts:
            key, _, value = part.partition("=")
            try:
                found[key] = float(value)
            except ValueError:
                found[key] = math.nan
        if not set(found) <= {"stops", "dioptres"} or not all(map(math.isfinite, found.values())):
            raise InputError(
                f"expected stops=X or dioptres=X behind ':', got '{spelled}', try {NAME}:stops=1:dioptres=-0.1"
            )
        return cls(**found)

    def __str__(self) -> str:
        return f"{NAME}:stops={self.stops:g}:dioptres={self.dioptres:g}"

    def of(self, camera: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
        """The camera so set; its focus stays before infinity."""
        focus, f_number, focal = camera.unbind()
        moved = (focus + self.dioptres).clamp(min=min(FARTHEST, float(focus)))
        return torch.stack([moved, f_number * 2 ** (-self.stops / 2), focal])


@dataclass(frozen=True)
class CameraScore:
    """The share of photos that one victim names right at each of the settings; always: at all of them."""

    victim: str
    settings: tuple[CameraSetting, ...]
    right: tuple[Interval, ...]
    always: Interval

    @property
    def average(self) -> float:
        """Mean accuracy over the settings."""
        return sum(one.value for one in self.right) / len(self.right)

    @property
    def worst_setting(self) -> Interval:
        """Accuracy at the setting that has the least."""
        return min(self.right, key=lambda one: one.value)


def with_camera_grid(run: RobustnessRun) -> tuple[str, ...]:
    """The run's methods, "camera" alone replaced by a grid of 3 × 3 settings within its bounds."""
    stops = STOPS if run.lens_stops is None else run.lens_stops
    dioptres = DIOPTRES if run.lens_dioptres is None else run.lens_dioptres
    grid = [str(CameraSetting(s * stops + 0.0, d * dioptres + 0.0)) for s, d in itertools.product(GRID, GRID)]
    found = [one for name in run.methods for one in (grid if name == NAME else [name])]
    return tuple(dict.fromkeys(found))


def camera_scores(records: Sequence[AttackRecord], run: RobustnessRun) -> tuple[CameraScore, ...]:
    """One for each victim that was shown photos at several settings."""
    found = []
    for victim in run.victims:
        rows: dict[CameraSetting, dict[str, bool]] = {}
        for record in records:
            base, *parts = record.method.split(":")
            if record.victim == victim and base == NAME:
                setting = CameraSetting.read(record.method, parts)
                rows.setdefault(setting, {})[record.stem] = not record.success_saved
        if len(rows) > 1:
            right = tuple(_share(seen.values()) for seen in rows.values())
            photos = set.intersection(*(set(seen) for seen in rows.values()))
            always = _share([all(seen[photo] for seen in rows.values()) for photo in photos])
            found.append(CameraScore(victim, tuple(rows), right, always))
    return tuple(found)


def _share(right: Iterable[bool]) -> Interval:
    told = list(right)
    return wilson(sum(told), len(told))
