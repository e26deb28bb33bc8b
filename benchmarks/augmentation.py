"""What random bokeh costs beside other blurs of 224 × 224 px, one thread, a photo at a time, depth at hand.

    python benchmarks/augmentation.py [--repeats 30] [--photos FOLDER]

Printed: milliseconds of the processor a photo, and the ratio to torchvision's GaussianBlur in the same run. Each of
DRAWS random blurs is measured in turns; counted is the least of its repeats, which other programs disturb least, and
printed the mean over the blurs. Without photos: noise before made-up depth; with them: depth is estimated first.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms import v2

from cocnet.augment import CameraRanges, Depth, RandomBokeh
from cocnet.augment.depths import estimated, made_up
from cocnet.datasets.labelled.labelled_photos import middle
from cocnet.datasets.pairs.view import read_planes
from cocnet.files.listing import listed

SIDE, DRAWS = 224, 8
Scene = tuple[Tensor, Depth]


def scenes(folder: Path | None) -> list[Scene]:
    """DRAWS photos of 8 bit and their depth."""
    found = []
    for number in range(DRAWS):
        numbers = torch.Generator().manual_seed(number)
        if folder is None:
            photo = torch.randint(0, 256, (3, SIDE, SIDE), generator=numbers).to(torch.uint8)
            found.append((photo, Depth(made_up(SIDE, SIDE, numbers))))
        else:
            paths = listed(folder)
            photo = (middle(read_planes(paths[number % len(paths)]), SIDE) * 255).round().clamp(0, 255).byte()
            found.append((photo, Depth(estimated(photo))))
    return found


def blurs(given: Sequence[Scene]) -> dict[str, Callable[[int], object]]:
    """What is compared, each ready to be called with the number of a scene."""
    ranges = CameraRanges(mean_coc=(0.005, 0.02))
    whole, half = RandomBokeh(ranges, p=1.0), RandomBokeh(ranges, p=1.0, preview=True)
    gaussian = v2.GaussianBlur(13, (1.0, 4.0))
    found: dict[str, Callable[[int], object]] = {
        "torchvision GaussianBlur, 13 px": lambda n: gaussian(given[n][0]),
        "cocnet RandomBokeh": lambda n: whole(*given[n]),
        "cocnet RandomBokeh, preview": lambda n: half(*given[n]),
    }
    try:
        import albumentations

        defocus = albumentations.Defocus((1, 4), p=1.0)
        arrays = [photo.permute(1, 2, 0).contiguous().numpy() for photo, _ in given]
        found["albumentations Defocus, 1 to 4 px"] = lambda n: defocus(image=arrays[n])
    except ImportError:
        print("albumentations isn't installed")
    try:
        from kornia.augmentation import RandomGaussianBlur

        kornia, batches = RandomGaussianBlur((13, 13), (1.0, 4.0), p=1.0), [p[None] / 255 for p, _ in given]
        found["kornia RandomGaussianBlur, 13 px"] = lambda n: kornia(batches[n])
    except ImportError:
        print("kornia isn't installed")
    return found


def main() -> None:
    """Time them in turns."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--photos", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    ways = blurs(scenes(asked.photos))
    least = {(name, n): float("inf") for name in ways for n in range(DRAWS)}
    for turn in range(asked.repeats + 1):
        for (name, n), before in least.items():
            torch.manual_seed(n)
            start = time.thread_time()
            ways[name](n)
            if turn:
                least[name, n] = min(before, time.thread_time() - start)
    mean = {name: 1e3 * sum(least[name, n] for n in range(DRAWS)) / DRAWS for name in ways}
    first = next(iter(mean.values()))
    for name, ms in mean.items():
        print(f"{name:36} {ms:7.2f} ms  {ms / first:6.1f} ×")


if __name__ == "__main__":
    main()
