"""How a network is trained, whatever it does: stages, learning rates, averaging, intervals.

Enters: numbers, checked when made (CocnetError: a ValueError would be hidden by the parser of options). Leaves: plain
data that the training loop, a command line and a file can read.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from cocnet.errors import CocnetError


@dataclass(frozen=True)
class Stage:
    """A part of a training, with an optimiser of its own. Raises CocnetError for numbers that can't be."""

    steps: int = 20_000
    """Number of training steps."""
    batch: int = 2
    """Batch size of each process."""
    learning_rate: float = 2e-4
    """Highest learning rate."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate schedule; cosine = a linear warm-up, then down to zero over the stage."""
    warm_up: float = 0.02
    """Fraction of a cosine schedule that is the warm-up."""
    minutes: float | None = None
    """Stop after this many minutes, if that comes first; a cosine schedule then follows the time (default: no
    limit)."""

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or (self.minutes is not None and self.minutes <= 0):
            got = f"{self.steps} of {self.batch} in {self.minutes} min"
            raise CocnetError(
                f"expected at least one step of at least one picture, got {got}, try 20000 of 2"
            )
        if self.learning_rate <= 0 or not 0 < self.warm_up <= 1:
            got = f"{self.learning_rate} and {self.warm_up}"
            raise CocnetError(f"expected a learning rate above 0, warm_up in 0..1, got {got}, try 2e-4, 0.02")


@dataclass(frozen=True)
class Recipe:
    """A whole training. Raises CocnetError for numbers that can't be."""

    stages: tuple[Stage, ...] = (Stage(),)
    """Stages of the training, one after the other."""
    start: Literal["xavier", "own", "identity"] = "own"
    """Initial weights: xavier = Xavier's, with zero biases; own = the network's own; identity = its own, such that it
    returns the photo at first (Eq. 17)."""
    averaging: float = 0.0
    """Decay of the moving average of the weights, which is what is saved; 0 = the last weights are saved."""
    clip: float | None = None
    """Clip the gradient to this norm; without one, it isn't clipped."""
    bfloat16: bool = False
    """Whether networks are computed in bfloat16; weights, averages and losses stay float32."""
    seed: int = 0
    """Random seed."""
    log_steps: int = 50
    """Number of steps between lines in log.jsonl."""
    sample_steps: int = 1000
    """Number of steps between validations, each with sample pictures and saved weights."""
    keep_weights: bool = False
    """Keep the weights of every validation, as weights-STEP.safetensors."""
    save_seconds: float = 120.0
    """Time in seconds between saves of the training's state, from which it continues."""

    def __post_init__(self) -> None:
        if not self.stages:
            raise CocnetError(f"expected at least one stage, got {self.stages}, try (Stage(),)")
        if self.log_steps < 1 or self.sample_steps < 1 or not 0 <= self.averaging < 1:
            got = f"{self.log_steps}, {self.sample_steps} and {self.averaging}"
            raise CocnetError(
                f"expected intervals from 1 step and averaging in 0..1, got {got}, try 50, 1000, 0.999"
            )
        if self.seed < 0 or (self.clip is not None and self.clip <= 0):
            got = f"{self.seed} and {self.clip}"
            raise CocnetError(f"expected a seed from 0, clip above 0 or none, got {got}, try 0 and 1.0")


AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)


def shortened(recipe: AnyRecipe, steps: int) -> AnyRecipe:
    """The recipe with `steps` in all, shared among its stages as they are."""
    total = sum(stage.steps for stage in recipe.stages)
    stages = tuple(replace(s, steps=max(1, round(s.steps * steps / total))) for s in recipe.stages)
    return replace(recipe, stages=stages)
