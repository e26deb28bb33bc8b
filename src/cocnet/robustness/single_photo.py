"""One photo attacked, and what came of it as files.

Enters: an `AttackRun`. Leaves: an adversarial picture, looked at as its file holds it; beside it adversarial depth
in 1/m (NPY, float32: 8 bit can't hold what attacks change) and the settings; facts of before and after.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from cocnet.errors import DepthError, FileError
from cocnet.robustness.run_settings import AttackSettings

if TYPE_CHECKING:
    from torch import Tensor

    from cocnet.attacks.own_victims import OwnVictim
    from cocnet.attacks.victims import Classifier


_SOURCE = "adversarial by"  # how the sidecars of its depth begin


@dataclass(frozen=True)
class AttackRun(AttackSettings):
    """Which method, on which victim, through which renderer."""

    out: Annotated[Path, arg(aliases=["-o"])]
    """Picture to write; PNG keeps exactly what the attack found. Its settings go to OUT.json, its depth to
    OUT.npy."""
    method: str = "bg-gda"
    """Attack or baseline. On depth: gda, sm-gda, bg-gda, offset (a smooth error). On the lens: lens. The same at
    random: random, random-sm-gda, random-bg-gda, random-lens. On pixels or colours: pgd-rgb, ace, colorfool-unmasked.
    No attack: bokeh, blur (uniform)."""
    victim: str = "mobilenet_v2"
    """Classifier to fool: a name (mobilenet_v2, efficientnet_lite0, …), NAME=FILE.safetensors for other weights, or
    PACKAGE.MODULE:FUNCTION for your own, which takes sRGB [b 3 h w] in 0..1 and returns logits [b n]."""
    depth: Path | None = None
    """Depth file of the photo, or a folder with one of its name (default: depth is estimated)."""
    label: int | None = None
    """The photo's true class, counted from 0 (default: the class that the classifier sees in it)."""
    target: int | None = None
    """Class that the classifier shall see, counted from 0 (default: any wrong one)."""
    epsilon: float | None = None
    """Bound ε on the perturbation (default: the method's own)."""


@dataclass(frozen=True)
class Prediction:
    """The class that a victim sees, its name, and how sure it is (softmax)."""

    label: int
    name: str
    confidence: float


@dataclass(frozen=True)
class AttackOutcome:
    """What came out; `photo`, `natural` and `after` are what the victim sees, the last in the file. depth: the file,
    None where the method leaves depth alone; target: the class that the victim shall see, None for any wrong one."""

    out: Path
    depth: Path | None
    epsilon: float | None
    label: int
    photo: Prediction
    natural: Prediction
    after: Prediction
    success: bool
    queries: int
    camera: tuple[float, ...] | None = None
    target: int | None = None


def ignored_by_method(run: AttackRun) -> tuple[str, ...]:
    """Lines on options that are given and have no effect with the run's method and depth. Raises InputError."""
    from cocnet.robustness.methods import open_method

    method = open_method(run.method)
    spec, effort = (
        method.spec,
        {"steps": "steps", "restarts": "restarts", "full": "full_steps", "loss": "loss"},
    )
    fixed = () if spec.epsilon is not None else spec.own or effort
    useless = {
        f"with --method {method.base}": (
            *(option for part, option in effort.items() if part in fixed),
            *(() if spec.camera else ("lens_stops", "lens_dioptres")),
        ),
        "without --depth": ("depth_kind",) if run.depth is None else (),
        "beside --depth": () if run.depth is None else ("estimator",),
    }
    lines = []
    for why, names in useless.items():
        changed = [name for name in names if getattr(run, name) != getattr(AttackRun, name)]
        flags = ", ".join("--" + name.replace("_", "-") for name in changed)
        lines += [f"{flags}: no effect {why}"] if flags else []
    return tuple(lines)


def attack_photo(photo: Path, run: AttackRun) -> AttackOutcome:
    """Attack it and write the files. Raises FileError, InputError, DepthError."""
    from cocnet.robustness.one_attack import before_attack, top_classes

    _check_outputs(photo, run)
    before = before_attack(photo, run)
    result = before.attacked()
    photo_seen, natural_seen = (
        top_classes(before.victim, picture, 1)[0] for picture in (before.image, before.natural)
    )
    after = _written(run.out, result.image, before.victim)
    found = AttackOutcome(
        run.out,
        _depth_written(result.depth, before.near, run),
        before.method.epsilon,
        before.label,
        photo_seen,
        natural_seen,
        after,
        (after.label == before.goal) == (run.target is not None),
        int(result.queries[0]),
        None if result.camera is None else tuple(result.camera[0].tolist()),
        run.target,
    )
    _write_settings(photo, run, found, before.victim.about)
    return found


def _check_outputs(photo: Path, run: AttackRun) -> None:
    """Refuse early what can't be written, or is an input."""
    from cocnet.files.atomic import check_writes
    from cocnet.files.offline import is_there
    from cocnet.files.own_settings import check_settings
    from cocnet.imaging.photo.encode import FORMATS

    if not is_there(photo):
        raise FileError(f"expected a photo, got no file at '{photo}', try another path")
    if run.out.suffix.lower() not in FORMATS:
        raise FileError(f"expected a file name ending in {', '.join(FORMATS)}, got '{run.out}', try .png")
    depth = _beside(run.out, ".npy")
    check_writes((run.out, depth, _beside(run.out, ".json")), (photo, run.depth))
    check_settings(_beside(run.out, ".json"))
    for path in (depth, _beside(depth, ".json")):
        if path.exists() and not _is_left(depth):
            raise FileError(
                f"expected the depth of an earlier attack or none, got another file '{path}', try another name"
            )


def _is_left(depth: Path) -> bool:
    """Whether what lies there is the depth that an attack left."""
    from cocnet.imaging.depth.depth_file import read_sidecar

    try:
        return read_sidecar(depth).source.startswith(_SOURCE)
    except DepthError:
        return False


def _written(path: Path, picture: "Tensor", victim: "Classifier | OwnVictim") -> Prediction:
    """Write the picture, and look at the file."""
    from cocnet.robustness.one_attack import top_classes
    from cocnet.robustness.run_layout import load_picture, save_picture

    save_picture(path, picture[0])
    return top_classes(victim, load_picture(path)[None].to(picture.device), 1)[0]


def _depth_written(depth: "Tensor | None", natural: "Tensor", run: AttackRun) -> Path | None:
    """The file of a depth that was changed; in 1/m, because relative depth is stretched anew when it is read."""
    from cocnet.imaging import DepthMap, write_depth
    from cocnet.robustness.sources import setup_of

    path = _beside(run.out, ".npy")
    if depth is None or bool((depth == natural).all()):
        for left in (path, _beside(path, ".json")) if _is_left(path) else ():
            left.unlink(missing_ok=True)
        return None
    inverse = setup_of(run).inverse_depth(depth.cpu())[0, 0]
    write_depth(path, DepthMap.of(inverse, "disparity", f"{_SOURCE} {run.method}"))
    return path


def _write_settings(photo: Path, run: AttackRun, found: AttackOutcome, about: str) -> None:
    from cocnet import __version__
    from cocnet.files.atomic import write_json

    facts: dict[str, Any] = {"cocnet": __version__, "photo": photo, "settings": asdict(run)}
    write_json(_beside(run.out, ".json"), facts | {"weights": about, "result": asdict(found)})


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
