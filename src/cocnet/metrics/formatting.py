"""Scores as they are printed.

Enters: a metric's name, its value. Leaves: text with unit and digits.
"""

from cocnet.metrics.metric_registry import metric

_DIGITS = {"dB": 2}


def title(name: str) -> str:
    """A metric's column head: name, unit, direction."""
    found = metric(name)
    return f"{name} {found.unit} {found.arrow}".replace("  ", " ")


def cell(name: str, value: float | None) -> str:
    """A score as it is printed, empty for none."""
    return "" if value is None else f"{value:.{_DIGITS.get(metric(name).unit, 4)}f}"
