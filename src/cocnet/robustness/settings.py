"""What a run about robustness is asked for. Light, so that a command line need not wait for torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from cocnet.errors import InputError

Nearest = Literal["subject", "point"]


@dataclass(frozen=True)
class RobustnessRun:
    """Which photos, victims and methods, and how they are rendered."""

    data: Path
    """Photos with labels: the NeurIPS-2017 set with its table, or a folder each class."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/robustness")
    """Folder of the run; the same command goes on where it stood."""
    split: str | None = None
    """Of a table that has splits [eval]."""
    victims: tuple[str, ...] = ("mobilenet_v2",)
    """Names of classifiers, or NAME=FILE.safetensors, also with commas; each is attacked, and sees what fooled the
    others."""
    methods: tuple[str, ...] = ("aif", "bokeh", "blur", "random", "gda", "sm-gda", "bg-gda")
    """Also random-sm-gda, random-bg-gda, offset, lens, random-lens, pgd-rgb, ace, colorfool-unmasked; with another ε:
    gda@8e-3."""
    renderer: str = "physical"
    """physical, physical-eq8, or a network with depth or a lens: a weight file, or a name whose weights ship."""
    f_number: float = 2.8
    """Of a 75 mm lens: how strong bokeh is."""
    focus_m: float = 1.0
    """Distance of focus; the nearest point of each photo is at 1 m, the farthest at 10 m."""
    nearest: Nearest = "subject"
    """What counts as each photo's nearest point: its subject (all before it counts as beside it), or its nearest."""
    depths: Path | None = None
    """Folder of depth files of the photos' names [estimated, and kept in the run's folder]."""
    depth_kind: str | None = None
    """Of these: metric, disparity, relative_depth or relative_disparity [what their sidecars say]."""
    estimator: str = "subject"
    """Without depth files: subject (built in), or another of `cocnet depth`."""
    photos: int | None = None
    """How many, evenly from all [all]."""
    size_px: int = 224
    """The square that photos are brought to."""
    batch: int = 8
    """Photos at a time, after which results are written."""
    steps: int = 50
    """Of an attack."""
    full_steps: bool = False
    """Take all steps also on photos that are fooled: stronger, transfers better, takes longer."""
    seed: int = 0
    """Of random draws."""
    metrics: tuple[str, ...] = ("psnr", "ssim", "lpips")
    """Likeness; where lpips can't be had, flip."""
    pictures: int = 3
    """Photos that the report shows."""
    device: str = "cpu"
    """Or cuda."""
    threads: int | None = None
    """Of the processor [PyTorch's choice]."""

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("steps", 1), ("size_px", 32), ("pictures", 0)):
            if getattr(self, name) < least:
                raise InputError(f"expected {name} from {least}, got {getattr(self, name)}, try the default")
        for name in ("photos", "threads"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise InputError(f"expected {name} from 1, got {getattr(self, name)}, try leaving it out")
        for name in ("victims", "methods", "metrics"):
            values = tuple(part for value in getattr(self, name) for part in value.split(",") if part)
            object.__setattr__(self, name, values)
            if not values or len(set(values)) < len(values):
                got = ", ".join(values) or "none"
                raise InputError(f"expected {name}, each once, got {got}, try the default")
