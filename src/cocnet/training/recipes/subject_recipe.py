"""How the subject network is trained; what made the shipped weights is on their card."""

from dataclasses import dataclass

from cocnet.training.recipes.recipe import Recipe, Stage


@dataclass(frozen=True)
class SubjectRecipe(Recipe):
    """One stage of AdamW on a cosine schedule."""

    encoder_share: float = 0.1
    """The encoder's part of the learning rate."""
    weight_decay: float = 0.05
    """Weight decay of AdamW; none for biases and norms."""
    auxiliary: float = 0.4
    """Weight of the loss of the decoder's coarser levels."""
    disparity_weight: float = 10.0
    """Weight of disparity's error beside the mask's."""


def subject_recipe(
    steps: int = 2500,
    batch: int = 16,
    learning_rate: float = 1.2e-3,
    minutes: float | None = None,
    seed: int = 0,
    encoder_share: float = 0.1,
    bfloat16: bool = True,
    disparity_weight: float = 10.0,
) -> SubjectRecipe:
    """The shipped weights' recipe, with other lengths and rates."""
    stage = Stage(steps, batch, learning_rate, "cosine", warm_up=0.03, minutes=minutes)
    return SubjectRecipe(
        (stage,),
        averaging=0.998,
        clip=2.0,
        bfloat16=bfloat16,
        seed=seed,
        encoder_share=encoder_share,
        disparity_weight=disparity_weight,
        sample_steps=250,
        save_seconds=60.0,
    )
