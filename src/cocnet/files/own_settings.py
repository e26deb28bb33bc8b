"""Settings beside an output: whether a file of that name is ours to replace."""

from pathlib import Path

from cocnet.errors import FileError
from cocnet.files.json_file import an_object, read_json


def are_settings(path: Path) -> bool:
    """Whether what lies there are the settings that a render, a batch, a film or an attack left."""
    try:
        found = read_json(path, "settings", "another name", an_object)
    except FileError:
        return False
    return "options" in found or {"cocnet", "settings"} <= found.keys()


def check_settings(path: Path) -> None:
    """Refuse to replace another program's file by settings; raises FileError."""
    if path.exists() and not are_settings(path):
        raise FileError(f"expected a new file, got '{path}', which is no render's, try another --out")
