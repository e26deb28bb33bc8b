"""What can be asked of a batch besides what can be asked of one render; plain data.

Enters: a user's wishes. Leaves: the same, checked.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from cocnet.errors import InputError


@dataclass(frozen=True)
class BatchRun:
    """Where a batch reads and writes, and by how many at once. Raises InputError."""

    out: Annotated[Path, arg(aliases=["-o"])]
    """Folder for the pictures, their settings, the contact sheet and the report; made if it doesn't exist. Run the
    same command again to continue after an interruption."""
    depth: Path | None = None
    """Folder of depth maps, matched by name: holiday.png or holiday_depth.npy for holiday.jpg, a/holiday.png for
    a/holiday.jpg (default: the depth in the photos, else estimated)."""
    format: Literal["own", "jpg", "png", "tif", "webp", "avif"] = "own"
    """Format of the pictures: own = each photo's, or JPEG where that can't be written."""
    quality: int = 95
    """Quality of JPEG, WebP and AVIF files, 1..100."""
    workers: int | None = None
    """Number of photos rendered at the same time, each in its own process (default: one for each CPU core)."""
    contact_sheet: bool = True
    """Whether contact-sheet.jpg, an overview of all pictures, is made."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InputError(f"expected at least 1 worker, got {self.workers}, try 2")
        if not 1 <= self.quality <= 100:
            raise InputError(f"expected a quality of 1–100, got {self.quality}, try 95")
