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
    """Renderer: physical, physical-eq8 (the paper's Eq. 8), or a network that takes depth or a lens: a weight file,
    or a name of `cocnet models` whose weights ship."""
    f_number: float = 2.8
    """f-number of the 75 mm lens; a smaller one blurs more."""
    focus_m: float = 1.0
    """Focus distance in metres; each photo's depth reaches from 1 m to 10 m."""
    nearest: Nearest = "subject"
    """What is placed at 1 m: subject = the photo's subject, and all that is nearer with it; point = the nearest
    point."""
    depth_kind: str | None = None
    """What the depth files hold: metric (metres), disparity (1/metres), relative_depth (bigger is farther) or
    relative_disparity (bigger is nearer) (default: as the JSON file beside each says)."""
    estimator: str = "builtin"
    """Depth estimator for photos without a depth file: builtin, or another name that `cocnet depth --estimator`
    takes."""
    size_px: int = 224
    """Side in px of the square that photos are resized and cropped to."""
    steps: int = 50
    """Number of steps of an attack."""
    restarts: int = 1
    """Number of starts of an attack; after the first only for photos that don't fool the classifier yet, or for all
    with --full-steps."""
    full_steps: bool = False
    """Take all steps, even after the classifier is fooled: the attack is stronger and transfers better, but takes
    longer."""
    loss: LossName = "ce"
    """Loss that an attack maximises: ce (cross-entropy), dlr (difference of logits ratio) or margin."""
    lens_stops: float | None = None
    """Bounds of the methods lens and random-lens: the aperture may change by this many stops; what no option bounds
    then stays as it is (default: f/1.4 to f/16, 35 to 105 mm)."""
    lens_dioptres: float | None = None
    """Bounds of the same methods: the focus may change by this many dioptres (1/m); what no option bounds then stays
    as it is (default: 0.5 to 20 m)."""
    seed: int = 0
    """Random seed."""
    device: str = "cpu"
    """Where to compute: cpu or cuda."""

    def __post_init__(self) -> None:
        check_least(self, steps=1, restarts=1, size_px=32)


@dataclass(frozen=True)
class RobustnessRun(AttackSettings):
    """Which photos, victims and methods, and how they are rendered."""

    data: Path
    """Labelled photos: the NeurIPS-2017 set, a folder with another table of labels (CSV), or a folder for each class.
    Class folders are named by class number (from --first-class), by WordNet id (n01440764), or as classes.json beside
    them says: a list of names in the classifiers' order, or names with numbers, {"cat": 281}."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/robustness")
    """Folder of the run. Run the same command again to continue after an interruption."""
    split: str | None = None
    """Which split of a table that has splits (default: eval)."""
    file_column: str | None = None
    """Column of the table that names the photos (default: file or ImageId)."""
    label_column: str | None = None
    """Column of the table that holds the classes, as numbers or WordNet ids (default: label or TrueLabel)."""
    first_class: int = 0
    """Number of the first class in --label-column, or of class folders named by number: 0 or 1."""
    victims: tuple[str, ...] = ("mobilenet_v2",)
    """Classifiers to attack, each also tested on what fooled the others: names (mobilenet_v2, efficientnet_lite0, …),
    NAME=FILE.safetensors for other weights, or PACKAGE.MODULE:FUNCTION for your own, which takes sRGB [b 3 h w] in
    0..1 and returns logits [b n]."""
    methods: tuple[str, ...] = ("aif", "bokeh", "blur", "random", "gda", "sm-gda", "bg-gda")
    """Attacks and baselines. Others are random-sm-gda, random-bg-gda, offset, lens, random-lens, pgd-rgb, ace and
    colorfool-unmasked. Set ε and effort after @: gda@8e-3, gda@8e-3:steps=200:restarts=3, gda@8e-3:full (all steps).
    gda@8e-3:eot=png+jpeg75+resize is to fool after each of these --transforms, too, and
    gda@8e-3:with=resnet50+vgg16 these classifiers beside the one attacked: the loss is the mean of all.
    camera is natural bokeh at nine settings: aperture and focus each as they are and one step to either side, of
    --lens-stops (1 if not given) and --lens-dioptres (0.1 if not given)."""
    epsilons: tuple[float, ...] = ()
    """Values of ε to sweep: each method that has an ε is run at each of them, instead of at its own (default: no
    sweep)."""
    transforms: tuple[str, ...] = ()
    """What happens to the pictures before a classifier sees them, to report which attacks survive it: png (rounded to
    8 bit), jpeg95, jpeg75, resize, deblur; depth16, depth8 (depth is saved with that many bits, and rendered again);
    on:RENDERER (the same depth through another renderer). Can be added to a finished run (default: none)."""
    depths: Path | None = None
    """Folder of depth files, matched to the photos by name: DEPTHS/CLASS/NAME, else DEPTHS/NAME (default: depth is
    estimated, and stored in the run's folder)."""
    photos: int | None = None
    """Number of photos, spread evenly over all (default: all)."""
    batch: int = 8
    """Number of photos at a time; results are saved after each batch."""
    metrics: tuple[str, ...] = ("psnr", "ssim", "lpips")
    """Similarity metrics between natural and adversarial pictures; where lpips isn't installed, flip takes its
    place."""
    pictures: int = 3
    """Number of photos shown in the report."""
    threads: int | None = None
    """Number of CPU threads (default: PyTorch's choice)."""
    report_only: bool = False
    """Do no more work, but write the report of what is done so far; it says where photos are missing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, batch=1, pictures=0)
        if self.first_class not in (0, 1):
            raise InputError(f"expected first_class 0 or 1, got {self.first_class}, try 1")
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
