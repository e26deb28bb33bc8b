"""One attack at one setting on all photos: what the victim still names, how alike the pictures are, what δ is.

Enters: a `Ground` (photos, nearness, labels, renderer, victim: the same for all that is compared) and an attack.
Leaves: a `Point`, a value a photo; each batch is kept in a folder, so that an interrupted run goes on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cocnet.attacks import DepthOffset, Random
from cocnet.attacks.base import RenderAttack
from cocnet.attacks.result import AttackResult, Victim
from cocnet.attacks.transfer import seen
from cocnet.compute import strict_float32
from cocnet.errors import InputError
from cocnet.files.result_cache import described, kept
from cocnet.metrics import Interval, psnr, wilson
from cocnet.renderers.nearness import Setup
from cocnet.robustness.perturbation import change
from cocnet.robustness.survival import Render, survival

Column = tuple[bool, ...]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Ground:
    """What everything that is compared stands on. `facts` name it (photos, victim, renderer, weights): what is kept
    in a folder is taken again only for the same. others: renderers that see the same depth. Raises InputError."""

    image: Float[Tensor, "n 3 h w"]
    depth: Float[Tensor, "n 1 h w"]
    label: Int64[Tensor, "n"]
    render: Render
    victim: Victim
    facts: Mapping[str, Any]
    setup: Setup = field(default_factory=Setup)
    others: Mapping[str, Render] = field(default_factory=dict)
    batch: int = 8

    def __post_init__(self) -> None:
        if not len(self.image) or self.batch < 1:
            got = f"{len(self.image)} and {self.batch}"
            raise InputError(f"expected photos and a batch from 1, got {got}, try a folder with photos")

    def rows(self) -> Iterator[slice]:
        """Batches."""
        for start in range(0, len(self.image), self.batch):
            yield slice(start, min(start + self.batch, len(self.image)))


@dataclass(frozen=True)
class Point:
    """An attack at a setting, a value a photo.

    clean, natural, right: named rightly in the photo, in natural bokeh, in adversarial bokeh; psnr_db of adversarial
    to natural bokeh; queries of the victim; ways: (natural, adversarial) right by each way to the victim; delta: the
    fields of `Change`. epsilon is nearness's (of the camera's ranges for an attack on the lens). full: it went on
    after the first picture that fools, to the one that fools most.
    """

    attack: str
    epsilon: float
    steps: int
    restarts: int
    clean: Column
    natural: Column
    right: Column
    psnr_db: tuple[float, ...]
    queries: tuple[int, ...]
    ways: dict[str, tuple[Column, Column]] = field(default_factory=dict)
    delta: dict[str, tuple[float, ...]] = field(default_factory=dict)
    full: bool = False

    @property
    def counted(self) -> Column:
        """Right before and after natural bokeh: the photos that an attack is measured on."""
        return tuple(a and b for a, b in zip(self.clean, self.natural, strict=True))

    @property
    def accuracy(self) -> Interval:
        """Of all photos, as tables of robustness have it."""
        return share(self.right)

    @property
    def success(self) -> Interval:
        """Fooled, of those that count."""
        return share(not right for right, counts in zip(self.right, self.counted, strict=True) if counts)

    @property
    def similarity_db(self) -> float:
        """Median PSNR to natural bokeh of those that count; infinity where most are unchanged, NaN of none."""
        values = [db for db, counts in zip(self.psnr_db, self.counted, strict=True) if counts]
        return median(values) if values else float("nan")

    def survival(self, way: str) -> tuple[Interval, Interval, Interval]:
        """Natural pictures right after that way; fooled there, of those; fooled there, of those fooled as found."""
        natural, found = self.ways[way]
        told = [c and n for c, n in zip(self.clean, natural, strict=True)]
        still = [not found[k] for k, counts in enumerate(told) if counts]
        both = [
            not found[k] for k, counts in enumerate(told) if counts and self.natural[k] and not self.right[k]
        ]
        return share(natural), share(still), share(both)


def share(happened: Iterable[bool]) -> Interval:
    """Of photos, with Wilson's interval."""
    listed = list(happened)
    return wilson(sum(listed), len(listed))


