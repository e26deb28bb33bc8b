"""How deblurring networks are trained: IFAN as published; `SHORT`, hours of a processor, for the small ones."""

from dataclasses import dataclass
from typing import Literal

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
