"""Which channel of an EXR holds depth: in any part, under any renderer's name, and never colour by mistake.

Enters: the names of parts and of their channels. Leaves: the channel to read, or a DepthError that lists them.
Names are LAYER.CHANNEL; known are Z, LAYER.Z, depth…, and single channels V, Y, R (OpenEXR's own luminance).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cocnet.errors import CocnetWarning, DepthError

_COLOURS, _COLOUR_RANK = ("r", "g", "b"), 4


@dataclass(frozen=True)
class Place:
    """A channel of a part; `alike`: channels that must hold the same for it to be depth and not colour."""

    part: int
    channel: str
    alike: tuple[str, ...] = ()


def choose_channel(parts: Sequence[tuple[str, Sequence[str]]], wanted: str | None, path: Path) -> Place:
    """The depth channel of an EXR's parts (name, channels), or the one wanted: CHANNEL or PART.CHANNEL.

    Raises DepthError where there is none; warns where several would do.
    """
    if wanted is not None:
        return _wanted(parts, wanted, path)
    ranked = [
        (rank, Place(index, channel, alike))
        for index, (part, channels) in enumerate(parts)
        for channel in channels
        for rank, alike in [_rank(part, channel, channels)]
        if rank is not None
    ]
    if not ranked:
        raise DepthError(
            f"expected a channel of depth (Z, *.Z, depth*) or a single one, got {_listed(parts)} in '{path}', "
            "try --depth-channel with one of them"
        )
    best = min(rank for rank, _ in ranked)
    found = [place for rank, place in ranked if rank == best]
    if len(found) > 1 and best < _COLOUR_RANK:
        names = ", ".join(_named(parts, place) for place in found[:5])
        warnings.warn(
            f"'{path}' holds {len(found)} channels of depth ({names}); the first is taken, "
            "--depth-channel chooses",
            CocnetWarning,
            stacklevel=4,
        )
    return found[0]


def _wanted(parts: Sequence[tuple[str, Sequence[str]]], wanted: str, path: Path) -> Place:
    for fold in (str, str.casefold):
        for index, (part, channels) in enumerate(parts):
            for channel in channels:
                if fold(wanted) in (fold(channel), fold(f"{part}.{channel}")):
                    return Place(index, channel)
    raise DepthError(f"expected a channel of '{path}', got '{wanted}', try one of {_listed(parts)}")


def _rank(part: str, channel: str, channels: Sequence[str]) -> tuple[int | None, tuple[str, ...]]:
    """How likely a channel is depth, 0 the most, None not at all; and the channels that must equal it."""
    layer, _, last = channel.lower().rpartition(".")
    siblings = {c.lower() for c in channels if c.lower().rpartition(".")[0] == layer}
    lasts = {sibling.rpartition(".")[2] for sibling in siblings}
    vector = {"x", "y"} <= lasts
    of_depth = any(word.startswith("depth") for word in (*layer.split("."), *part.lower().split(".")))
    if last.startswith("depth"):
        return 0, ()
    if last == "z" and not vector:
        return (0 if of_depth else 1 if not layer else 2), ()
    if last in ("v", "y", "r") and len(lasts - {"a"}) == 1:
        alone = sum(c.lower().rpartition(".")[2] != "a" for c in channels) == 1
        return (0 if of_depth else 3 if alone else None), ()
    if last == "r" and set(_COLOURS) <= lasts:
        alike = tuple(
            c for c in channels if c.lower() in (f"{layer}.g".lstrip("."), f"{layer}.b".lstrip("."))
        )
        return (0 if of_depth else _COLOUR_RANK), alike
    return None, ()


def _named(parts: Sequence[tuple[str, Sequence[str]]], place: Place) -> str:
    part = parts[place.part][0]
    return f"{part}.{place.channel}" if part and len(parts) > 1 else place.channel


def _listed(parts: Sequence[tuple[str, Sequence[str]]]) -> str:
    names = [_named(parts, Place(i, c)) for i, (_, channels) in enumerate(parts) for c in channels]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
