"""Names from data (tables, indexes, a run's files) as paths that stay in their folder.

Enters: a folder and names. Leaves: a path in it, or a ValueError.
"""

from pathlib import Path, PurePosixPath, PureWindowsPath


def inside(folder: Path, *names: str) -> Path:
    """The path of the names below a folder; raises ValueError for one that is absolute, goes up, or can't be a path.

    Links that lie in the folder are its owner's and are followed.
    """
    for name in names:
        kinds = PurePosixPath(name), PureWindowsPath(name)
        if "\x00" in name or any(kind.anchor or ".." in kind.parts for kind in kinds):
            raise ValueError(f"{name[:80]!r} leaves its folder")
    return folder.joinpath(*names)
