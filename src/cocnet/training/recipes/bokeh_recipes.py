"""How networks are trained, as the papers say it: plain data, which a command line, a file and a test can read.

Decided here where the papers are silent: CoCNet's length (100 passes over EBB!'s 4,400 pairs in batches of 2);
PyNET's sizes of batches between 50 and 5, and that its mixed loss starts at level 1; DMSHN's learning rates; MPFNet's
losses beside that of its fusion weights.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from cocnet.errors import CocnetError
from cocnet.training.recipes.recipe import Recipe, Stage

PASSES = 100
EBB_PAIRS = 4400


@dataclass(frozen=True)
class LossWeights:
    """A sum of terms; the default is the paper's L1 + (1 − SSIM)."""

    l1: float = 1.0
    """Weight of the mean absolute error."""
    l2: float = 0.0
    """Weight of the mean squared error."""
    ssim: float = 1.0
    """Weight of 1 − SSIM, with Gaussian windows of 11 px."""
    ms_ssim: float = 0.0
    """Weight of 1 − MS-SSIM, for pictures of at least 176 px."""
    vgg: float = 0.0
    """Weight of the mean squared error between VGG-19's features (relu5_4), whose weights are downloaded."""
    fusion: float = 0.0
    """Weight of MPFNet's own supervision: for each pixel, the blurred version that is most like the true bokeh."""
    gain: float = 0.0
    """Weight of log(squared error / squared error of the physical picture), where 0.1 is 0.43 dB; for hybrids
    only."""
    parts: float = 0.0
    """Weight of the same loss over squares of 32 px, each of which counts as much as the others, however good the
    physical picture is in it."""
    adversarial: float = 0.0
    """Weight of an adversarial (GAN) loss: how surely a discriminator that is trained beside tells the picture from a
    true one."""


@dataclass(frozen=True)
class BokehStage(Stage):
    """A stage of a bokeh network's training."""

    steps: int = PASSES * EBB_PAIRS // 2
    """Number of training steps."""
    loss: LossWeights = field(default_factory=LossWeights)
    """What is minimised."""
    level: int | None = None
    """Level of PyNET to train, on pictures of that level's size; without one, the whole network."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not any(vars(self.loss).values()):
            raise CocnetError(
                "expected a loss with a weight that isn't 0, got none, try --recipe.stages.0.loss.l1 1"
            )


@dataclass(frozen=True)
class BokehRecipe(Recipe):
    """A whole training; the default is the paper's: Adam, 2e-4, batches of 2, Xavier weights, one stage."""

    stages: tuple[BokehStage, ...] = (BokehStage(),)
    """Stages of the training, one after the other."""
    start: Literal["xavier", "own", "identity"] = "xavier"
    """Initial weights: xavier = Xavier's, with zero biases; own = the network's own; identity = its own, such that it
    returns the photo at first (Eq. 17)."""


@dataclass(frozen=True)
class Named:
    """A recipe with the network it is for, and a line about it."""

    model: str
    recipe: BokehRecipe
    about: str
    sees: Literal["photo", "depth", "lens"] = "photo"


_MS_SSIM = LossWeights(l1=0.0, ssim=0.0, ms_ssim=1.0)
_PYNET_LOW = LossWeights(l1=100.0, ssim=0.0)
_PYNET_HIGH = LossWeights(l1=10.0, ssim=10.0, vgg=0.1)
_PYNET_BATCHES = {5: 50, 4: 50, 3: 40, 2: 20, 1: 12, 0: 10, -1: 5}
_OURS = BokehRecipe(
    (BokehStage(steps=20_000, batch=4, learning_rate=4e-4, schedule="cosine"),),
    start="own",
    averaging=0.999,
    clip=1.0,
)
_FROM_PHOTO = replace(_OURS, start="identity")
_GAIN = LossWeights(l1=0.0, ssim=0.0, gain=1.0)
_HYBRID = replace(
    _OURS,
    stages=(BokehStage(steps=20_000, batch=4, learning_rate=2e-3, schedule="cosine", loss=_GAIN),),
    bfloat16=True,
)


def _pynet() -> tuple[BokehStage, ...]:
    """Seven stages, coarse to fine, of as many pictures each."""
    return tuple(
        BokehStage(
            steps=PASSES * EBB_PAIRS // 7 // batch,
            batch=batch,
            learning_rate=5e-5,
            loss=_PYNET_LOW if level > 1 else _PYNET_HIGH,
            level=level,
        )
        for level, batch in _PYNET_BATCHES.items()
    )


RECIPES = {
    "cocnet": Named("cocnet-b3", BokehRecipe(), "the paper's recipe, L1 + (1 - SSIM), one stage"),
    "cocnet-l2": Named(
        "cocnet-b3",
        BokehRecipe((BokehStage(loss=LossWeights(l1=0.0, l2=1.0)),)),
        "the paper's ablation with L2 + (1 - SSIM)",
    ),
    "dmshn-os": Named("dmshn", BokehRecipe(), "the paper's recipe, one stage"),
    "dmshn": Named(
        "dmshn",
        BokehRecipe(
            (BokehStage(learning_rate=1e-4), BokehStage(learning_rate=1e-5, loss=_MS_SSIM)), start="own"
        ),
        "L1 + (1 - SSIM), then 1 - MS-SSIM",
    ),
    "pynet": Named(
        "pynet",
        BokehRecipe(_pynet(), start="own"),
        "seven stages, from level 5 to level -1; the last three need VGG-19's weights",
        "depth",
    ),
    "mpfnet": Named(
        "mpfnet",
        BokehRecipe((BokehStage(loss=LossWeights(fusion=1.0)),), start="own"),
        "as described in its paper, L1 + (1 - SSIM), with supervised fusion weights",
    ),
    "brvit": Named(
        "brvit",
        BokehRecipe((BokehStage(learning_rate=1e-5, loss=_MS_SSIM),), start="own"),
        "one stage, 1 - MS-SSIM",
    ),
    "less": Named("cocnet-b3-less", _FROM_PHOTO, "takes the photo alone, and blurs all but the subject"),
    "depth": Named(
        "cocnet-b3-less-depth", _FROM_PHOTO, "takes photo and depth in 0..1, for one fixed lens", "depth"
    ),
    "lens": Named("cocnet-b3-less-lens", _FROM_PHOTO, "takes photo, depth and lens, for any lens", "lens"),
    "hybrid": Named("cocnet-hybrid", _HYBRID, "corrects the physical renderer's picture", "lens"),
}
