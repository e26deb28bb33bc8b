"""How deblurring networks are trained: IFAN as published; `SHORT`, hours of a processor, for the small ones."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from cocnet.training.recipes.recipe import Recipe, Stage


@dataclass(frozen=True)
class DeblurRecipe(Recipe):
    """Stages, and what is made small."""

    loss: Literal["gain", "l1", "l2"] = "gain"
    """Loss: gain = logarithm of the squared error over that of the blurred picture, so that a decibel counts as much
    in every picture; l1 or l2 = mean absolute or squared error. IFAN's is that of its reblurring network's picture,
    too (published: l2)."""
    weight_decay: float = 1e-3
    """Weight decay of the optimiser: AdamW, or RAdam for IFAN."""


SHORT = DeblurRecipe(
    (Stage(steps=20_000, batch=8, learning_rate=4e-4, schedule="cosine"),),
    averaging=0.999,
    clip=0.5,
    bfloat16=True,
    sample_steps=1000,
)
IFAN = DeblurRecipe(
    (
        Stage(steps=500_000, batch=8, learning_rate=1e-4),
        Stage(steps=50_000, batch=8, learning_rate=5e-5),
        Stage(steps=50_000, batch=8, learning_rate=2.5e-5),
    ),
    clip=0.5,
    loss="l2",
    weight_decay=0.01,
)


def recipe_for(model: str) -> DeblurRecipe:
    """The recipe of a registered network."""
    return IFAN if model == "ifan" else SHORT


def with_changes(changed: DeblurRecipe, model: str) -> DeblurRecipe:
    """The recipe of a registered network with what `changed` has otherwise than `SHORT`; of stages, of the first."""
    own = recipe_for(model)
    first = replace(own.stages[0], **_differing(changed.stages[0], SHORT.stages[0]))
    return replace(own, **_differing(changed, SHORT) | {"stages": (first, *own.stages[1:])})


def _differing(one: Any, other: Any) -> dict[str, Any]:
    """Fields of one dataclass that another has otherwise."""
    names = [field.name for field in fields(one)]
    return {name: getattr(one, name) for name in names if getattr(one, name) != getattr(other, name)}
