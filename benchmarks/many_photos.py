"""What many photos cost: one core's time for each, where it goes, and what that makes for a million.

    python benchmarks/many_photos.py --photos FOLDER [--count 4] [--million 1000000]

Printed as a Markdown table: seconds of the processor a photo of RandomBokeh at 224², `cocnet corrupt` and
`cocnet pairs` on one thread, shares of decoding, depth (with the subject's mask), rendering and encoding, bytes
written, and the plan: core-hours, and days on 16 cores. The first photo warms up and isn't counted.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from cocnet.augment import CameraRanges, RandomBokeh, random_bokeh
from cocnet.datasets.labelled.labelled_photos import middle
from cocnet.datasets.pairs.view import read_planes
from cocnet.files.listing import listed
from cocnet.renderers import Physical
from cocnet.robustness import corruption_set
from cocnet.robustness.corruption_settings import CorruptionRun
from cocnet.training.runs import pair_set
from cocnet.training.runs.pair_settings import PairRun

STAGES = ("decode", "depth", "render", "encode")
CORES = 16


@dataclass(frozen=True)
class Cost:
    """Of one photo: seconds of a core, those of each stage, bytes written."""

    seconds: float
    stages: dict[str, float]
    written: float


@contextmanager
def timed(places: list[tuple[Any, str, str]]) -> Iterator[dict[str, float]]:
    """Seconds by stage while functions of modules (module, name, stage) are called."""
    spent: dict[str, float] = defaultdict(float)

    def clocked(function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            begun = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                spent[stage] += time.thread_time() - begun

        return call

    with ExitStack() as stack:
        for module, name, stage in places:
            stack.enter_context(patch.object(module, name, clocked(getattr(module, name), stage)))
        yield spent


def of_set(run: Callable[[Path, Path], Any], places: list[tuple[Any, str, str]], photos: list[Path]) -> Cost:
    """A command on the first photo, then on the others, which count."""
    with tempfile.TemporaryDirectory() as folder:
        some = [Path(folder, name) for name in ("one", "others")]
        for target, own in zip(some, (photos[:1], photos[1:]), strict=True):
            target.mkdir()
            for path in own:
                (target / path.name).symlink_to(path.resolve())
        run(some[0], Path(folder, "warm"))
        out, begun = Path(folder, "out"), time.thread_time()
        with timed(places) as spent:
            run(some[1], out)
        seconds, count = time.thread_time() - begun, len(photos) - 1
        written = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
        return Cost(seconds / count, _each(spent, count), written / count)


def of_augmentation(photos: list[Path]) -> Cost:
    """RandomBokeh of every photo in an epoch after the first: depth is cached."""
    with tempfile.TemporaryDirectory() as folder:
        bokeh = RandomBokeh(CameraRanges(mean_coc=(0.005, 0.02)), p=1.0, depth="estimated", cache=folder)

        def load(path: Path) -> torch.Tensor:
            return (middle(read_planes(path), 224) * 255).round().clamp(0, 255).byte()

        for path in photos:
            bokeh(load(path))
        spent, begun = defaultdict[str, float](float), time.thread_time()
        with timed([(random_bokeh, "estimated", "depth")]) as inner:
            for path in photos[1:]:
                start = time.thread_time()
                photo = load(path)
                spent["decode"] += time.thread_time() - start
                bokeh(photo)
        seconds, count = time.thread_time() - begun, len(photos) - 1
        spent["depth"] = inner["depth"]
        spent["render"] = seconds - spent["decode"] - spent["depth"]
        return Cost(seconds / count, _each(spent, count), 0.0)


def _each(spent: dict[str, float], count: int) -> dict[str, float]:
    return {stage: seconds / count for stage, seconds in spent.items()}


def measured(photos: list[Path]) -> dict[str, Cost]:
    """What each way costs."""
    reads = [(corruption_set, "read_planes", "decode"), (pair_set, "read_planes", "decode")]
    depth = [(corruption_set, "estimate_depth", "depth"), (corruption_set, "coarse_mask", "depth")]
    depth.append((pair_set, "estimate_depth", "depth"))
    writes = [(corruption_set, "write_photo", "encode"), (pair_set, "write_photo", "encode")]
    renders = [(corruption_set, "corrupted", "render"), (Physical, "render", "render")]
    corrupts, pairs = (
        [reads[0], *depth[:2], renders[0], writes[0]],
        [reads[1], depth[2], renders[1], writes[1]],
    )
    return {
        "RandomBokeh, depth cached": of_augmentation(photos),
        "corrupt, 9 × 5 and clean": of_set(
            lambda folder, out: corruption_set.run_corruption(folder, CorruptionRun(out)), corrupts, photos
        ),
        "corrupt, the same as JPEG": of_set(
            lambda folder, out: corruption_set.run_corruption(folder, CorruptionRun(out, format="jpeg")),
            corrupts,
            photos,
        ),
        "corrupt, near and far focus at 3": of_set(
            lambda folder, out: corruption_set.run_corruption(
                folder, CorruptionRun(out, ("near_focus", "far_focus"), (3,))
            ),
            corrupts,
            photos,
        ),
        "pairs, one each": of_set(
            lambda folder, out: pair_set.run_pairs(folder, PairRun(out)), pairs, photos
        ),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--million", type=int, default=1_000_000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = measured(listed(asked.photos, "*.*")[: asked.count + 1])
    head = ["", "s a photo", *(f"{stage} %" for stage in STAGES), "rest %", "kB written"]
    head += ["core-hours", f"days on {CORES} cores", "TB"]
    print(f"{asked.million:,} photos, from {asked.count}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for name, cost in found.items():
        shares = [100 * cost.stages.get(stage, 0.0) / cost.seconds for stage in STAGES]
        hours = asked.million * cost.seconds / 3600
        row = [name, f"{cost.seconds:.3f}", *(f"{share:.0f}" for share in [*shares, 100 - sum(shares)])]
        row += [f"{cost.written / 1e3:.0f}", f"{hours:,.0f}", f"{hours / CORES / 24:.1f}"]
        print(f"| {' | '.join([*row, f'{asked.million * cost.written / 1e12:.2f}'])} |")


if __name__ == "__main__":
    main()
