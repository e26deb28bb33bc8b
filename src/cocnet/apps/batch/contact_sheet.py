"""Small views of many pictures on one.

Enters: 8-bit views [h w 3] of any shape with their names. Leaves: a JPEG on white, rows from left to right.
"""

import itertools
from collections.abc import Container, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cocnet.apps.batch.job import VIEW_PX
from cocnet.imaging import write_photo
from cocnet.imaging.photo.caption import caption

NAME = "contact-sheet.jpg"
COLUMNS, GAP_PX, CAPTION_PX = 6, 8, 20
_LETTERS = 34


def write_sheet(
    folder: Path, views: Sequence[tuple[str, UInt8[np.ndarray, "h w 3"]]], taken: Container[Path] = ()
) -> Path:
    """Write the sheet into a folder, by a name that none of the pictures that are `taken` there has; raises
    FileError."""
    others = (f"{Path(NAME).stem}-{number}.jpg" for number in itertools.count(2))
    free = next(name for name in itertools.chain([NAME], others) if Path(name) not in taken)
    rows = -(-len(views) // COLUMNS)
    cell = VIEW_PX + GAP_PX, VIEW_PX + CAPTION_PX + GAP_PX
    columns = min(COLUMNS, len(views))
    sheet = np.full((rows * cell[1] + GAP_PX, columns * cell[0] + GAP_PX, 3), 255, np.uint8)
    for n, (name, view) in enumerate(views):
        top, left = (n // COLUMNS) * cell[1] + GAP_PX, (n % COLUMNS) * cell[0] + GAP_PX
        height, width = view.shape[:2]
        down, right = top + (VIEW_PX - height) // 2, left + (VIEW_PX - width) // 2
        sheet[down : down + height, right : right + width] = view
        under = slice(top + VIEW_PX, top + VIEW_PX + CAPTION_PX)
        sheet[under, left : left + VIEW_PX] = caption(_short(name), CAPTION_PX, VIEW_PX, 13)
    write_photo(folder / free, sheet, quality=88)
    return folder / free


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else "…" + name[1 - _LETTERS :]
