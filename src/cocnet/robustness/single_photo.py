"""One photo attacked, and what came of it as files.

Enters: an `AttackRun`. Leaves: an adversarial picture, looked at as its file holds it; beside it adversarial depth
in 1/m (NPY, float32: 8 bit can't hold what attacks change) and the settings; facts of before and after.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from cocnet.errors import FileError, InputError
from cocnet.robustness.run_settings import AttackSettings

if TYPE_CHECKING:
    from torch import Tensor

    from cocnet.attacks.own_victims import OwnVictim
    from cocnet.attacks.victims import Classifier
    from cocnet.renderers import Setup


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
    """Depth file of the photo (default: depth is estimated)."""
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
    None where the method leaves depth alone."""

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


def attack_photo(photo: Path, run: AttackRun) -> AttackOutcome:
    """Attack it and write the files. Raises FileError, InputError, DepthError."""
    from cocnet.compute import check_device
    from cocnet.robustness.sources import open_victims

    _check_outputs(photo, run)
    check_device(run.device)
    (victim,) = open_victims((run.victim,), run.device).values()
    found = _attacked(photo, run, victim)
    _write_settings(photo, run, found, victim.about)
    return found


def _check_outputs(photo: Path, run: AttackRun) -> None:
    """Refuse early what can't be written, or is an input."""
    from cocnet.files.atomic import check_output
    from cocnet.imaging.photo.encode import FORMATS

    if run.out.suffix.lower() not in FORMATS:
        raise FileError(f"expected a file name ending in {', '.join(FORMATS)}, got '{run.out}', try .png")
    for path in (run.out, _beside(run.out, ".npy"), _beside(run.out, ".json")):
        for source in (photo, run.depth):
            check_output(path, source)


def _attacked(photo: Path, run: AttackRun, victim: "Classifier | OwnVictim") -> AttackOutcome:
    """The attack; writes the picture and the depth."""
    import torch

    from cocnet.compute import strict_float32
    from cocnet.robustness.budget import Budget
    from cocnet.robustness.methods import open_method
    from cocnet.robustness.sources import open_victims, open_view

    setup, targeted = _setup(run), run.target is not None
    method = open_method(run.method, Budget.of(run, epsilon=run.epsilon, targeted=targeted))
    render = open_view(run.renderer, setup, run.device)
    image, near = _opened(photo, run)
    with strict_float32(image.device), torch.no_grad():
        clean, natural = _seen(victim, image), _seen(victim, render(image, near))
    label = _class(clean.label if run.label is None else run.label, victim)
    goal = label if run.target is None else _class(run.target, victim)
    with strict_float32(image.device):
        allies = list(open_victims(method.budget.allies, run.device).values())
        result = method(render, victim, image, near, torch.tensor([goal]).to(image.device), allies)
    after = _written(run.out, result.image, victim)
    success = (after.label == goal) == targeted
    return AttackOutcome(
        run.out,
        _depth_written(result.depth, near, run),
        method.epsilon,
        label,
        clean,
        natural,
        after,
        success,
        int(result.queries[0]),
        None if result.camera is None else tuple(result.camera[0].tolist()),
    )


def _setup(run: AttackRun) -> "Setup":
    from cocnet.robustness.sources import setup_of

    return setup_of(run)


def _opened(photo: Path, run: AttackRun) -> "tuple[Tensor, Tensor]":
    """The photo and its nearness, batches of one. Raises FileError, DepthError."""
    from cocnet.datasets import LabelledFile, LabelledPhotos
    from cocnet.robustness.sources import nearness_of

    image = LabelledPhotos([LabelledFile(photo.name, photo, 0)], size_px=run.size_px)[0].image
    files = None if run.depth is None else {photo.stem: run.depth}
    near = nearness_of(image, photo, files, run.depth_kind, run.estimator, _setup(run), run.nearest)
    return image[None].to(run.device), near[None].to(run.device)


def _class(label: int, victim: "Classifier | OwnVictim") -> int:
    if not 0 <= label < victim.classes:
        raise InputError(f"expected a class of 0..{victim.classes - 1}, got {label}, try another --label")
    return label


def _seen(victim: "Classifier | OwnVictim", image: "Tensor") -> Prediction:
    from cocnet.attacks.guard import ask_classes, evaluating
    from cocnet.robustness.class_names import class_name

    with evaluating(victim):
        chance = ask_classes(victim, image)[0].softmax(0)
    label = int(chance.argmax())
    return Prediction(label, class_name(label, victim.classes), float(chance[label]))


def _written(path: Path, picture: "Tensor", victim: "Classifier | OwnVictim") -> Prediction:
    """Write the picture, and look at the file."""
    import torch

    from cocnet.compute import strict_float32
    from cocnet.robustness.run_layout import load_picture, save_picture

    save_picture(path, picture[0])
    with torch.no_grad(), strict_float32(picture.device):
        return _seen(victim, load_picture(path)[None].to(picture.device))


def _depth_written(depth: "Tensor | None", natural: "Tensor", run: AttackRun) -> Path | None:
    """The file of a depth that was changed; in 1/m, because relative depth is stretched anew when it is read."""
    from cocnet.imaging import DepthMap, write_depth

    if depth is None or bool((depth == natural).all()):
        return None
    path = _beside(run.out, ".npy")
    inverse = _setup(run).inverse_depth(depth.cpu())[0, 0]
    write_depth(path, DepthMap.of(inverse, "disparity", f"adversarial by {run.method}"))
    return path


def _write_settings(photo: Path, run: AttackRun, found: AttackOutcome, about: str) -> None:
    from cocnet import __version__
    from cocnet.files.atomic import write_json

    facts: dict[str, Any] = {"cocnet": __version__, "photo": photo, "settings": asdict(run)}
    write_json(_beside(run.out, ".json"), facts | {"weights": about, "result": asdict(found)})


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
