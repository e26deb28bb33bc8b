"""A real photo at three apertures and two focus points, and a cat for a classifier: `make demo`.

Enters: photos that the scikit-image package brings: the motorcycle of Middlebury Stereo 2014 (741 × 500 px, measured
disparity), Chelsea. Leaves: six pictures with their settings, a contact sheet; the cat with natural and adversarial
bokeh, and what MobileNetV2 takes it for.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from jaxtyping import UInt8

from cocnet.apps.demo.motorcycle import FOCAL_PX, data_folder, motorcycle
from cocnet.errors import CocnetError
from cocnet.imaging import write_photo
from cocnet.imaging.photo.caption import caption
from cocnet.pipeline.options import RenderOptions
from cocnet.pipeline.render_photo import render
from cocnet.robustness.single_photo import AttackRun, attack_photo

F_NUMBERS = (0.95, 2.0, 5.6)
FOCUS_POINTS = {"headlight": (0.73, 0.31), "shelf": (0.76, 0.13)}
SENSOR_WIDTH_MM = 36.0
CAT = 285
ATTACKS = {"bokeh": None, "gda": 8e-3, "lens": None, "pgd-rgb": 2 / 255}
_GAP, _CAPTION = 8, 40


def attack_cat(folder: Path) -> Iterator[str]:
    """Write the cat after each of ATTACKS, and say what the victim takes it for; raises FileError without weights."""
    for method, epsilon in ATTACKS.items():
        run = AttackRun(folder / f"cat-{method}.png", method=method, epsilon=epsilon, label=CAT)
        found = attack_photo(data_folder() / "chelsea.png", run)
        yield f"{found.out}: {found.after.name}, {found.after.confidence:.0%}"


def render_all(folder: Path, f_numbers: tuple[float, ...] = F_NUMBERS) -> list[Path]:
    """Render every focus at every aperture into a folder, and the contact sheet; returns what was written."""
    photo, depth = motorcycle()
    folder.mkdir(parents=True, exist_ok=True)
    focal_mm = FOCAL_PX / photo.width * SENSOR_WIDTH_MM
    camera = RenderOptions(focal_length_mm=focal_mm, sensor_width_mm=SENSOR_WIDTH_MM)
    written, rows = [], []
    for name, point in FOCUS_POINTS.items():
        row = []
        for f_number in f_numbers:
            result = render(photo, depth, camera, f_number=f_number, focus_point=point)
            written.append(folder / f"motorcycle-{name}-f{f_number:g}.jpg")
            result.save(written[-1], quality=92)
            row.append(result.pixels)
        rows.append(row)
    written.append(folder / "contact-sheet.jpg")
    write_photo(written[-1], contact_sheet(rows, [f"f/{n:g}" for n in f_numbers], list(FOCUS_POINTS)))
    return written


def contact_sheet(
    rows: list[list[UInt8[np.ndarray, "h w 3"]]], columns: list[str], names: list[str]
) -> UInt8[np.ndarray, "hs ws 3"]:
    """Pictures of one size in rows and columns on white, captions above and to the left."""
    height, width = rows[0][0].shape[:2]
    beside = np.full((_CAPTION, _CAPTION, 3), 255, np.uint8)
    lines = [_joined([beside, *(caption(column, _CAPTION, width) for column in columns)], axis=1)]
    for name, row in zip(names, rows, strict=True):
        lines.append(_joined([np.rot90(caption(f"focus {name}", _CAPTION, height)), *row], axis=1))
    return _joined(lines, axis=0)


def _joined(parts: list[np.ndarray], axis: int) -> np.ndarray:
    """Parts side by side (axis 1) or above each other (axis 0), with a white gap after each."""
    gap = [(0, _GAP if a == axis else 0) for a in (0, 1)] + [(0, 0)]
    return np.concatenate([np.pad(part, gap, constant_values=255) for part in parts], axis=axis)


def main(folder: Annotated[Path, tyro.conf.Positional] = Path("demo-output")) -> int:
    """Render a real photo, a motorcycle in a garage, at three apertures and two focus points; attack a classifier.

    Args:
        folder: Where the pictures go; made where it is missing.
    """
    try:
        written = render_all(folder)
    except (CocnetError, OSError) as error:
        print(f"cocnet: {error}", file=sys.stderr)
        return 1
    for path in written:
        print(path)
    try:
        print(
            "what a classifier takes a cat for: natural bokeh, depth changed by 0.008, another lens, pixels changed"
        )
        for line in attack_cat(folder):
            print(line)
    except CocnetError as error:
        print(f"note: {error}", file=sys.stderr)
    print(f"open {written[-1]} first: columns are apertures, rows are what is in focus")
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main))
