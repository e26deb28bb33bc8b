"""`cocnet batch` against a shell loop of `cocnet render` over the same photos, in one run.

    python benchmarks/batch.py --photos FOLDER [--count 6] [--megapixels 2] [--f-number 4] [--rounds 1]

The photos of FOLDER are copied at that size. Both ways estimate depth by the network that ships; the loop has all
cores to itself, one photo after the other. Prints seconds, CPU seconds of both, and their ratios.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from cocnet import read_photo, write_photo
from cocnet.files.listing import listed

LOOP = 'for f in "$1"/*.jpg; do "$0" -m cocnet render "$f" "${@:3}" -o "$2/$(basename "$f")" || exit 1; done'


def prepare(source: Path, folder: Path, count: int, megapixels: float) -> None:
    """Copies of the photos in turn, of about that size."""
    found = [path for path in listed(source) if path.suffix.lower() in (".jpg", ".png")]
    for n in range(count):
        pixels = read_photo(found[n % len(found)]).pixels
        scale = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
        size = [round(side * scale) for side in pixels.shape[:2]]
        planes = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
        made = functional.interpolate(planes, size, mode="bilinear", antialias=True)[0].permute(1, 2, 0)
        write_photo(folder / f"{n:03}.jpg", made.round().byte().numpy().astype(np.uint8))


def seconds(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command with all its processes."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--megapixels", type=float, default=2.0)
    parser.add_argument("--f-number", default="4")
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    options = ["--estimator", "builtin", "--f-number", asked.f_number]
    taken: dict[str, list[tuple[float, float]]] = {"loop": [], "batch": []}
    with tempfile.TemporaryDirectory() as name:
        photos, out = Path(name) / "photos", Path(name) / "out"
        photos.mkdir()
        prepare(asked.photos, photos, asked.count, asked.megapixels)
        batch = [sys.executable, "-m", "cocnet", "batch", str(photos), *options, "-o", str(out)]
        loop = ["bash", "-c", LOOP, sys.executable, str(photos), str(out), *options]
        seconds(loop)  # compiles what isn't compiled yet
        for _ in range(asked.rounds):
            for way, command in (("loop", loop), ("batch", batch)):
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                taken[way].append(seconds(command))
    what = (
        f"{asked.count} photos of {asked.megapixels:g} megapixels, f/{asked.f_number}, {os.cpu_count()} cores"
    )
    print(f"{what}, load {os.getloadavg()[0]:.1f}, median of {asked.rounds}")
    wall = {way: statistics.median(w for w, _ in rounds) for way, rounds in taken.items()}
    cpu = {way: statistics.median(c for _, c in rounds) for way, rounds in taken.items()}
    for way in taken:
        print(
            f"{way:>6}: {wall[way]:7.1f} s, {cpu[way]:7.1f} CPU s, {asked.count / wall[way] * 60:.1f} photos a minute"
        )
    print(
        f" ratio: {wall['loop'] / wall['batch']:7.2f} in time, {cpu['loop'] / cpu['batch']:.2f} in CPU time"
    )


if __name__ == "__main__":
    main()
