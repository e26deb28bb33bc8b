"""The log of a training, log.jsonl: JSON lines, each step at most once, appended and never rewritten.

Enters: facts by step. Leaves: lines; a step that an earlier, interrupted process logged and this one does again is
not logged again.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cocnet.errors import FileError
from cocnet.files.json_file import an_object, reason_of


class Log:
    """The lines of a file, of which there may be some already. Raises FileError where those are something else."""

    def __init__(self, path: Path) -> None:
        self._path, self._last = path, _last_step(path)

    def append(self, step: int, facts: Mapping[str, Any]) -> bool:
        """Write a step's line; returns False for a step that is in the file already."""
        if step <= self._last:
            return False
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **facts}) + "\n")
        self._last = step
        return True


def _last_step(path: Path) -> int:
    """The step of the last line, -1 for none; a line that was cut off (a full disk, no power) is removed."""
    if not path.is_file():
        return -1
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return int(last_line(path).get("step", -1))


def last_line(path: Path) -> dict[str, Any]:
    """The last line of a log, empty for none. Raises FileError where it is something else."""
    try:
        lines = path.read_bytes().splitlines()
        found = an_object(json.loads(lines[-1])) if lines else {}
        int(found.get("step", -1))
        return found
    except (OSError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise FileError(
            f"expected lines of a training's log, got '{path}' ({reason_of(error)}), try moving it away"
        ) from error


class Meter:
    """Time and losses since the last line of the log."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.last, self.seconds, self.waited = time.monotonic(), 0.0, 0.0

    def lap(self, loss: float) -> float:
        """Seconds since the last step."""
        now = time.monotonic()
        passed, self.last = now - self.last, now
        self.seconds += passed
        self.losses.append(loss)
        return passed

    def pause(self) -> None:
        """What was done since the last step doesn't count."""
        self.last = time.monotonic()

    def line(self, items: int, waited: float) -> dict[str, float]:
        """Mean loss, items per second, and the part of the time that batches were waited for; starts anew."""
        since, self.waited = waited - self.waited, waited
        found = {
            "loss": sum(self.losses) / len(self.losses),
            "items_per_second": round(items * len(self.losses) / max(self.seconds, 1e-9), 3),
            "wait_share": round(since / max(self.seconds, 1e-9), 4),
        }
        self.losses, self.seconds = [], 0.0
        return found
