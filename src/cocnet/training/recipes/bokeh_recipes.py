"""How networks are trained, as the papers say it: plain data, which a command line, a file and a test can read.

Decided here where the papers are silent: CoCNet's length (100 passes over EBB!'s 4,400 pairs in batches of 2);
PyNET's sizes of batches between 50 and 5, and that its mixed loss starts at level 1; DMSHN's learning rates; MPFNet's
losses beside that of its fusion weights.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

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
    """Weight of 1 − SSIM (Gaussian windows of 11 px)."""
    ms_ssim: float = 0.0
    """Weight of 1 − MS-SSIM; pictures from 176 px on."""
    vgg: float = 0.0
    """Weight of the mean squared error of VGG-19's features (relu5_4); its weights are a download."""
    fusion: float = 0.0
    """Weight of MPFNet's own supervision: its fusion weights against the blurred version most like the true bokeh."""
    gain: float = 0.0
    """Weight of log(squared error / the physical picture's), 0.1 for 0.43 dB; hybrids only."""
    parts: float = 0.0
    """Weight of the same in squares of 32 px, which all count as much: where physics is good already, too."""


@dataclass(frozen=True)
class BokehStage(Stage):
    """A stage of a bokeh network's training."""

    steps: int = PASSES * EBB_PAIRS // 2
    """Number of batches."""
    loss: LossWeights = field(default_factory=LossWeights)
    """What is minimised."""
    level: int | None = None
    """PyNET's level to train; its picture is compared at that level's size [the whole network]."""


@dataclass(frozen=True)
class BokehRecipe(Recipe):
    """A whole training; the default is the paper's: Adam, 2e-4, batches of 2, Xavier weights, one stage."""

    stages: tuple[BokehStage, ...] = (BokehStage(),)
    """Stages of the training, one after the other."""
    start: Literal["xavier", "own", "identity"] = "xavier"
    """Initial weights: Xavier's with zero biases; the network's own; or its own with Eq. 17 at the photo itself."""


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
    "cocnet": Named("cocnet-b3", BokehRecipe(), "the paper's: L1 + (1 - SSIM), one stage"),
    "cocnet-l2": Named(
        "cocnet-b3",
        BokehRecipe((BokehStage(loss=LossWeights(l1=0.0, l2=1.0)),)),
        "the paper's ablation: L2 + (1 - SSIM)",
    ),
    "dmshn-os": Named("dmshn", BokehRecipe(), "DMSHN by the paper's recipe, one stage"),
    "dmshn": Named(
        "dmshn",
        BokehRecipe(
            (BokehStage(learning_rate=1e-4), BokehStage(learning_rate=1e-5, loss=_MS_SSIM)), start="own"
        ),
        "two stages: L1 + (1 - SSIM), then 1 - MS-SSIM",
    ),
    "pynet": Named(
        "pynet",
        BokehRecipe(_pynet(), start="own"),
        "seven stages, level 5 to -1; the last three need VGG",
        "depth",
    ),
    "mpfnet": Named(
        "mpfnet",
        BokehRecipe((BokehStage(loss=LossWeights(fusion=1.0)),), start="own"),
        "from description: L1 + (1 - SSIM), fusion weights supervised by the bokeh itself",
    ),
    "brvit": Named(
        "brvit",
        BokehRecipe((BokehStage(learning_rate=1e-5, loss=_MS_SSIM),), start="own"),
        "one stage, 1 - MS-SSIM",
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
