"""JSON that may have been written by anyone, cut off or edited: read, or refused in one line.

Enters: a path, or a line of text. Leaves: an object, or what a caller makes of it; else a FileError.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cocnet.errors import CocnetError, FileError

MOST_BYTES = 200_000_000
_BROKEN = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)
T = TypeVar("T")


def read_json(path: Path, what: str, hint: str, use: Callable[[Any], T], most_bytes: int = MOST_BYTES) -> T:
    """What `use` makes of the JSON in a file.

    Raises FileError "expected `what`, got …, try `hint`" where the file can't be read, is no JSON or too large, and
    for whatever `use` stumbles over.
    """
    try:
        if path.stat().st_size > most_bytes:
            raise ValueError(f"more than {most_bytes:,} bytes")
        return use(json.loads(path.read_text(encoding="utf-8")))
    except CocnetError:
        raise
    except _BROKEN as error:
        raise FileError(f"expected {what}, got '{path}' ({reason_of(error)}), try {hint}") from error


def json_text(found: Any, indent: int | None = None) -> str:
    """JSON as people read it; halves of characters, as in names that aren't UTF-8, as their codes."""
    text = json.dumps(found, ensure_ascii=False, indent=indent)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def an_object(found: Any) -> dict[str, Any]:
    """The JSON object that was found; raises ValueError for something else."""
    if not isinstance(found, dict):
        raise ValueError(f"{type(found).__name__} in place of an object")
    return found


def reason_of(error: BaseException) -> str:
    """Another library's error as a part of one line."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split())[:160] or type(error).__name__
