"""A contact sheet of the built-in estimator: photo, mask, bokeh, for some photos; who took them, on stdout.

  python benchmarks/subject_sheet.py --images PHOTOS --names A,B,… --credits images.csv --out sheet.jpg

Enters: a folder of photos, their names, a table with file, author, licence and page. Leaves: one JPEG.
"""

import argparse
import csv
import re
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from cocnet.depth import subject_mask
from cocnet.imaging import read_photo, write_photo
from cocnet.pipeline.render_photo import render

CELL_PX, COLUMNS = 160, 4


def row_of(path: Path, f_number: float) -> np.ndarray:
    """Photo, mask and bokeh side by side, uint8."""
    photo = read_photo(path)
    mask = np.rint(255 * subject_mask(photo.pixels)).astype(np.uint8)[..., None].repeat(3, 2)
    bokeh = render(photo, f_number=f_number, estimator="builtin").pixels
    return np.concatenate([small(picture) for picture in (photo.pixels, mask, bokeh)], axis=1)


def small(pixels: np.ndarray) -> np.ndarray:
    """A square of the cell's size."""
    planes = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
    return (
        functional.interpolate(planes, (CELL_PX, CELL_PX), mode="bilinear", antialias=True)[0]
        .permute(1, 2, 0)
        .numpy()
    )


def plain(name: str) -> str:
    """A name whose letters beyond ASCII the table writes as octal bytes."""
    octal = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), name)
    return octal.encode("latin-1").decode("utf-8") if octal != name else name


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--names", required=True)
    parser.add_argument("--credits", type=Path)
    parser.add_argument("--f-number", type=float, default=0.95)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    paths = [next(arguments.images.glob(f"{name}.*")) for name in arguments.names.split(",")]
    cells = [row_of(path, arguments.f_number) for path in paths]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % COLUMNS)
    gap = np.full((CELL_PX, 8, 3), 255, np.uint8)
    rows = [
        np.concatenate([part for cell in cells[i : i + COLUMNS] for part in (cell, gap)][:-1], axis=1)
        for i in range(0, len(cells), COLUMNS)
    ]
    space = np.full((8, rows[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for row in rows for part in (row, space)][:-1], axis=0)
    write_photo(arguments.out, sheet, quality=85)
    if arguments.credits:
        with arguments.credits.open(encoding="utf-8") as table:
            found = {Path(line["file"]).stem: line for line in csv.DictReader(table)}
        print(", ".join(f"[{plain(found[p.stem]['author'])}]({found[p.stem]['page']})" for p in paths))


if __name__ == "__main__":
    main()
