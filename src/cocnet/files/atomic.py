"""Files appear whole or not at all.

Enters: a path and whatever writes to it. Leaves: the finished file, or the old one untouched and an error.
"""

import dataclasses
import errno
import math
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cocnet.errors import FileError
from cocnet.files.json_file import json_text
from cocnet.files.leftovers import TEMPORARY, Claim, remove_leftovers
from cocnet.files.offline import is_there

_being_written: set[Path] = set()


@contextmanager
def atomic_path(path: str | Path, source: str | Path | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and takes the place of `path`.

    On any failure the temporary file is removed and an existing `path` is as it was. Raises FileError
    where `path` is a link, a folder, in a missing folder, or the same file as `source`, and for OS errors.
    What is itself the temporary file of a context around is written in place, so that its lock stays.
    """
    target = Path(path)
    if target in _being_written:
        with _explained(target):
            yield target
        return
    _refuse(target, source)
    remove_leftovers(target.parent)
    temporary = _beside(target)
    with _explained(target), closing(Claim(temporary)) as claim:
        _being_written.add(temporary)
        try:
            mode = (target if target.exists() else temporary).stat().st_mode & 0o777
            yield temporary
            claim.renew()  # some writers put a private file of their own in its place
            _sync(temporary)
            temporary.chmod(mode)
            os.replace(temporary, target)  # noqa: PTH105
            _sync(target.parent)
        finally:
            _being_written.discard(temporary)
            temporary.unlink(missing_ok=True)


def check_output(path: str | Path, source: str | Path | None = None) -> None:
    """Refuse an output path early, before any long work, as `atomic_path` would: a file is tried there."""
    target = Path(path)
    _refuse(target, source)
    with _explained(target), closing(Claim(_beside(target))) as claim:
        claim.path.unlink()


def check_writes(outputs: Iterable[str | Path], inputs: Iterable[str | Path | None] = ()) -> None:
    """Refuse early, before any long work, outputs that can't be written, that are an input, or the same file twice;
    raises FileError."""
    read, written = tuple(inputs), set[Path]()
    for path in outputs:
        check_output(path)
        for source in read:
            _refuse(Path(path), source)
        where = Path(path).resolve()
        if where in written:
            raise FileError(
                f"expected outputs of different names, got '{path}' for two of them, try another name"
            )
        written.add(where)


def _beside(target: Path) -> Path:
    return target.parent / f"{TEMPORARY}{secrets.token_hex(8)}{target.suffix}"


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """What the system raises inside becomes a FileError that names the target."""
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        raise FileError(_explain(target, error)) from error


def _refuse(target: Path, source: str | Path | None) -> None:
    """Raise FileError for a name that can't be one, a link, folder or device, a missing folder, or the input."""
    if "\x00" in str(target):
        raise FileError(f"expected a file name, got {str(target)!r}, try one without null bytes")
    with _explained(target):
        if target.is_symlink():
            raise FileError(
                f"expected a plain output file, got the symbolic link '{target}', try the path it points to"
            )
        if target.is_dir():
            raise FileError(f"expected an output file, got the folder '{target}', try a file name inside it")
        if not target.parent.is_dir():
            raise FileError(f"expected an existing folder, got '{target.parent}', try creating it first")
        if target.exists() and not target.is_file():
            raise FileError(
                f"expected a plain output file, got the pipe or device '{target}', try another name"
            )
        if source is not None and target.exists() and is_there(Path(source)) and target.samefile(source):
            raise FileError(
                f"expected an output other than the input, got '{target}' for both, try another name"
            )


def write_json(path: str | Path, obj: Any) -> None:
    """Write a JSON sidecar atomically; dataclasses, paths, NumPy become plain, inf and NaN text."""
    text = json_text(_plain(obj), indent=2) + "\n"
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _plain(obj: Any) -> Any:
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        return {f.name: _plain(getattr(obj, f.name)) for f in dataclasses.fields(obj)}
    if isinstance(obj, Mapping):
        return {str(key): _plain(value) for key, value in obj.items()}
    if isinstance(obj, np.ndarray | np.generic):
        return _plain(obj.tolist())
    if isinstance(obj, list | tuple | set | frozenset):
        return [_plain(value) for value in obj]
    if isinstance(obj, float) and not math.isfinite(obj):
        return str(obj)
    return obj if isinstance(obj, str | int | float | bool | None) else str(obj)


def _sync(path: Path) -> None:
    """Flush a file or folder to the disk; folders that can't be synced (some network drives) are left."""
    is_folder = path.is_dir()
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        if is_folder:
            return
        raise
    try:
        os.fsync(handle)
    except OSError:
        if not is_folder:
            raise
    finally:
        os.close(handle)


def _explain(target: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"expected room for '{target}', got a full disk ({error.strerror}), try freeing space"
    reason = (error.strerror or str(error)).replace("\n", " ")
    return f"expected to write '{target}', got '{reason}', try another folder or check its permissions"
