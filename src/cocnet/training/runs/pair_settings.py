"""What a set of pairs is asked for. Light, so that a command line need not wait for torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from cocnet.errors import InputError

PairLayout = Literal["basicsr", "dpdd", "ebb"]
PairBokeh = Literal["natural", "random", "adversarial"]


@dataclass(frozen=True)
class PairRun:
    """How pairs are made, and how they are laid out. Raises InputError for numbers that can't be."""

    out: Annotated[Path, arg(aliases=["-o"])] = Path("pairs")
    """Folder of the pairs. Run the same command again to continue after an interruption."""
    layout: PairLayout = "basicsr"
    """basicsr = SPLIT/input and SPLIT/target, with options for NAFNet; dpdd = SPLIT/inputC and SPLIT/target; ebb =
    SPLIT/original and SPLIT/bokeh, numbered, as JPEG."""
    bokeh: PairBokeh = "natural"
    """natural = by the photo's depth; random = each pixel's nearness (0..1, bigger is nearer) is changed by ±epsilon;
    adversarial = it is changed by at most epsilon so that the victim no longer recognises the photo."""
    each: int = 1
    """Number of pairs made of each photo, each with another lens."""
    f_number: tuple[float, float] = (1.4, 8.0)
    """Range of the f-number of the 75 mm lens; each scene's depth reaches from 1 m to 10 m."""
    mean_coc: tuple[float, float] | None = None
    """Range of the mean radius of the circle of confusion, as a fraction of the photo's width, in place of an
    f-number."""
    focus: Literal["subject", "background", "random"] = "random"
    """What is in focus; random = a random point of the photo, another for each pair."""
    blades: tuple[int, ...] = (0,)
    """Numbers of aperture blades to choose from; 0 = a circular aperture."""
    cat_eye: tuple[float, float] = (0.0, 0.0)
    """Range of the optical vignetting (cat's eye bokeh), from 0 to 1."""
    longest_px: int = 2048
    """Photos with a longer side than this, in px, are reduced to it first; 0 = never."""
    bits: Literal[8, 16] = 8
    """Bits of each channel in the files; 16 is for basicsr and dpdd."""
    linear: bool = False
    """Write linear light instead of sRGB; needs 16 bits."""
    noisy: float = 0.5
    """Fraction of the blurred pictures that get photon and sensor noise."""
    breathing: float = 0.0
    """Focus breathing: the blurred picture is magnified by up to this fraction, e.g. 0.01."""
    coc: bool = False
    """Also write SPLIT/coc/NAME.npy: the signed radius of the circle of confusion in px, positive behind the
    focus."""
    held_out: float = 0.1
    """Fraction of the photos, each with all its pairs, that goes to the test split."""
    epsilon: float = 0.05
    """Largest change of nearness (0..1) for random and adversarial bokeh."""
    steps: int = 10
    """Number of steps of the adversarial attack."""
    victim: str = "mobilenet_v2"
    """Classifier that adversarial bokeh is made against."""
    depths: Path | None = None
    """Folder of depth files, matched to the photos by name (default: depth is estimated)."""
    depth_kind: str | None = None
    """What the depth files hold: metric (metres), disparity (1/metres), relative_depth (bigger is farther) or
    relative_disparity (bigger is nearer) (default: as the JSON file beside each says)."""
    estimator: str = "builtin"
    """Depth estimator for photos without a depth file: builtin, or another name that `cocnet depth --estimator`
    takes."""
    shard: int = 0
    """Number of photos, with all their pairs, in each webdataset shard (SPLIT-000000.tar: NAME.input.png,
    NAME.target.png, NAME.json); 0 = no shards but files in folders, as the layout says."""
    workers: int = 1
    """Number of processes, or of CPUs of a local Ray cluster."""
    ray: str | None = None
    """Address of a Ray cluster to work on: auto, local or HOST:PORT (default: processes of this machine)."""
    seed: int = 0
    """Random seed."""

    def ignored(self) -> tuple[str, ...]:
        """Lines on options that have no effect with this bokeh."""
        used = {"epsilon": ("random", "adversarial"), "steps": ("adversarial",), "victim": ("adversarial",)}
        changed = [name for name in used if getattr(self, name) != getattr(PairRun, name)]
        return tuple(
            f"--{name}: no effect with --bokeh {self.bokeh}"
            for name in changed
            if self.bokeh not in used[name]
        )

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"expected steps from 1, got {self.steps}, try 10")
        if self.each < 1 or self.longest_px < 0 or 0 < self.longest_px < 64:
            got = f"{self.each} and {self.longest_px}"
            raise InputError(f"expected each from 1 and longest_px from 64, or 0, got {got}, try 1 and 2048")
        shares = (self.noisy, self.held_out, self.epsilon)
        if not all(0 <= share <= 1 for share in shares) or not 0 <= self.breathing <= 0.2:
            got = f"{shares} and {self.breathing}"
            raise InputError(
                f"expected noisy, held_out and epsilon of 0 to 1, breathing of 0 to 0.2, got {got}, try the defaults"
            )
        if self.layout == "ebb" and self.bits == 16:
            raise InputError("expected 8 bits for ebb, which is JPEG, got 16, try --layout basicsr")
        if self.shard < 0 or (self.shard and self.layout != "basicsr"):
            got = f"{self.shard} and {self.layout}"
            raise InputError(f"expected shard from 1, without a layout, or 0, got {got}, try --shard 1000")
        if self.linear and self.bits == 8:
            raise InputError("expected 16 bits for linear light, got 8, which shows steps, try --bits 16")