def at_epsilon(attack: RenderAttack, nearness: float) -> RenderAttack:
    """The attack with another budget, in nearness, and the step that follows from it."""
    scale = attack.span if isinstance(attack, DepthOffset) else 1.0
    return replace(attack, epsilon=nearness * scale, step_size=None)


def measure(
    ground: Ground,
    attack: RenderAttack | Random,
    folder: Path | None = None,
    ways: bool = False,
    on_progress: Progress | None = None,
) -> Point:
    """Attack all photos, batch by batch; with `ways` also ask what survives and what δ is."""
    base = attack.like if isinstance(attack, Random) else attack
    epsilon = base.epsilon / (base.span if isinstance(base, DepthOffset) else 1.0)
    effort = f"{base.steps} steps x {base.restarts}{'' if base.early_stop else ', full'}"
    name = f"{attack.name} eps {epsilon:.3g}, {effort}"
    columns: dict[str, Any] = {}
    for rows in ground.rows():
        facts = {**ground.facts, "attack": described(attack), "rows": [rows.start, rows.stop], "ways": ways}
        if on_progress:
            on_progress(name, rows.start, len(ground.image))
        make = partial(_batch, ground, attack, rows, ways)
        columns = _longer(columns, kept(folder, f"{name}, photo {rows.start}", facts, make))
    return Point(attack.name, epsilon, base.steps, base.restarts, **_typed(columns), full=not base.early_stop)


@torch.no_grad()
def _batch(ground: Ground, attack: Any, rows: slice, ways: bool) -> dict[str, Any]:
    """The columns of one batch."""
    image, depth, label = ground.image[rows], ground.depth[rows], ground.label[rows]
    with strict_float32(image.device):
        natural = ground.render(image, depth)
        result = attack(ground.render, ground.victim, image, depth, label)
        pictures = {"clean": image, "natural": natural, "right": result.image}
        columns: dict[str, Any] = {
            key: seen([ground.victim], picture, label)[0].tolist() for key, picture in pictures.items()
        }
        columns |= {"psnr_db": psnr(result.image, natural).tolist(), "queries": result.queries.tolist()}
        return columns | (_beyond(ground, result, image, depth, label) if ways else {"ways": {}, "delta": {}})


def _beyond(
    ground: Ground, result: AttackResult, image: Tensor, depth: Tensor, label: Tensor
) -> dict[str, Any]:
    """What survives, and what δ is."""
    outcomes = survival(result, image, depth, label, ground.victim, ground.render, ground.others)
    moved = change(depth, depth if result.depth is None else result.depth, ground.setup, result.camera)
    return {
        "ways": {
            name: [one.natural_right.tolist(), one.adversarial_right.tolist()]
            for name, one in outcomes.items()
        },
        "delta": {one.name: getattr(moved, one.name).tolist() for one in fields(moved)},
    }


def _longer(before: Any, more: Any) -> Any:
    """Columns of one batch after those of others."""
    if isinstance(more, dict):
        return {key: _longer(before.get(key) if before else None, value) for key, value in more.items()}
    if more and isinstance(more[0], list):
        return [_longer(a, b) for a, b in zip(before or [[] for _ in more], more, strict=True)]
    return [*(before or []), *more]


def _typed(columns: Mapping[str, Any]) -> dict[str, Any]:
    """As `Point` has them."""
    plain = {key: tuple(columns[key]) for key in ("clean", "natural", "right", "queries")}
    return plain | {
        "psnr_db": tuple(float(db) for db in columns["psnr_db"]),
        "ways": {name: (tuple(a), tuple(b)) for name, (a, b) in columns["ways"].items()},
        "delta": {name: tuple(float(v) for v in values) for name, values in columns["delta"].items()},
    }
