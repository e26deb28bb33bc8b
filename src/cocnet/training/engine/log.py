"""The log of a training: lines of JSON that agree with where it stands, and what they say of speed.

Enters: losses as they come. Leaves: log.jsonl, one line an interval.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def append(log: Path, line: Mapping[str, Any]) -> None:
    """Add a line."""
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def forget_after(log: Path, step: int) -> None:
    """Drop the lines of steps that will be done again, and one that was cut off."""
    if log.is_file():
        lines = [line for line in log.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
        log.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


class Watch:
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

    def line(self, pictures: int, stream_waited: float) -> dict[str, float]:
        """Mean loss, pictures per second, and the part of the time that the data were waited for; from anew."""
        waited, self.waited = stream_waited - self.waited, stream_waited
        found = {
            "loss": sum(self.losses) / len(self.losses),
            "pictures_per_second": round(pictures * len(self.losses) / max(self.seconds, 1e-9), 3),
            "wait_share": round(waited / max(self.seconds, 1e-9), 4),
        }
        self.losses, self.seconds = [], 0.0
        return found


def _step_of(line: str) -> int:
    """Of a line of the log; one that was cut off belongs to no step."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return 1 << 62
