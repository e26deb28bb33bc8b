"""Which networks there are, and how to make one by name.

Enters: a registered name and keyword arguments. Leaves: a model with random weights that knows both (`.name`,
`.arguments`, defaults among them), so that a checkpoint can make it again. A new network is one file that calls
`register` and its name in `MODULES`.
"""

import difflib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import torch
from torch import nn

from cocnet.errors import InputError

MODULES = ("cocnet", "pynet", "dmshn", "mpfnet", "brvit", "dbsi", "hybrid", "ifan", "deblur_hybrid")
Conditioning = Literal["none", "depth", "lens"]
Task = Literal["bokeh", "deblurring"]
Builder = Callable[..., nn.Module]


@dataclass(frozen=True)
class Card:
    """What a network is: the paper, its claims, and what its calls need.

    published_parameters: millions, as printed, None where nothing is printed. size_multiple: px that it pads to
    inside. conditioning: "none" ignores a depth map, "depth" and "lens" need one. physical: it also needs the
    physical renderer's picture. data: what shipped weights saw. task: what its picture is of the one that enters.
    """

    name: str
    paper: str
    year: int
    published_parameters: float | None
    size_multiple: int
    conditioning: Conditioning = "none"
    licence: str = "Apache-2.0"
    data: str = "none: random weights"
    notes: str = ""
    physical: bool = False
    task: Task = "bokeh"


_BUILDERS: dict[str, tuple[Card, Builder]] = {}


def register(card: Card) -> Callable[[Builder], Builder]:
    """Make a builder known under `card.name`; its named arguments are those that `create_model` takes.

    Arguments must survive JSON (lists for tuples), and the builder must work on torch's meta device.
    """

    def keep(build: Builder) -> Builder:
        if card.name in _BUILDERS:
            raise InputError(f"expected a new model name, got '{card.name}' again, try another name")
        _BUILDERS[card.name] = (card, build)
        return build

    return keep


def create_model(name: str, **arguments: Any) -> nn.Module:
    """A registered network with random weights, in training mode; model(image, depth=None) → image.

    Image in and out: sRGB [b 3 h w] in 0..1, of any size, not clamped; depth [b 1 h w] in 0..1, read only
    by networks whose card's conditioning isn't "none".
    Raises InputError for an unknown name or argument, MissingExtraError where a package is needed.
    """
    _, build = _found(name)
    known = inspect.signature(build).parameters
    for argument in arguments:
        if argument not in known:
            raise InputError(
                f"expected an argument of {name}, got '{argument}', try {nearest(argument, known)}"
            )
    model: Any = build(**arguments)
    model.name, model.arguments = name, {**defaults_of(name), **arguments}
    return model


def defaults_of(name: str) -> dict[str, Any]:
    """The arguments of a network that have defaults; raises InputError for an unknown name."""
    known = inspect.signature(_found(name)[1]).parameters
    return {k: p.default for k, p in known.items() if p.default is not inspect.Parameter.empty}


def create_seeded(name: str, seed: int, **arguments: Any) -> nn.Module:
    """`create_model`, its random weights the same for the same seed, whether or not the network takes one itself."""
    torch.manual_seed(seed)
    own = {"seed": seed} if "seed" in inspect.signature(_found(name)[1]).parameters else {}
    return create_model(name, **arguments, **own)


def list_models() -> tuple[Card, ...]:
    """The cards of all networks, by name."""
    return tuple(card for _, (card, _) in sorted(_loaded().items()))


def card_of(name: str) -> Card:
    """The card of one network; raises InputError for an unknown name."""
    return _found(name)[0]


def nearest(name: str, known: Iterable[str]) -> str:
    """What was meant, or all that there is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return near[0] if near else "one of " + ", ".join(names) if names else "none"


def _found(name: str) -> tuple[Card, Builder]:
    builders = _loaded()
    if name not in builders:
        raise InputError(f"expected a registered model, got '{name}', try {nearest(str(name), builders)}")
    return builders[name]


def _loaded() -> dict[str, tuple[Card, Builder]]:
    with torch.device("cpu"):  # whatever is the default where the first network is made
        for module in MODULES:
            import_module(f"cocnet.networks.architectures.{module}")
    return _BUILDERS
