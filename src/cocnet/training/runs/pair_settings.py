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
    """Folder of the pairs; the same command goes on where it was interrupted."""
    layout: PairLayout = "basicsr"
    """basicsr: SPLIT/input and target, with options for NAFNet beside; dpdd: SPLIT/inputC and target; ebb:
    SPLIT/original and bokeh, numbered, as JPEG."""
    bokeh: PairBokeh = "natural"
    """natural: by the photo's depth; random: nearness of each pixel moved by ±epsilon; adversarial: moved by at most
    epsilon so that `victim` no longer knows what it knew."""
    each: int = 1
    """Pairs of each photo, with another lens each."""
    f_number: tuple[float, float] = (1.4, 8.0)
    """Aperture of the 75 mm lens, drawn between these; a scene reaches from 1 to 10 m."""
    mean_coc: tuple[float, float] | None = None
    """Instead: mean radius of the circle of confusion between these, as a share of the photo's width."""
    focus: Literal["subject", "background", "random"] = "random"
    """What is in focus."""
    blades: tuple[int, ...] = (0,)
    """Numbers of aperture blades to draw from, 0 for a circle."""
    cat_eye: tuple[float, float] = (0.0, 0.0)
    """How far discs in the corners are cut, drawn between these, of 0 to 1."""
    longest_px: int = 2048
    """Photos with a longer side are made smaller first, px [0: as they are]."""
    bits: Literal[8, 16] = 8
    """Bits of the files; 16 for basicsr and dpdd."""
    linear: bool = False
    """Files hold linear light instead of sRGB; needs 16 bits."""
    noisy: float = 0.5
    """Share of blurred pictures with the noise of photons and of a sensor."""
    breathing: float = 0.0
    """Focus breathing: the blurred picture is magnified by up to this much, say 0.01."""
    coc: bool = False
    """Also write SPLIT/coc/NAME.npy: the signed radius of the circle of confusion, px, positive behind the focus."""
    held_out: float = 0.1
    """Share of photos, with all their pairs, that go to the test split."""
    epsilon: float = 0.05
    """Largest change of nearness (0..1), for random and adversarial bokeh."""
    steps: int = 10
    """Steps of the adversarial attack."""
    victim: str = "mobilenet_v2"
    """Classifier that adversarial bokeh is made against."""
    depths: Path | None = None
    """Folder of depth files of the photos' names [estimated]."""
    depth_kind: str | None = None
    """Kind of the depth files: metric, disparity, relative_depth or relative_disparity [what their sidecars say]."""
    estimator: str = "builtin"
    """Depth estimator for photos without a depth file: builtin, or another of `cocnet depth`."""
    workers: int = 1
    """Processes, or processors of a local Ray cluster."""
    ray: str | None = None
    """Address of a Ray cluster to work on: auto, local, or HOST:PORT [this machine's processes]."""
    seed: int = 0
    """Random seed."""

    def __post_init__(self) -> None:
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
        if self.linear and self.bits == 8:
            raise InputError("expected 16 bits for linear light, got 8, which shows steps, try --bits 16")
