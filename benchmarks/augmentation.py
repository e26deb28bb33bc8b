"""What random bokeh costs beside other blurs of 224 × 224 px, one thread, a photo at a time, depth at hand.

    python benchmarks/augmentation.py [--repeats 30]

Printed: milliseconds a photo (the median, and the ratio to torchvision's GaussianBlur in the same run).
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torchvision.transforms import v2

from cocnet.augment import CameraRanges, Depth, RandomBokeh
from cocnet.augment.depths import made_up

SIDE = 224


def blurs() -> dict[str, Callable[[], object]]:
    """What is compared, each ready to be called."""
    photo = torch.randint(0, 256, (3, SIDE, SIDE), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    depth = Depth(made_up(SIDE, SIDE, torch.Generator().manual_seed(0)))
    ranges = CameraRanges(mean_coc=(0.005, 0.02))
    whole, half = RandomBokeh(ranges, p=1.0), RandomBokeh(ranges, p=1.0, preview=True)
    gaussian = v2.GaussianBlur(13, (1.0, 4.0))
    found: dict[str, Callable[[], object]] = {
        "torchvision GaussianBlur, 13 px": lambda: gaussian(photo),
        "cocnet RandomBokeh": lambda: whole(photo, depth),
        "cocnet RandomBokeh, preview": lambda: half(photo, depth),
    }
    try:
        import albumentations

        defocus, array = albumentations.Defocus((1, 4), p=1.0), photo.permute(1, 2, 0).contiguous().numpy()
        found["albumentations Defocus, 1 to 4 px"] = lambda: defocus(image=array)
    except ImportError:
        print("albumentations isn't installed")
    try:
        from kornia.augmentation import RandomGaussianBlur

        kornia, batch = RandomGaussianBlur((13, 13), (1.0, 4.0), p=1.0), photo[None] / 255
        found["kornia RandomGaussianBlur, 13 px"] = lambda: kornia(batch)
    except ImportError:
        print("kornia isn't installed")
    return found


def main() -> None:
    """Time them in turns."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=30)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    ways = blurs()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 2):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if turn > 1:
                seconds[name].append(time.perf_counter() - start)
    least = {name: statistics.median(each) * 1e3 for name, each in seconds.items()}
    first = next(iter(least.values()))
    for name, ms in least.items():
        print(f"{name:36} {ms:7.2f} ms  {ms / first:6.1f} ×")


if __name__ == "__main__":
    main()
