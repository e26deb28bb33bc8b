"""Classifiers to attack: torchvision's by their names there, and EfficientNet-Lite0 to 2.

Enters: a name, and a weight file or none. Leaves: a `Classifier`: sRGB [b 3 h w] of 0..1, sides from 32 px, as it is
→ logits [b n]; what a network wants its pixels to be is done inside. Weights come from the file that is given, else
from a package that brings them, else from torchvision's download.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cocnet.attacks.own_victims import PROBE_PX, OwnVictim, open_own_victim
from cocnet.attacks.victim_packages import PACKAGES, find_packaged, read_packaged
from cocnet.errors import FileError, InputError
from cocnet.files.offline import check_download
from cocnet.networks.architectures.efficientnet_lite import LiteClassifier, classifier_from_published
from cocnet.networks.layers.folding import frozen
from cocnet.networks.zoo.checkpoint import load_tensors, tensor_shape

LEAST_PX = 32
LITE = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
AS_IS = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # EfficientNet-Lite scales its pixels itself
CLASSES = 1000
_OLD_NAMES = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")
_OF_PICTURES = {"googlenet": {"transform_input": True}, "inception_v3": {"transform_input": True}}


class Classifier(nn.Module):
    """A frozen network, always in eval mode; `about` says where its weights are from.

    (x − mean)/spread, then the network. Raises InputError for what isn't a batch of pictures.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self,
        network: nn.Module,
        name: str,
        about: str,
        scale: tuple[Sequence[float], Sequence[float]] = IMAGENET,
        classes: int = CLASSES,
    ) -> None:
        super().__init__()
        self.name, self.about, self.classes = name, about, classes
        self.network = frozen(network)
        for part, values in zip(("mean", "spread"), scale, strict=True):
            self.register_buffer(part, torch.tensor(values)[:, None, None])
        self.eval()

    def forward(self, rgb: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        if rgb.ndim != 4 or rgb.shape[1] != 3 or not rgb.is_floating_point() or min(rgb.shape[2:]) < LEAST_PX:
            got = f"{list(rgb.shape)} {rgb.dtype}"
            raise InputError(
                f"expected pictures [b 3 h w] of floats from {LEAST_PX} px, got {got}, try resizing"
            )
        x = (rgb - self.mean) / self.spread
        return self.network(x.contiguous(memory_format=torch.channels_last))

    def train(self, mode: bool = True) -> "Classifier":
        """Always in eval mode."""
        return super().train(False)


def list_victims() -> tuple[str, ...]:
    """The names that `open_victim` knows; those whose weights a package brings come first."""
    first = tuple(PACKAGES)
    return first + tuple(name for name in _of_torchvision() if name not in first)


def victims_at_hand() -> tuple[str, ...]:
    """Those of `list_victims()` whose weights are on this computer: in a package, or in torchvision's cache."""
    return tuple(name for name in list_victims() if _at_hand(name))


def _at_hand(name: str) -> bool:
    package = PACKAGES.get(name)
    packaged = package is not None and find_packaged(package) is not None
    return packaged or (name not in LITE and _cache_path(_torchvision_weights(name)).is_file())


def open_victim(
    name: str, weights: str | Path | None = None, *, size_px: int = PROBE_PX, device: str = "cpu"
) -> Classifier | OwnVictim:
    """A classifier ready to be attacked: a name of `list_victims()`, or "package.module:function" of one's own.

    weights: a safetensors file with the network's own names (EfficientNet-Lite: those of `LiteClassifier`), of any
    number of classes. size_px: the side of the picture that one's own victim is tried with. Raises InputError for an
    unknown name, FileError where weights can't be had or don't fit.
    """
    if ":" in name and weights is None:
        return open_own_victim(name, size_px, device)
    if name not in list_victims():
        near = difflib.get_close_matches(name, list_victims(), n=1) or PACKAGES
        raise InputError(f"expected a victim, got '{name}', try {', '.join(near)}")
    given = None if weights is None else Path(weights)
    classes = CLASSES if given is None else _classes(name, given)
    network = _made(name, classes)
    if given is not None:
        state, about = load_tensors(given, network.state_dict()), f"'{given}'"
    else:
        state, about = _published(name)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:120]
        raise FileError(f"expected weights of {name}, got others ({reason}), try NAME=FILE") from error
    return Classifier(network, name, about, AS_IS if name in LITE else _scale(name), classes).to(device)


def _made(name: str, classes: int = CLASSES) -> nn.Module:
    """The network without its weights: nothing is drawn from the random numbers of the caller."""
    with torch.random.fork_rng(devices=[]):
        if name in LITE:
            return LiteClassifier(name.removeprefix("efficientnet_"), classes)
        from torchvision.models import get_model

        return get_model(name, weights=None, num_classes=classes, **_options(name))


def _options(name: str) -> dict[str, Any]:
    """What torchvision sets beside with its own weights; drawing first weights would take minutes."""
    return {**_OF_PICTURES[name], "init_weights": False} if name in _OF_PICTURES else {}


def _published(name: str) -> tuple[dict[str, Tensor], str]:
    """Tensors from an installed package, else by torchvision, and where they are from."""
    package = PACKAGES.get(name)
    path = None if package is None else find_packaged(package)
    if package is not None and path is not None:
        state = read_packaged(package, path)
        return (
            classifier_from_published(state) if name in LITE else state
        ), f"{package.name} {package.version}"
    if name in LITE:
        raise FileError(f"expected {name}'s weights, got none, try: {PACKAGES[name].install}")
    return _downloaded(name)


def _downloaded(name: str) -> tuple[dict[str, Tensor], str]:
    """torchvision's weights from its cache or its server. Raises FileError where they can't be had."""
    weights = _torchvision_weights(name)
    kept = _cache_path(weights)
    package = PACKAGES.get(name)
    hint = f"try: {package.install}" if package else f"try {', '.join(PACKAGES)}, or put the file there"
    wanted = f"expected {name}'s weights at '{kept}'"
    check_download(f"{name}'s weights", kept, hint)
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise FileError(f"{wanted}, got '{reason}', {hint}") from error
    return torchvision_names(state), f"torchvision, {weights.name}"


def torchvision_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the names that torchvision's networks have today; its files of DenseNet have older ones."""
    return {_OLD_NAMES.sub(r"\1\2", key): tensor for key, tensor in state.items()}


def _cache_path(weights: Any) -> Path:
    """Where torchvision keeps a weight file that it has downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / str(weights.url).rsplit("/", 1)[-1]


def _classes(name: str, path: Path) -> int:
    """How many classes a file's network tells apart, by the last of the network's tensors."""
    last = list(_made(name).state_dict())[-1]
    shape = tensor_shape(path, last)
    if not shape:
        raise FileError(
            f"expected weights of {name}, got '{path}' without '{last}', try the network's own file"
        )
    return shape[0]


def _of_torchvision() -> list[str]:
    from torchvision import models

    return models.list_models(module=models)


def _torchvision_weights(name: str) -> Any:
    """The first weights that torchvision published: those which papers attack."""
    from torchvision.models import get_model_weights

    known = get_model_weights(name)
    return getattr(known, "IMAGENET1K_V1", known.DEFAULT)


def _scale(name: str) -> tuple[Sequence[float], Sequence[float]]:
    try:
        wanted = _torchvision_weights(name).transforms()
    except (AttributeError, ValueError):
        return IMAGENET
    return wanted.mean, wanted.std
