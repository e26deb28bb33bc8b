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
    """Folder of the run. Run the same command again to continue after an interruption."""
    model: str = "deblur-hybrid"
    """Deblurring network: a name of `cocnet models`, or a weight file to continue from."""
    images: Path | None = None
    """Folder of photos to make training scenes of."""
    masks: Path | None = None
    """Folder of masks of their subjects, NAME.png for NAME.jpg, white = subject."""
    ray_traced: Path | None = None
    """Folder of ray-traced scenes (.npz, as tools/raytrace makes them): with the photos, every other training pair
    is a crop of one of them (default: none)."""
    data: Path | None = None
    """Folder of DPDD, with train/inputC and train/target; IFAN also uses train/inputL and train/inputR."""
    side_px: int = 96
    """Side of the training crops in px: a multiple of 8."""
    radius_px: tuple[float, float] = (0.5, 16.0)
    """Range of the blur radius in px: each scene's largest one is drawn from it."""
    held_out: int = 24
    """Number of scenes held out for validation; with --data, of pairs of its val split, or of test where it has
    none."""
    steps: int | None = None
    """Total number of training steps, shared among the recipe's stages (default: the recipe's own)."""
    minutes: float | None = None
    """Stop after this many minutes, if that comes first; the learning rate then falls with time (default: no
    limit)."""
    skip_problems: bool = False
    """Leave out photos, pairs and scenes that can't be used, and report them, instead of stopping."""
    workers: int = 0
    """Processes that load data in advance; 0 = none."""
    threads: int | None = None
    """Number of CPU threads (default: PyTorch's choice)."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, or auto for a GPU where there is one."""
    seed: int = 0
    """Random seed."""

    def checked(self) -> "DeblurRun":
        """This run; raises InputError for data or numbers that can't be."""
        scenes = self.images is not None and self.masks is not None
        if scenes == (self.data is not None):
            got = f"{self.images}, {self.masks} and {self.data}"
            raise InputError(f"expected --images with --masks, or --data, got {got}, try one")
        if self.ray_traced is not None and not scenes:
            raise InputError("expected --images and --masks with --ray-traced, got --data, try one of both")
        if self.seed < 0:
            raise InputError(f"expected a seed from 0, got {self.seed}, try 0")
        if self.side_px < 16 or self.side_px % 8 or self.held_out < 0:
            got = f"{self.side_px} and {self.held_out}"
            raise InputError(f"expected side_px a multiple of 8, held_out from 0, got {got}, try 96 and 24")
        return self


@dataclass(frozen=True)
class DeblurExperiment:
    """What is compared. Raises InputError for numbers that can't be."""

    start: Path
    """Weight file of the network that all trainings start from."""
    images: Path
    """Folder of photos to make training pairs of."""
    masks: Path
    """Folder of masks of their subjects, NAME.png for NAME.jpg, white = subject."""
    ray_traced: Path
    """Folder of ray-traced scenes (.npz) to test on; no training may have seen them."""
    real: Path
    """Real pairs to test on: DPDD, or a folder of NAME_input.png and NAME_sharp.png."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/deblur-experiment")
    """Folder of the experiment. Run the same command again to continue after an interruption."""
    steps: int = 400
    """Number of steps of each training."""
    batch: int = 8
    """Batch size."""
    learning_rate: float = 1e-4
    """Highest learning rate."""
    pictures: int = 512
    """Number of training pairs of each kind."""
    side_px: int = 96
    """Side of the training pictures in px: a multiple of 8."""
    epsilon: float = 0.05
    """Largest change of nearness (0..1, bigger is nearer) for random and adversarial bokeh."""
    attack_steps: int = 5
    """Number of steps of the adversarial attack."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Random seeds; each kind is trained once for each."""
    metrics: tuple[str, ...] = ("psnr", "ssim", "flip")
    """Metrics to report, of psnr, ssim, ssim-gaussian, ms-ssim, lpips, lpips-vgg and flip."""
    skip_problems: bool = False
    """Leave out photos, pairs and scenes that can't be used, and report them, instead of stopping."""
    threads: int | None = None
    """Number of CPU threads (default: PyTorch's choice)."""

    def __post_init__(self) -> None:
        if (
            self.side_px % 8
            or min(self.side_px, self.steps, self.pictures, self.attack_steps, self.batch) < 1
        ):
            got = f"{self.side_px} px, {self.steps} steps, {self.pictures} pictures"
            raise InputError(
                f"expected a side of multiples of 8 px and counts from 1, got {got}, try 96, 400, 512"
            )
