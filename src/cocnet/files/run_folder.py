"""A run's folder: claimed by its settings, worked in by one process at a time.

Enters: a folder, the settings of the run. Leaves: settings.json in it, and a lock file while a process works there.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cocnet.errors import FileError
from cocnet.files.atomic import write_json
from cocnet.files.json_file import an_object, read_json

SETTINGS, LOCK = "settings.json", ".lock"
_NAMED = 4
_MISSING = "nothing"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder, which is made; the lock ends with the process, even a killed one.

    Raises FileError where another process works in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FileError(
            f"expected a folder to work in alone, got '{folder}', where another process works, "
            "try waiting for its end, or another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def claim(
    folder: Path,
    settings: Mapping[str, Any],
    harmless: Callable[[str, Any, Any], bool] = lambda name, before, now: False,
    kept: Sequence[str] = (),
) -> None:
    """Make the folder and save a run's settings in it; raises FileError, which says what differs, where it holds
    those of another run. harmless(name, before, now): whether a setting, named as in `recipe.stages.0.steps`, may
    have changed since. kept: settings whose entries stay in the file where this run has none of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    plain, path = json.loads(json.dumps(settings)), folder / SETTINGS
    if path.is_file():
        before, old = read_json(path, "a run's settings", "a new folder", partial(_as_saved, kept=kept))
        plain |= {name: {**old[name], **plain[name]} for name in kept}
        now = _flat(plain)
        changed = [
            f"{name} {now.get(name, _MISSING)!r} for {before.get(name, _MISSING)!r}"
            for name in {**before, **now}
            if before.get(name, _MISSING) != now.get(name, _MISSING)
            and not harmless(name, before.get(name), now.get(name))
        ]
        if changed:
            more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
            raise FileError(
                f"expected the same settings to go on with as in '{path}', got {', '.join(changed[:_NAMED])}{more}, "
                "try those, or a new folder"
            )
    write_json(path, plain)


def _as_saved(found: Any, kept: Sequence[str]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Saved settings, flat, and the entries of those that are kept."""
    return _flat(an_object(found)), {name: an_object(found.get(name, {})) for name in kept}


def fingerprint(files: Iterable[Path]) -> str:
    """SHA-256 of the files' names and sizes in order, 16 hex digits: other data are noticed, another path isn't."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
    return digest.hexdigest()[:16]


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested settings as one dict of dotted names; an empty list or dict is a value."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        found: dict[str, Any] = {}
        for key, inner in items:
            found |= _flat(inner, f"{name}.{key}" if name else str(key))
        return found
    return {name: value}
