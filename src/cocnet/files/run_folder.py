"""A run's folder: made once, claimed by its settings.

Enters: a folder, the settings of the run. Leaves: settings.json in it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cocnet.errors import FileError
from cocnet.files.atomic import write_json


def claim(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder and save a run's settings in it; raises FileError where it holds those of another run."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = json.loads(json.dumps(settings))
    path = folder / "settings.json"
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")) != plain:
        raise FileError(f"expected the same settings to go on with, got others in '{path}', try a new folder")
    write_json(path, plain)
