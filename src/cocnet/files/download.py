"""Files that don't ship: fetched once, at a pinned revision, checked, kept in a cache.

Enters: a `Remote`. Leaves: a path whose bytes have the expected checksum. Offline is a one-line error that says
where the file could be put by hand. `COCNET_CACHE` moves the cache, `cocnet.files.offline` forbids the network.
huggingface_hub isn't used: it compares no checksum of ours, and would be a dependency of every installation.
"""

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from cocnet.errors import CocnetWarning, DownloadError, FileError
from cocnet.files.atomic import atomic_path
from cocnet.files.offline import check_download, is_there

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
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "cocnet"
    try:
        return Path.home() / ".cache" / "cocnet"
    except RuntimeError:  # a user without a home, as containers have them
        return Path(tempfile.gettempdir()) / "cocnet-cache"


def is_news(what: str) -> bool:
    """Whether a note wasn't given before, to this cache folder; it is given again where that can't be written."""
    told = cache_folder() / "told" / hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()[:16]
    if is_there(told):
        return False
    with suppress(OSError):
        told.parent.mkdir(parents=True, exist_ok=True)
        told.touch()
    return True


def cached_path(remote: Remote) -> Path:
    """Where a file is, or would be."""
    return cache_folder() / remote.folder / remote.name


def is_cached(remote: Remote) -> bool:
    """The file is there and of the right size; `fetch` checks the bytes."""
    path = cached_path(remote)
    return is_there(path) and path.stat().st_size == remote.size_bytes


def fetch(remote: Remote) -> Path:
    """The file, from the cache or downloaded; says licence and size before the first download.

    Raises FileError: no network, forbidden, another checksum, no room.
    """
    path = cached_path(remote)
    if is_cached(remote) and _checksum(path) == remote.sha256:
        return path
    check_download(f"'{remote.name}'", None, f"try unsetting it, or putting it at {path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"expected a folder to keep '{remote.name}' in, got '{path.parent}' ({error.strerror}), "
            "try COCNET_CACHE with a folder that can be written"
        ) from error
    megabytes = remote.size_bytes / 1e6
    if megabytes > 1:
        what = f"{remote.folder}/{remote.name}, licence {remote.licence}, {megabytes:.0f} MB"
        warnings.warn(f"downloading {what}, once, to {path.parent}", CocnetWarning, stacklevel=2)
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
        raise DownloadError(
            f"expected to download '{remote.name}', got '{reason}', try again online, or put the file at {path}"
        ) from error
    if digest.hexdigest() != remote.sha256:
        got = f"{received} bytes with {digest.hexdigest()[:12]}…"
        raise FileError(
            f"expected '{remote.name}' with sha256 {remote.sha256[:12]}…, got {got}, try again later"
        )


def _checksum(path: Path) -> str | None:
    """None where the file can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
