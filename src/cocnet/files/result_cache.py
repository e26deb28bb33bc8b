"""Long work that goes on where it was interrupted: each part's value lies in a folder as JSON.

Enters: a folder, a part's name, the facts that it follows from, the function that makes it. Leaves: its value, from
the file where that was made from the same facts, else made now and written, whole or not at all.
"""

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from cocnet.errors import CocnetWarning
from cocnet.files.atomic import write_json


def kept(folder: Path | None, name: str, facts: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """The value as JSON has it (inf and NaN are text). Without a folder nothing is kept. Raises FileError."""
    stem = re.sub(r"[^A-Za-z0-9.]+", "-", name)
    path = None if folder is None else folder / f"{stem}-{digest_of(facts)}.json"
    if path is not None and path.is_file():
        try:
            return json.loads(path.read_text(encoding="utf-8"))["value"]
        except (ValueError, KeyError, TypeError):
            message = f"'{path}' is damaged or of something else: making it again"
            warnings.warn(message, CocnetWarning, stacklevel=2)
    value = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"facts": facts, "value": value})
    return value


def digest_of(facts: Mapping[str, Any]) -> str:
    """Ten hex digits of SHA-256, the same for the same facts in any order."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def described(thing: Any) -> dict[str, Any]:
    """A frozen dataclass as facts: its class and fields."""
    plain = {key: described(value) if is_dataclass(value) else value for key, value in vars(thing).items()}
    return {"class": type(thing).__name__, **plain}
