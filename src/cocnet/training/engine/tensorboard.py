"""Curves for TensorBoard, where it is asked for. Enters: numbers by name. Leaves: event files in tensorboard/."""

from collections.abc import Mapping
from pathlib import Path

from cocnet.errors import MissingExtraError


class Board:
    """A folder's curves; raises MissingExtraError without the package."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError(
                "expected tensorboard, got none, try: pip install 'cocnet[train]'"
            ) from error
        self._writer = SummaryWriter(str(folder / "tensorboard"))

    def add(self, step: int, facts: Mapping[str, float]) -> None:
        """One point of each curve."""
        for name, value in facts.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()
