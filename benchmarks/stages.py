"""Where the compiled renderer's time goes on one megapixel, beside what this machine can do at most.

    python benchmarks/stages.py [--radius-px 32] [--rounds 5]

Printed, one thread: GB/s of copying and GFLOP/s of a product of matrices; for each stage its milliseconds, what it
must read and write at least, and how fast that was; for the blur of layers the multiplications that covered pixels
need. The whole beside the reference in PyTorch and plain layers.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from clock import timed
from plain_layers import plain_layers
from renderer import SIDE, scene

from cocnet import PhysicalRenderer
from cocnet.rendering import matting
from cocnet.rendering.compiled import composition, in_place, kernels, splitting, step_gradients
from cocnet.rendering.levels import groups, level_above, level_radius, own_radius

PLANE = SIDE * SIDE * 4  # bytes
# planes of the picture's size that a stage reads and writes once: x or values, layers, states
PLANES = {
    "silhouettes": 1.25,
    "matting": 4.0,
    "hidden background": 4 * 1.5 + 10,
    "layer of each pixel": 6.0,
    "means for coarse groups": 10 + 10 / 3,
    "layers, full scale": 10 + 10,
    "layers, coarse": 2 * (10 + 10) / 3,
    "states at twice the scale": 5 * 1.25,
    "finished picture": 4 + 1 + 3,
}


def machine() -> tuple[float, float]:
    """Bytes a second of a copy that no cache holds, and operations a second of a product of matrices."""
    one, two = torch.rand(64_000_000), torch.empty(64_000_000)
    a = torch.rand(1024, 1024)
    seconds = timed({"copy": lambda: two.copy_(one), "product": lambda: a @ a}, 5)
    return 2 * one.nbytes / seconds["copy"], 2 * 1024**3 / seconds["product"]


class Stages:
    """Seconds of one thread in each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(PLANES, 0.0)

    def watch(self, module: Any, name: str, stage: str | Callable[..., str]) -> None:
        """Count the time in a function of a module."""
        whole = getattr(module, name)

        def watched(*args: Any) -> Any:
            begun = time.thread_time()
            found = whole(*args)
            chosen = stage if isinstance(stage, str) else stage(*args)
            self.seconds[chosen] += time.thread_time() - begun
            return found

        setattr(module, name, watched)


def multiplications(radius_px: float) -> float:
    """Products of spots with covered pixels, colours and coverage, of the drawn scene."""
    image, inverse, lens = scene(SIDE, SIDE, radius_px)
    x = lens.coc_radius_px(inverse, SIDE)[0, 0].numpy()
    top = level_above(radius_px)
    found = 0.0
    for group in groups(radius_px):
        for n in range(max(group.first, 0), min(group.last, top) + 1):
            size = float(own_radius(level_radius(n), group.scale))
            low, high = (level_radius(max(n + step, 0)) for step in (-1, 1))
            pixels = ((np.abs(x) > low) & (np.abs(x) < high)).sum() if n else (np.abs(x) < high).sum()
            found += pixels / group.scale**2 * max(np.pi * size**2, 1) * (image.shape[1] + 1)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--radius-px", type=float, default=32.0)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    bandwidth, operations = machine()
    print(
        f"this machine, one thread: {bandwidth / 1e9:.1f} GB/s, {operations / 1e9:.0f} GFLOP/s of matrix products"
    )
    image, inverse, lens = scene(SIDE, SIDE, args.radius_px)
    renderer = PhysicalRenderer(lens)

    def render(compiled: str) -> Callable[[], object]:
        def job() -> object:
            os.environ["COCNET_COMPILED"] = compiled
            return renderer.from_inverse_depth(image, inverse)

        return job

    jobs = {
        "compiled": render("1"),
        "reference": render("0"),
        "plain": lambda: plain_layers(image, inverse, lens),
    }
    whole = timed(jobs, args.rounds)
    print(
        f"whole: {whole['compiled']:.3f} s compiled, {whole['reference']:.3f} s reference "
        f"({whole['reference'] / whole['compiled']:.2f} ×), {whole['plain']:.3f} s plain layers "
        f"({whole['plain'] / whole['compiled']:.2f} ×)"
    )
    stages = stages_of(render("1"), args.rounds)
    for name, seconds in stages.items():
        moved = PLANES[name] * PLANE
        print(
            f"{name:>26} {seconds * 1e3:7.1f} ms, at least {moved / 1e6:5.0f} MB, {moved / seconds / 1e9:5.1f} GB/s"
        )
    blurred = 2 * multiplications(args.radius_px)
    march = stages["layers, full scale"] + stages["layers, coarse"]
    print(f"{'blur of layers':>26} {blurred / 1e9:7.2f} GFLOP needed, {blurred / march / 1e9:.1f} GFLOP/s")


def stages_of(render: Callable[[], object], rounds: int) -> dict[str, float]:
    """Mean seconds of each stage."""
    kernels().warm()
    stages = Stages()
    stages.watch(splitting, "_silhouettes", "silhouettes")
    stages.watch(splitting, "_band_of", "matting")
    stages.watch(matting, "exact", "matting")
    stages.watch(splitting, "_hide", "hidden background")
    stages.watch(composition, "_leaves", "layer of each pixel")
    stages.watch(composition, "pooled", "means for coarse groups")
    stages.watch(
        in_place,
        "march",
        lambda *a: "layers, full scale" if a[11].shape[0] >= SIDE else "layers, coarse",
    )
    stages.watch(step_gradients, "double", "states at twice the scale")
    stages.watch(step_gradients, "finish", "finished picture")
    for _ in range(rounds):
        render()
    return {name: seconds / rounds for name, seconds in stages.seconds.items()}


if __name__ == "__main__":
    main()
