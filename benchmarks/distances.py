"""How far away photographed things are whose size their class tells, beside where the rule puts them.

    python benchmarks/distances.py [--shared FOLDER]

Enters: FOLDER/data/nips2017: photos with ImageNet's labels, masks of their subjects. Leaves on stdout: of things of
known classes the distance from which 50 mm on full frame shows them as large as they are (size · 50 mm / the diagonal
of the mask's box on the sensor), its mean and its slope by the share of the photo, in logarithms; and the error of
the rule of `cocnet.depth.placement` for several nearest distances. Sizes, by the author: a typical thing's longest
side.
"""

import argparse
import csv
import math
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
FULL_FRAME_MM = math.hypot(36, 24)
# longest side, m: classes of ImageNet-1k, single or first-last
SIZES_M = {
    0.03: "300-320 984 988-989",
    0.035: "949",
    0.04: "69-78",
    0.05: "952",
    0.06: "985",
    0.07: "321-326 948 950-951 957",
    0.08: "960 967 969",
    0.1: "79 110-117 392 396-397 504 928-932 947 956 968 986 991-997",
    0.12: "1 333 622 673 732 759 933",
    0.15: "25-32 487 528 590 605 940-946",
    0.18: "934",
    0.2: "10-20 108-109 327-329 441 505 572 849 936-939 954 966 987 998",
    0.25: "35-47 92-95 118-125 338 719 901 909-910 923-927 935",
    0.27: "959 961-962 964-965",
    0.3: "107 151-157 334-335 409 411 502 514 518 530 550 560 630 770 774 828 859 878 883 899-900 953",
    0.33: "963",
    0.35: "440 463 620 681 720 737 898 907",
    0.4: "89-91 96-100 102-103 135-143 298-299 330-332 356-360",
    0.45: "7-8 281-285 508 527 664 782 851",
    0.5: "0 80-88 336-337 361 370-382 414 683 955",
    0.6: "383-384 387 889",
    0.7: "21-24 105 158-268 362-364",
    0.8: "277-280 389-391 393-394 412",
    0.9: "104 106 127-134 145 427",
    1: "9 52-68 287 395 402 420 423 546 559 765 857",
    1.1: "146 269-276 365-369",
    1.2: "33-34 413 422",
    1.3: "341-343",
    1.4: "348-353 388",
    1.5: "5-6 144 526 703",
    1.7: "355 444 665 670-671",
    1.8: "286 288-297",
    2: "150 831",
    2.2: "48",
    2.4: "339-340",
    2.5: "345-347",
    3: "149 354",
    3.5: "49-50 344",
    4: "2-4 403 472",
    4.5: "101 436 468 511 609 656 661 717 734 751 817",
    5: "385-386",
    6: "407 625 654",
    7: "148 847 864",
    8: "555 569",
    10: "576 914",
    11: "779 874",
    12: "147",
    15: "867",
    16: "895",
    30: "780",
    40: "404",
    75: "405",
}


def sizes_m() -> dict[int, float]:
    """Size by class."""
    found = {}
    for size, classes in SIZES_M.items():
        for part in classes.split():
            first, _, last = part.partition("-")
            found.update(dict.fromkeys(range(int(first), int(last or first) + 1), size))
    return found


def seen(folder: Path) -> np.ndarray:
    """[n 2]: the share of the photo and the distance, m, of each thing that is at least 0.4 % of it."""
    sizes, rows = sizes_m(), []
    with (folder / "images.csv").open(encoding="utf-8") as table:
        photos = [
            line for line in csv.DictReader(table) if line["split"] == "train" and int(line["label"]) in sizes
        ]
    for line in photos:
        mask = np.asarray(Image.open(folder / "train_masks" / f"{Path(line['file']).stem}.png")) > 127
        if mask.mean() < 0.004:
            continue
        sides = [np.ptp(places) + 1 for places in np.nonzero(mask)]
        on_sensor_mm = math.hypot(*sides) / math.hypot(*mask.shape) * FULL_FRAME_MM
        rows.append((mask.mean(), sizes[int(line["label"])] * 50 / on_sensor_mm))
    return np.array(rows)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    share, distance = seen(parser.parse_args().shared / "data" / "nips2017").T
    log, x = np.log(distance), np.log(share) - np.log(share).mean()
    slope = (x * log).sum() / (x * x).sum()
    rest = log - log.mean() - slope * x
    error = math.sqrt((rest**2).sum() / (len(log) - 2) / (x * x).sum())
    print(
        f"{len(log)} photos: {np.exp(log.mean()):.2f} m, standard deviation a factor {np.exp(log.std()):.1f}"
    )
    print(f"distance goes as share^{slope:.2f} (standard error {error:.2f}); the rule says share^-0.5")
    for nearest in (0.4, 0.6, 0.8, 1.0, 1.2):
        off = log - np.log(np.clip(0.55 * np.sqrt(0.3 / share), nearest, 2.5))
        ratio, rms = np.exp(off.mean()), np.exp(np.sqrt((off**2).mean()))
        print(f"nearest {nearest} m: true / rule {ratio:.2f}, rms a factor {rms:.2f}")


if __name__ == "__main__":
    main()
