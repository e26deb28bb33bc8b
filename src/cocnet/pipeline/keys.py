"""Keys of a film: what is in focus, and how wide the aperture is, at which second.

Enters: texts such as "2.5:0.7,0.5" (second : x,y in 0..1) and "2:1.4" (second : f-number). Leaves: keys in order, and
between which of them a moment lies. Apertures change evenly in stops: N(t) = N₁·(N₂/N₁)^s.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from cocnet.errors import InputError


@dataclass(frozen=True)
class FocusKey:
    """At this second, what is seen at the fractions x, y of width and height is in focus."""

    second: float
    x: float
    y: float


@dataclass(frozen=True)
class ApertureKey:
    """At this second, the f-number."""

    second: float
    f_number: float


Key = TypeVar("Key", FocusKey, ApertureKey)


def read_focus_keys(texts: Sequence[str]) -> tuple[FocusKey, ...]:
    """Keys in order of time; raises InputError."""
    keys = [FocusKey(*_numbers(text, 2, "0:0.3,0.6", "--focus-keys")) for text in texts]
    for key, text in zip(keys, texts, strict=True):
        if not (0 <= key.x <= 1 and 0 <= key.y <= 1):
            raise InputError(
                f"expected a place of two fractions 0..1 in --focus-keys, got '{text}', try 0:0.3,0.6"
            )
    return tuple(_in_order(keys, "--focus-keys"))


def read_aperture_keys(texts: Sequence[str]) -> tuple[ApertureKey, ...]:
    """Keys in order of time; raises InputError."""
    keys = [ApertureKey(*_numbers(text, 1, "0:2.8", "--aperture-keys")) for text in texts]
    for key, text in zip(keys, texts, strict=True):
        if not key.f_number > 0:
            raise InputError(f"expected an f-number above 0 in --aperture-keys, got '{text}', try 0:2.8")
    return tuple(_in_order(keys, "--aperture-keys"))


def between(keys: Sequence[Key], second: float) -> tuple[Key, Key, float]:
    """The keys before and after a moment, and how far between them it is, 0..1; beyond the ends the end's key."""
    after = next((n for n, key in enumerate(keys) if key.second > second), len(keys))
    low, high = keys[max(0, after - 1)], keys[min(after, len(keys) - 1)]
    if low is high:
        return low, high, 0.0
    return low, high, (second - low.second) / (high.second - low.second)


def f_number_at(keys: Sequence[ApertureKey], second: float) -> float:
    """The f-number of a moment."""
    low, high, share = between(keys, second)
    return low.f_number * (high.f_number / low.f_number) ** share


def _numbers(text: str, count: int, example: str, option: str) -> list[float]:
    second, colon, rest = text.partition(":")
    try:
        found = [float(second), *(float(part) for part in rest.split(","))]
    except ValueError:
        found = []
    if not colon or len(found) != 1 + count or not all(map(math.isfinite, found)) or found[0] < 0:
        raise InputError(
            f"expected {option} of SECOND:{'X,Y' if count == 2 else 'F-NUMBER'}, got '{text}', try {example}"
        )
    return found


def _in_order(keys: list[Key], option: str) -> list[Key]:
    ordered = sorted(keys, key=lambda key: key.second)
    for one, other in itertools.pairwise(ordered):
        if one.second == other.second:
            raise InputError(
                f"expected one key for each second in {option}, got two for {one.second:g}, try one of them"
            )
    return ordered
