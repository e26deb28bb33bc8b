"""Settings of deblurring's trainings; plain data, so that the command line need not wait for PyTorch.

Enters: a user's wishes. Leaves: the same, checked.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from cocnet.errors import InputError


@dataclass(frozen=True)
class DeblurRun:
    """What to train, on what. Data are scenes, made of --images and --masks, or DPDD in --data."""

    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/deblur")
    """Folder of the run; where one stands there, it goes on."""
    model: str = "deblur-hybrid"
    """A deblurring network of `cocnet models`, or a weight file to go on from."""
    images: Path | None = None
    """Folder of photos that scenes are made of."""
    masks: Path | None = None
    """Folder of their subjects' masks NAME.png."""
    data: Path | None = None
    """DPDD, with train/inputC and target; IFAN also uses its inputL and inputR."""
    side_px: int = 96
    """Side of the part of each pair that is seen, px: a multiple of 8."""
    radius_px: tuple[float, float] = (0.5, 16.0)
    """A scene's largest radius of blur lies between these, px."""
    held_out: int = 24
    """Scenes kept back to see how it does; of DPDD, pairs of val."""
    steps: int | None = None
    """In all, instead of the recipe's; its stages share them."""
    minutes: float | None = None
    """Stop after this long, if that comes first; the learning rate then follows the clock [no limit]."""
    workers: int = 0
    """Processes that make data ahead."""
    threads: int | None = None
    """CPU threads of the training [all]."""
    device: str = "cpu"
    """cpu or cuda (auto: a GPU where there is one)."""
    seed: int = 0
    """Random seed."""

    def checked(self) -> "DeblurRun":
        """This run; raises InputError for data or numbers that can't be."""
        scenes = self.images is not None and self.masks is not None
        if scenes == (self.data is not None):
            got = f"{self.images}, {self.masks} and {self.data}"
            raise InputError(f"expected --images with --masks, or --data, got {got}, try one")
        if self.side_px < 16 or self.side_px % 8 or self.held_out < 0:
            got = f"{self.side_px} and {self.held_out}"
            raise InputError(f"expected side_px a multiple of 8, held_out from 0, got {got}, try 96 and 24")
        return self


@dataclass(frozen=True)
class DeblurExperiment:
    """What is compared. Raises InputError for numbers that can't be."""

    start: Path
    """Weights of the network that all trainings go on from."""
    images: Path
    """Folder of photos that training pairs are made of."""
    masks: Path
    """Folder of their subjects' masks NAME.png."""
    ray_traced: Path
    """Folder of ray-traced scenes (.npz) that no training saw."""
    real: Path
    """DPDD, or a folder of NAME_input.png and NAME_sharp.png."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/deblur-experiment")
    """Folder of the experiment; where one stands there, it goes on."""
    steps: int = 400
    """Steps of each training."""
    batch: int = 8
    """Pictures in a batch."""
    learning_rate: float = 1e-4
    """Highest learning rate."""
    pictures: int = 512
    """Training pairs of each kind."""
    side_px: int = 96
    """Side of each picture, px: a multiple of 8."""
    epsilon: float = 0.05
    """Largest change of nearness (0..1), at random and adversarial."""
    attack_steps: int = 5
    """Steps of the attack."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Random seeds of the trainings."""
    metrics: tuple[str, ...] = ("psnr", "ssim", "flip")
    """Measures to report, by name."""
    threads: int | None = None
    """CPU threads [all]."""

    def __post_init__(self) -> None:
        if (
            self.side_px % 8
            or min(self.side_px, self.steps, self.pictures, self.attack_steps, self.batch) < 1
        ):
            got = f"{self.side_px} px, {self.steps} steps, {self.pictures} pictures"
            raise InputError(
                f"expected a side of multiples of 8 px and counts from 1, got {got}, try 96, 400, 512"
            )
