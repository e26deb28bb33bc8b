"""What a run about robustness is asked for. Light, so that a command line need not wait for torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import arg

from cocnet.errors import InputError

Nearest = Literal["subject", "point"]
LossName = Literal["ce", "dlr", "margin"]


@dataclass(frozen=True, kw_only=True)
class AttackSettings:
    """What an attack on one photo and a run over many have in common: the renderer, its depth, the attack's
    effort."""

    renderer: str = "physical"
    """physical, physical-eq8, or a network with depth or a lens: a weight file, or a name whose weights ship."""
    f_number: float = 2.8
    """Aperture of the 75 mm lens: the smaller, the stronger the bokeh."""
    focus_m: float = 1.0
    """Focus distance in metres; the nearest point of each photo is at 1 m, the farthest at 10 m."""
    nearest: Nearest = "subject"
    """What counts as a photo's nearest point: its subject (all before it counts as beside it), or truly the nearest
    point."""
    depth_kind: str | None = None
    """Kind of the depth files: metric, disparity, relative_depth or relative_disparity [what their sidecars say]."""
    estimator: str = "builtin"
    """Depth estimator for photos without a depth file: builtin, or another of `cocnet depth`."""
    size_px: int = 224
    """Side of the square that photos are resized and cropped to, in px."""
    steps: int = 50
    """Steps of the attack."""
    restarts: int = 1
    """Starts of the attack, for photos not fooled yet."""
    full_steps: bool = False
    """Take all steps also on photos that are already fooled: stronger, transfers better, takes longer."""
    loss: LossName = "ce"
    """Loss that the attack makes large: ce (cross-entropy), dlr (difference of logits ratio) or margin."""
    lens_stops: float | None = None
    """Bounds of the methods lens and random-lens: stops of the aperture around the natural one; focal length stays
    [f/1.4 to f/16, 35 to 105 mm]."""
    lens_dioptres: float | None = None
    """The same for the focus, in 1/m around the natural one [0.5 to 20 m]."""
    seed: int = 0
    """Random seed."""
    device: str = "cpu"
    """cpu or cuda."""

    def __post_init__(self) -> None:
        check_least(self, steps=1, restarts=1, size_px=32)


@dataclass(frozen=True)
class RobustnessRun(AttackSettings):
    """Which photos, victims and methods, and how they are rendered."""

    data: Path
    """Labelled photos: the NeurIPS-2017 set or another with a table of labels (CSV), or a folder for each class,
    named by its number from 0, by its WordNet id (n01440764), or as classes.json in it says: a list of names in
    the victims' order, or {"cat": 281}."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/robustness")
    """Folder of the run; the same command goes on where it was interrupted."""
    split: str | None = None
    """Split of a table that has splits [eval]."""
    file_column: str | None = None
    """Column of a table that names the photos [file or ImageId]."""
    label_column: str | None = None
    """Column of a table with classes: numbers, or WordNet ids [label or TrueLabel]."""
    first_class: int = 0
    """Number of the first class in --label-column: 0 or 1."""
    victims: tuple[str, ...] = ("mobilenet_v2",)
    """Names of classifiers, NAME=FILE.safetensors, or PACKAGE.MODULE:FUNCTION of one's own (sRGB [b 3 h w] of 0..1 to
    logits [b n]), also with commas; each is attacked, and sees what fooled the others."""
    methods: tuple[str, ...] = ("aif", "bokeh", "blur", "random", "gda", "sm-gda", "bg-gda")
    """Also random-sm-gda, random-bg-gda, offset, lens, random-lens, pgd-rgb, ace, colorfool-unmasked. With another ε
    and effort: gda@8e-3, gda@8e-3:steps=200:restarts=3, gda@8e-3:full (all steps). camera: natural bokeh
    at nine settings around the camera's, one step of --lens-stops and --lens-dioptres (1 and 0.1) either way."""
    epsilons: tuple[float, ...] = ()
    """Sweep: every method that has an ε is run at each of these instead of at its own."""
    transforms: tuple[str, ...] = ()
    """What happens to pictures on the way to a victim: jpeg95, jpeg75, resize, deblur; depth16, depth8 (depth
    saved in so many bits and rendered again); on:RENDERER (the same depth through another renderer). Which
    attacks survive it is reported; may be added to a finished run."""
    depths: Path | None = None
    """Folder of depth files of the photos' names [estimated, and stored in the run's folder]."""
    photos: int | None = None
    """Number of photos, taken evenly from all [all]."""
    batch: int = 8
    """Photos at a time, after which results are written."""
    metrics: tuple[str, ...] = ("psnr", "ssim", "lpips")
    """Similarity metrics; where lpips can't be had, flip."""
    pictures: int = 3
    """Number of photos that the report shows."""
    threads: int | None = None
    """Processor threads [PyTorch's choice]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, batch=1, pictures=0)
        if (self.file_column is None) != (self.label_column is None):
            raise InputError("expected --file-column and --label-column, got one of them, try both")
        for name in ("photos", "threads"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise InputError(f"expected {name} from 1, got {getattr(self, name)}, try leaving it out")
        for name in ("victims", "methods", "metrics", "transforms"):
            values = tuple(part for value in getattr(self, name) for part in value.split(",") if part)
            object.__setattr__(self, name, values)
            if (not values and name != "transforms") or len(set(values)) < len(values):
                got = ", ".join(values) or "none"
                raise InputError(f"expected {name}, each once, got {got}, try the default")


def check_least(settings: Any, **least: int) -> None:
    """Raise InputError where a setting is below its least value."""
    for name, value in least.items():
        if not getattr(settings, name) >= value:
            raise InputError(f"expected {name} from {value}, got {getattr(settings, name)}, try the default")
