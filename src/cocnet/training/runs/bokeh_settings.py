"""Settings of a bokeh network's training; plain data, so that the command line need not wait for PyTorch.

Enters: a user's wishes. Leaves: the same, checked.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from cocnet.errors import InputError


@dataclass(frozen=True)
class BokehRun:
    """What to train, on what. Data are scenes, made of --images and --masks, or pairs that lie in --data."""

    out: Annotated[Path, arg(aliases=["-o"])]
    """Folder of the run. Run the same command again to continue after an interruption."""
    model: str = "cocnet-b3"
    """Network to train: a name of `cocnet models`, or a weight file to continue from, whatever --recipe.start
    says."""
    images: Path | None = None
    """Folder of photos to make training scenes of."""
    masks: Path | None = None
    """Folder of masks of their subjects, NAME.png for NAME.jpg, white = subject."""
    ray_traced: Path | None = None
    """Folder of ray-traced scenes (.npz) to train on as well, in crops; for networks that take a lens."""
    ray_traced_part: float = 0.25
    """Fraction of the training items that are crops of ray-traced scenes."""
    data: Path | None = None
    """Folder of pairs to train on: EBB!'s train folder, photos (with --bokeh), or ray-traced scenes (.npz)."""
    bokeh: Path | None = None
    """Folder of the true bokeh, matched to the photos in --data by name."""
    depths: Path | None = None
    """Folder of depth files, matched to the photos in --data by name."""
    depth_kind: str | None = None
    """What the depth files hold: metric (metres), disparity (1/metres), relative_depth (bigger is farther) or
    relative_disparity (bigger is nearer) (default: as the JSON file beside each says)."""
    resize: tuple[int, int] | None = None
    """Height and width in px that pairs are resized to first; the paper's are 1024 1024 (default: native size)."""
    skip_problems: bool = False
    """Leave out pairs that can't be used, and report them, instead of stopping."""
    side_px: int = 256
    """Side of the training crops in px; 0 = whole pictures."""
    window_px: int = 0
    """Side in px of the part of each scene that cocnet-hybrid is trained on; 0 = all of it."""
    radius_px: tuple[float, float] = (2.0, 20.0)
    """Range of the blur radius in px: each scene's largest one is drawn from it."""
    portraits: float = 0.7
    """Fraction of the scenes that are photos blurred behind their own subject; for networks without depth."""
    poor_depth: float = 0.0
    """Fraction of the items whose depth is as poor as an estimator's (few pixels, moved, slowly wrong) and laid along
    the photo as `cocnet render` does; for cocnet-hybrid on scenes."""
    held_out: int = 8
    """Number of scenes or pairs held out for validation."""
    steps: int | None = None
    """Total number of training steps, shared among the recipe's stages (default: the recipe's own)."""
    workers: int = 2
    """Processes that load data in advance; 0 = none."""
    threads: int | None = None
    """Number of CPU threads (default: PyTorch's choice)."""
    device: str = "auto"
    """Where to compute: cpu, cuda, or auto for a GPU where there is one."""
    widen: tuple[int, ...] = ()
    """Numbers of channels of all levels, finest first, of the cocnet-hybrid that --model continues from, none fewer
    than it has; the added ones start without effect."""
    renew_from: int | None = None
    """First level, from 1 (0 = finest), of the cocnet-hybrid that --model continues from whose weights, and those of
    coarser ones, are drawn anew, without effect at first; --widen may change their channels (default: none)."""
    tensorboard: bool = False
    """Also write curves for TensorBoard; needs the extra `train`."""

    def checked(self) -> "BokehRun":
        """This run; raises InputError for data that can't be."""
        scenes = self.images is not None and self.masks is not None
        if scenes == (self.data is not None):
            raise InputError(
                f"expected --images with --masks, or --data, got {self.images}, {self.masks} and {self.data}, try one"
            )
        if self.ray_traced is not None and not scenes:
            raise InputError(f"expected --images with --ray-traced, got --data {self.data}, try --data alone")
        parts = {name: getattr(self, name) for name in ("portraits", "ray_traced_part", "poor_depth")}
        for name, part in parts.items():
            if not 0 <= part <= 1:
                raise InputError(f"expected {name} in 0..1, got {part}, try 0.25")
        if (self.widen or self.renew_from is not None) and not Path(self.model).suffix:
            raise InputError(
                f"expected a weight file to widen or renew, got {self.model}, try --model weights.safetensors"
            )
        if self.held_out < 0 or self.workers < 0 or (self.steps is not None and self.steps < 1):
            got = f"{self.held_out}, {self.workers} and {self.steps}"
            raise InputError(
                f"expected held_out and workers from 0, steps from 1, got {got}, try 8, 2 and 20000"
            )
        return self
