"""Photos before and after as `cocnet render` makes them with nothing given, crops at 100 %: one JPEG.

  python benchmarks/photo_sheet.py --images DIR ... --names A,B,... --credits images.csv --out sheet.jpg

Enters: folders of photos, names (stems) in order, a table with file, author and page. Leaves: the sheet, row by
row; on stdout a line per photo (focus, largest blur, doubts) and who took them. The crop is around the middle of the
subject's mask.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from subject_sheet import plain

from cocnet.depth import coarse_mask
from cocnet.imaging import Photo, read_photo, write_photo
from cocnet.pipeline.render_photo import RenderResult, render

CROP_PX, COLUMNS, GAP_PX = 192, 4, 8


def window_of(photo: Photo) -> tuple[slice, slice]:
    """A square around the middle of the subject, of the photo where there is none."""
    mask = coarse_mask(photo.pixels) > 0.5
    places = np.argwhere(mask) if mask.mean() > 0.004 else np.argwhere(np.ones_like(mask))
    middle = (places.mean(0) + 0.5) / mask.shape
    starts = [
        int(np.clip(m * n - CROP_PX / 2, 0, max(0, n - CROP_PX)))
        for m, n in zip(middle, (photo.height, photo.width), strict=True)
    ]
    return slice(starts[0], starts[0] + CROP_PX), slice(starts[1], starts[1] + CROP_PX)


def cell_of(photo: Photo, result: RenderResult) -> np.ndarray:
    """Before and after, side by side, uint8; smaller photos on white."""
    cell = np.full((CROP_PX, 2 * CROP_PX, 3), 255, np.uint8)
    for left, pixels in ((0, photo.pixels), (CROP_PX, result.pixels)):
        crop = pixels[window_of(photo)]
        cell[: crop.shape[0], left : left + crop.shape[1]] = crop
    return cell


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--names", required=True)
    parser.add_argument("--credits", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    paths = [
        next(path for folder in arguments.images for path in sorted(folder.glob(f"{name}.*")))
        for name in arguments.names.split(",")
    ]
    cells = []
    for number, path in enumerate(paths):
        photo = read_photo(path)
        result = render(photo, estimator="builtin")
        cells.append(cell_of(photo, result))
        used = result.settings
        doubts = sum("uncertain" in note for note in used.notes)
        print(
            f"{number + 1}. {path.stem}: {used.focus_m.origin}, {used.largest_blur_radius_px:.1f} px"
            + (", uncertain" if doubts else ""),
            flush=True,
        )
    across, down = 2 * CROP_PX + GAP_PX, CROP_PX + GAP_PX
    rows = -(-len(cells) // COLUMNS)
    sheet = np.full((rows * down - GAP_PX, COLUMNS * across - GAP_PX, 3), 255, np.uint8)
    for number, cell in enumerate(cells):
        top, left = number // COLUMNS * down, number % COLUMNS * across
        sheet[top : top + CROP_PX, left : left + 2 * CROP_PX] = cell
    write_photo(arguments.out, sheet, quality=85)
    if arguments.credits:
        with arguments.credits.open(encoding="utf-8") as table:
            found = {Path(line["file"]).stem: line for line in csv.DictReader(table)}
        known = [found[path.stem] for path in paths if path.stem in found]
        print(", ".join(f"[{plain(line['author'])}]({line['page']})" for line in known))


if __name__ == "__main__":
    main()
