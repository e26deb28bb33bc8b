"""The parts of a run's summary: how well a method did, against another, on another victim, after a transform."""

from dataclasses import dataclass

from cocnet.metrics import Interval, PairedTest
from cocnet.robustness.methods import parts_of


@dataclass(frozen=True)
class MethodScore:
    """One victim and method.

    right: share of all photos that are named rightly, as Table II has it; success: fooled, of the photos that
    count; _saved: of files of 8 bit. median_psnr_db: file to natural bokeh, of photos that count. zero_gradients:
    share of first gradients that were zero everywhere. full: no photo stopped early. The other intervals are of
    means, by name.
    """

    victim: str
    method: str
    base: str
    epsilon: float | None
    steps: int
    restarts: int
    full: bool
    right: Interval
    right_saved: Interval
    success: Interval
    success_saved: Interval
    to_photo: dict[str, Interval]
    to_natural: dict[str, Interval]
    median_psnr_db: float
    perturbation: dict[str, Interval]
    queries: float
    seconds: float
    zero_gradients: float

    @property
    def reckons(self) -> str:
        """What it reckons with beside the victim, as it was spelled: transforms (eot=) and other victims (with=)."""
        return ", ".join(part for part in parts_of(self.method)[1:] if part.startswith(("eot=", "with=")))

    @property
    def series(self) -> tuple[str, str, int, int, bool, str]:
        """What it has in common with the other points of its curve over ε."""
        return self.victim, self.base, self.steps, self.restarts, self.full, self.reckons


@dataclass(frozen=True)
class VictimPair:
    """Two methods on one victim: McNemar's test of what their files fool."""

    victim: str
    first: str
    second: str
    test: PairedTest


@dataclass(frozen=True)
class TransferTable:
    """A method's pictures, made against `source`, seen by `target`: [source][target]. right: of all photos, as Table
    III has it; fooled: of those that both name rightly before and after natural bokeh. Files of 8 bit."""

    method: str
    right: dict[str, dict[str, Interval]]
    fooled: dict[str, dict[str, Interval]]


@dataclass(frozen=True)
class Survival:
    """What a transform leaves of a method on one victim. natural: natural bokeh that is named rightly after it,
    of all photos; fooled: attacked pictures that are misread after it, of those; still: of those fooled before
    it."""

    victim: str
    method: str
    transform: str
    natural: Interval
    fooled: Interval
    still: Interval
