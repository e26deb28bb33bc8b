"""What a set of corrupted photos, and its evaluation, are asked for. Light, so that a command line need not wait for
torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from cocnet.errors import InputError

LEAST_PX = 32


@dataclass(frozen=True)
class CorruptionRun:
    """Which photos are corrupted, how. Raises InputError for numbers that can't be."""

    out: Annotated[Path, arg(aliases=["-o"])] = Path("corrupted")
    """Folder of the benchmark, laid out as CORRUPTION/SEVERITY/CLASS/NAME. Run the same command again to continue
    after an interruption."""
    corruptions: tuple[str, ...] = ()
    """Names of corruptions (default: all, and the control one_blur, a uniform blur)."""
    severities: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Severities from 1 to 5; 0 = the photo itself."""
    size_px: int = 224
    """Side in px of the square that photos are resized and cropped to, at least 32; 0 = photos stay as they are."""
    depths: Path | None = None
    """Folder of depth files, matched to the photos by name: DEPTHS/CLASS/NAME, else DEPTHS/NAME (default: depth is
    estimated)."""
    depth_kind: str | None = None
    """What the depth files hold: metric (metres), disparity (1/metres), relative_depth (bigger is farther) or
    relative_disparity (bigger is nearer) (default: as the JSON file beside each says)."""
    estimator: str = "builtin"
    """Depth estimator for photos without a depth file: builtin, or another name that `cocnet depth --estimator`
    takes."""
    split: str | None = None
    """Which split of a table (images.csv) that has splits (default: eval)."""
    photos: int | None = None
    """Number of photos, spread evenly over all (default: all)."""
    format: Literal["png", "jpeg"] = "png"
    """png = lossless; jpeg = quality 95, with the photos' own file names where these are JPEG."""
    shard: int = 0
    """Number of photos, with all their corruptions, in each webdataset shard (photos-000000.tar); 0 = no shards but
    files in folders, as evaluations read them."""
    workers: int = 1
    """Number of processes, or of CPUs of a local Ray cluster."""
    ray: str | None = None
    """Address of a Ray cluster to work on: auto, local or HOST:PORT (default: processes of this machine)."""
    seed: int = 0
    """Random seed of the corruption focus_pull."""

    def __post_init__(self) -> None:
        if self.size_px and self.size_px < LEAST_PX:
            raise InputError(f"expected size_px from {LEAST_PX}, or 0, got {self.size_px}, try 224")
        if self.shard < 0:
            raise InputError(f"expected shard from 1, or 0, got {self.shard}, try 1000")
        if self.photos is not None and self.photos < 1:
            raise InputError(f"expected photos from 1, got {self.photos}, try leaving it out")
        if not self.severities or not all(0 <= one <= 5 for one in self.severities):
            raise InputError(f"expected severities of 0 to 5, got {self.severities}, try 1 2 3 4 5")


@dataclass(frozen=True)
class CorruptionEvaluation:
    """Which classifiers see which set. Raises InputError for numbers that can't be."""

    data: Path
    """Folder that `cocnet corrupt` made of photos with classes, at one size."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/corruptions")
    """Folder of the report."""
    victims: tuple[str, ...] = ("mobilenet_v2",)
    """Classifiers: names (mobilenet_v2, efficientnet_lite0, …), NAME=FILE.safetensors for other weights, or
    PACKAGE.MODULE:FUNCTION for your own, which takes sRGB [b 3 h w] in 0..1 and returns logits [b n]."""
    first_class: int = 0
    """Number of the first class in class folders named by number: 0 or 1."""
    batch: int = 16
    """Batch size."""
    device: str = "cpu"
    """Where to compute: cpu or cuda."""
    threads: int | None = None
    """Number of CPU threads (default: PyTorch's choice)."""

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise InputError(f"expected batch from 1, got {self.batch}, try 16")
        if self.first_class not in (0, 1):
            raise InputError(f"expected first_class 0 or 1, got {self.first_class}, try 1")


@dataclass(frozen=True)
class DetectionEvaluation:
    """Which detectors see which set."""

    data: Path
    """Folder that `cocnet corrupt` made of photos without classes, with --size-px 0."""
    annotations: Path
    """Boxes of the uncorrupted photos: a JSON file in COCO's format, such as instances_val2017.json."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/detection")
    """Folder of the report."""
    detectors: tuple[str, ...] = ("ssdlite320_mobilenet_v3_large",)
    """Object detectors: names of torchvision, NAME=FILE.safetensors for other weights, or PACKAGE.MODULE:FUNCTION for
    your own, which takes sRGB [b 3 h w] in 0..1 and returns a list of boxes, scores and labels."""
    device: str = "cpu"
    """Where to compute: cpu or cuda."""
    threads: int | None = None
    """Number of CPU threads (default: PyTorch's choice)."""
