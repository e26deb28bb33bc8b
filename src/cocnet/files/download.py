"""Files that don't ship: fetched once, at a pinned revision, checked, kept in a cache.

Enters: a `Remote`. Leaves: a path whose bytes have the expected checksum. Offline is a one-line error that says
where the file could be put by hand. `COCNET_CACHE` moves the cache, `COCNET_OFFLINE=1` forbids the network.
"""

import hashlib
import os
import urllib.error
import urllib.request
import warnings
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from cocnet.errors import CocnetWarning, FileError
from cocnet.files.atomic import atomic_path

TIMEOUT_S = 10.0
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Remote:
    """A file of a published model: its address at one revision, checksum, size, licence, and where it is kept."""

    name: str
    url: str
    sha256: str
    size_bytes: int
    licence: str
    folder: str


def cache_folder() -> Path:
    """`COCNET_CACHE`, else the user's cache folder."""
    given = os.environ.get("COCNET_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cocnet"


def cached_path(remote: Remote) -> Path:
    """Where a file is, or would be."""
    return cache_folder() / remote.folder / remote.name


def is_cached(remote: Remote) -> bool:
    """The file is there and of the right size; `fetch` checks the bytes."""
    path = cached_path(remote)
    return path.is_file() and path.stat().st_size == remote.size_bytes


def fetch(remote: Remote) -> Path:
    """The file, from the cache or downloaded; says licence and size before the first download.

    Raises FileError: no network, forbidden, another checksum, no room.
    """
    path = cached_path(remote)
    if is_cached(remote):
        if _checksum(path) == remote.sha256:
            return path
        path.unlink()
    if os.environ.get("COCNET_OFFLINE", "") not in ("", "0"):
        raise FileError(f"expected '{remote.name}', got COCNET_OFFLINE, try unsetting it or putting {path}")
    megabytes = remote.size_bytes / 1e6
    if megabytes > 1:
        what = f"{remote.folder}/{remote.name}, licence {remote.licence}, {megabytes:.0f} MB"
        warnings.warn(f"downloading {what}, once, to {path.parent}", CocnetWarning, stacklevel=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        _download(remote, temporary, path)
    return path


def _download(remote: Remote, temporary: Path, path: Path) -> None:
    """Stream to a file with a progress bar; raises FileError unless every byte is as expected."""
    digest, received = hashlib.sha256(), 0
    try:
        with (
            urllib.request.urlopen(remote.url, timeout=TIMEOUT_S) as answer,
            temporary.open("wb") as file,
            tqdm(desc=remote.name, total=remote.size_bytes, unit="B", unit_scale=True, disable=None) as bar,
        ):
            while received <= remote.size_bytes and (chunk := answer.read(_CHUNK)):
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                bar.update(len(chunk))
    except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError) as error:
        reason = " ".join(str(getattr(error, "reason", error)).split())
        raise FileError(
            f"expected to download '{remote.name}', got '{reason}', try again online, or put the file at {path}"
        ) from error
    if digest.hexdigest() != remote.sha256:
        got = f"{received} bytes with {digest.hexdigest()[:12]}…"
        raise FileError(
            f"expected '{remote.name}' with sha256 {remote.sha256[:12]}…, got {got}, try again later"
        )


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
