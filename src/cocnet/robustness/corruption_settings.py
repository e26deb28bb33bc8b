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
    """Folder of the set: CORRUPTION/SEVERITY/CLASS/NAME; the same command goes on where it was interrupted."""
    corruptions: tuple[str, ...] = ()
    """Names of corruptions [all, and the control one_blur]."""
    severities: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Severities, of 0 (the photo itself) to 5."""
    size_px: int = 224
    """Side of the square that photos are resized and cropped to, px, from 32 [0: as they are]."""
    depths: Path | None = None
    """Folder of depth files of the photos' names [estimated]."""
    depth_kind: str | None = None
    """Kind of the depth files: metric, disparity, relative_depth or relative_disparity [what their sidecars say]."""
    estimator: str = "builtin"
    """Depth estimator for photos without a depth file: builtin, or another of `cocnet depth`."""
    split: str | None = None
    """Split of a table (images.csv) that has splits [eval]."""
    photos: int | None = None
    """Number of photos, taken evenly from all [all]."""
    format: Literal["png", "jpeg"] = "png"
    """png: lossless; jpeg: of quality 95, under the photos' own names where these are JPEG."""
    workers: int = 1
    """Processes, or processors of a local Ray cluster."""
    ray: str | None = None
    """Address of a Ray cluster to work on: auto, local, or HOST:PORT [this machine's processes]."""
    seed: int = 0
    """Random seed, of the corruption focus_pull."""

    def __post_init__(self) -> None:
        if self.size_px and self.size_px < LEAST_PX:
            raise InputError(f"expected size_px from {LEAST_PX}, or 0, got {self.size_px}, try 224")
        if not self.severities or not all(0 <= one <= 5 for one in self.severities):
            raise InputError(f"expected severities of 0 to 5, got {self.severities}, try 1 2 3 4 5")


@dataclass(frozen=True)
class CorruptionEvaluation:
    """Which classifiers see which set. Raises InputError for numbers that can't be."""

    data: Path
    """A set that `cocnet corrupt` made."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/corruptions")
    """Folder of the report."""
    victims: tuple[str, ...] = ("mobilenet_v2",)
    """Names of classifiers, NAME=FILE.safetensors, or PACKAGE.MODULE:FUNCTION of one's own (sRGB [b 3 h w] of 0..1 to
    logits [b n])."""
    batch: int = 16
    """Photos at a time."""
    device: str = "cpu"
    """cpu or cuda."""
    threads: int | None = None
    """Processor threads [PyTorch's choice]."""

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise InputError(f"expected batch from 1, got {self.batch}, try 16")


@dataclass(frozen=True)
class DetectionEvaluation:
    """Which detectors see which set."""

    data: Path
    """A set that `cocnet corrupt` made of loose photos with --size-px 0."""
    annotations: Path
    """Boxes of the photos before they were corrupted: a JSON file as COCO has it (instances_val2017.json)."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("runs/detection")
    """Folder of the report."""
    detectors: tuple[str, ...] = ("ssdlite320_mobilenet_v3_large",)
    """Names of torchvision's detectors, NAME=FILE.safetensors, or PACKAGE.MODULE:FUNCTION of one's own (sRGB [b 3 h
    w] of 0..1 to a list of boxes, scores and labels)."""
    device: str = "cpu"
    """cpu or cuda."""
    threads: int | None = None
    """Processor threads [PyTorch's choice]."""
