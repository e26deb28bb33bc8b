"""How networks are trained, as the papers say it: plain data, which a command line, a file and a test can read.

Decided here where the papers are silent: CoCNet's length (100 passes over EBB!'s 4,400 pairs in batches of 2);
PyNET's sizes of batches between 50 and 5, and that its mixed loss starts at level 1; DMSHN's learning rates; MPFNet's
losses beside that of its fusion weights.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from cocnet.errors import InputError

PASSES = 100
EBB_PAIRS = 4400


@dataclass(frozen=True)
class LossWeights:
    """A sum of terms; the default is the paper's L1 + (1 − SSIM)."""

    l1: float = 1.0
    """Of the mean absolute error."""
    l2: float = 0.0
    """Of the mean squared error."""
    ssim: float = 1.0
    """Of 1 − SSIM (Gaussian windows of 11 px)."""
    ms_ssim: float = 0.0
    """Of 1 − MS-SSIM; from 176 px on."""
    vgg: float = 0.0
    """Of the mean squared error of VGG-19's features (relu5_4); its weights are a download."""
    fusion: float = 0.0
    """Of MPFNet's own supervision: its fusion weights against the blurred version most like the true bokeh."""
    gain: float = 0.0
    """Of how much of the physical picture's squared error is left, as a logarithm: 0.1 for 0.43 dB; hybrids only."""
    parts: float = 0.0
    """Of the same in squares of 32 px, which all count as much: where physics is good already, too."""


@dataclass(frozen=True)
class Stage:
    """A part of a training, with an Adam of its own."""

    steps: int = PASSES * EBB_PAIRS // 2
    """Batches."""
    batch: int = 2
    """Pictures in a batch, of each process."""
    learning_rate: float = 2e-4
    """Of Adam, at its highest."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Of the learning rate; cosine: down to zero over the stage, after a rise over its first 2 %."""
    loss: LossWeights = field(default_factory=LossWeights)
    """What is made small."""
    level: int | None = None
    """PyNET's level that is trained; its picture is compared at that level's size [the whole network]."""


@dataclass(frozen=True)
class Recipe:
    """A whole training; the default is the paper's: Adam, 2e-4, batches of 2, Xavier weights, one stage."""

    stages: tuple[Stage, ...] = (Stage(),)
    """One after the other."""
    start: Literal["xavier", "own", "identity"] = "xavier"
    """Weights to start from: Xavier's, biases zero; the network's own; or those with Eq. 17 at the photo itself."""
    averaging: float = 0.0
    """Part of the averaged weights that a step keeps; they are the ones that are saved [0: the last weights]."""
    clip: float | None = None
    """Largest norm of the gradient [no limit]."""
    bfloat16: bool = False
    """Compute in bfloat16, half the memory traffic; weights, sums and losses stay float32."""
    seed: int = 0
    """Of weights, and of the order of pictures."""
    log_steps: int = 50
    """Between lines in log.jsonl."""
    sample_steps: int = 1000
    """Between scores, sample pictures and saves of the weights."""
    save_seconds: float = 120.0
    """Between saves of where the training stands."""

    def checked(self) -> "Recipe":
        """This recipe; raises InputError for numbers that can't be."""
        if not self.stages or any(stage.steps < 1 or stage.batch < 1 for stage in self.stages):
            raise InputError(
                f"expected stages of at least one step and picture, got {self.stages}, try Stage()"
            )
        if self.log_steps < 1 or self.sample_steps < 1 or not 0 <= self.averaging < 1:
            got = f"{self.log_steps}, {self.sample_steps} and {self.averaging}"
            raise InputError(
                f"expected intervals from 1 step and averaging in 0..1, got {got}, try 50, 1000, 0.999"
            )
        return self


@dataclass(frozen=True)
class Named:
    """A recipe with the network it is for, and a line about it."""

    model: str
    recipe: Recipe
    about: str
    sees: Literal["photo", "depth", "lens"] = "photo"


_MS_SSIM = LossWeights(l1=0.0, ssim=0.0, ms_ssim=1.0)
_PYNET_LOW = LossWeights(l1=100.0, ssim=0.0)
_PYNET_HIGH = LossWeights(l1=10.0, ssim=10.0, vgg=0.1)
_PYNET_BATCHES = {5: 50, 4: 50, 3: 40, 2: 20, 1: 12, 0: 10, -1: 5}
_OURS = Recipe(
    (Stage(steps=20_000, batch=4, learning_rate=4e-4, schedule="cosine"),),
    start="own",
    averaging=0.999,
    clip=1.0,
)
_FROM_PHOTO = replace(_OURS, start="identity")
_GAIN = LossWeights(l1=0.0, ssim=0.0, gain=1.0)
_HYBRID = replace(
    _OURS,
    stages=(Stage(steps=20_000, batch=4, learning_rate=2e-3, schedule="cosine", loss=_GAIN),),
    bfloat16=True,
)


def _pynet() -> tuple[Stage, ...]:
    """Seven stages, coarse to fine, of as many pictures each."""
    return tuple(
        Stage(
            steps=PASSES * EBB_PAIRS // 7 // batch,
            batch=batch,
            learning_rate=5e-5,
            loss=_PYNET_LOW if level > 1 else _PYNET_HIGH,
            level=level,
        )
        for level, batch in _PYNET_BATCHES.items()
    )


RECIPES = {
    "cocnet": Named("cocnet-b3", Recipe(), "the paper's: L1 + (1 - SSIM), one stage"),
    "cocnet-l2": Named(
        "cocnet-b3",
        Recipe((Stage(loss=LossWeights(l1=0.0, l2=1.0)),)),
        "the paper's ablation: L2 + (1 - SSIM)",
    ),
    "dmshn-os": Named("dmshn", Recipe(), "DMSHN by the paper's recipe, one stage"),
    "dmshn": Named(
        "dmshn",
        Recipe((Stage(learning_rate=1e-4), Stage(learning_rate=1e-5, loss=_MS_SSIM)), start="own"),
        "two stages: L1 + (1 - SSIM), then 1 - MS-SSIM",
    ),
    "pynet": Named(
        "pynet",
        Recipe(_pynet(), start="own"),
        "seven stages, level 5 to -1; the last three need VGG",
        "depth",
    ),
    "mpfnet": Named(
        "mpfnet",
        Recipe((Stage(loss=LossWeights(fusion=1.0)),), start="own"),
        "from description: L1 + (1 - SSIM), fusion weights supervised by the bokeh itself",
    ),
    "brvit": Named(
        "brvit", Recipe((Stage(learning_rate=1e-5, loss=_MS_SSIM),), start="own"), "one stage, 1 - MS-SSIM"
    ),
    "less": Named(
        "cocnet-b3-less", _FROM_PHOTO, "ours, the photo alone: the subject sharp, the rest blurred"
    ),
    "depth": Named(
        "cocnet-b3-less-depth", _FROM_PHOTO, "ours, photo and depth in 0..1: one lens built in", "depth"
    ),
    "lens": Named(
        "cocnet-b3-less-lens", _FROM_PHOTO, "ours, for any lens: cosine schedule, averaged weights", "lens"
    ),
    "hybrid": Named("cocnet-hybrid", _HYBRID, "ours: the physical renderer's picture, improved", "lens"),
}


def shortened(recipe: Recipe, steps: int) -> Recipe:
    """The recipe with `steps` in all, shared among its stages as they are."""
    total = sum(stage.steps for stage in recipe.stages)
    stages = tuple(replace(s, steps=max(1, round(s.steps * steps / total))) for s in recipe.stages)
    return replace(recipe, stages=stages)
