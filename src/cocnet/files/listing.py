"""What a folder holds for its user: hidden files, such as half-written ones of a killed process, are no data.

Enters: a folder and a pattern. Leaves: paths in the order of their names.
"""

import re
from pathlib import Path


def listed(folder: str | Path, pattern: str = "*") -> list[Path]:
    """Paths below a folder that match, sorted, none of them hidden or in a hidden folder below it."""
    base = Path(folder)
    return [path for path in sorted(base.glob(pattern)) if not is_hidden(path.relative_to(base))]


def is_hidden(path: Path) -> bool:
    """Whether a part of a relative path starts with a dot."""
    return any(part.startswith(".") for part in path.parts)


def natural(path: Path) -> tuple[list[str | int], str]:
    """What to sort paths by where numbers count as numbers: frame_2 before frame_10."""
    parts: list[str | int] = list(re.split(r"(\d+)", str(path)))
    parts[1::2] = map(int, parts[1::2])
    return parts, str(path)
