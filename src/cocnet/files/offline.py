"""Whether the network may be used: `COCNET_OFFLINE`, read here and nowhere else.

Enters: the environment. Leaves: yes or no, an error before a download that isn't allowed, and what makes other
packages stay offline, too.
"""

import os
import sys
from pathlib import Path

from cocnet.errors import DownloadError

VARIABLE = "COCNET_OFFLINE"


def is_offline() -> bool:
    """Whether downloads are forbidden: the variable is set to anything but 0, false, no or nothing."""
    return os.environ.get(VARIABLE, "").strip().lower() not in ("", "0", "false", "no", "off")


def check_download(what: str, kept: Path | None, hint: str) -> None:
    """Raise DownloadError where a file would have to be downloaded and mustn't be.

    kept: where it would lie. hint: what to do, starting with "try".
    """
    if is_offline() and not (kept is not None and is_there(kept)):
        where = f" at '{kept}'" if kept is not None else ""
        raise DownloadError(f"expected {what}{where}, got none offline ({VARIABLE}), {hint}")


def is_there(path: Path) -> bool:
    """Whether a file is there; a folder that can't be looked into holds none, a name that can't be is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there; as `is_there`."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def keep_hub_offline() -> None:
    """Where downloads are forbidden, forbid them to huggingface_hub, too, loaded already or later."""
    if not is_offline():
        return
    os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        constants.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]
