"""What a file says of its gain map: how the codes of that picture become light above the photo's white.

Enters: fields of XMP, the binary block of ISO 21496-1, or JPEG XL's bundle around it. Leaves: a `LogGain`, or a
ValueError with why it can't be used. Sources: Adobe's gain map specification 1.0 (hdrgm), Android's Ultra HDR 1.1,
ISO 21496-1:2025 annex C.
"""

import math
import struct
from dataclasses import dataclass

from cocnet.containers.xmp import Fields

ISO_NAME = b"urn:iso:std:iso:ts:21496:-1\x00"
MOST_STOPS = 16.0  # of brightness, either way: more is no photo's
# Flags; the last two are libultrahdr's, from before the standard
_MANY, _COMMON, _BACKWARD = 0x80, 0x08, 0x04
Three = tuple[float, float, float]


@dataclass(frozen=True)
class LogGain:
    """With a code v in 0..1: light = (base + offset) · 2^(low + (high − low)·v^(1/gamma)) − other_offset, by channel.

    base and light are linear, 1 = the photo's white. Raises ValueError for numbers that no picture can have.
    """

    low: Three
    high: Three
    gamma: Three = (1.0, 1.0, 1.0)
    offset: Three = (1 / 64, 1 / 64, 1 / 64)
    other_offset: Three = (1 / 64, 1 / 64, 1 / 64)

    def __post_init__(self) -> None:
        numbers = (*self.low, *self.high, *self.gamma, *self.offset, *self.other_offset)
        fine = all(map(math.isfinite, numbers)) and min(self.gamma) > 1e-3
        fine = fine and max(map(abs, (*self.low, *self.high))) <= MOST_STOPS
        fine = fine and all(low <= high for low, high in zip(self.low, self.high, strict=True))
        if not fine or not all(0 <= each <= 1 for each in (*self.offset, *self.other_offset)):
            raise ValueError(f"its range is impossible: {self.low[0]:g} to {self.high[0]:g} stops")


def hdrgm_gain(fields: Fields) -> LogGain:
    """The gain of hdrgm's fields, each one number or three; raises ValueError."""
    if fields.get("BaseRenditionIsHDR", "False").lower() == "true":
        raise ValueError("the photo itself is the HDR picture")
    if "GainMapMax" not in fields:
        raise ValueError("it has no GainMapMax")
    defaults = {
        "GainMapMin": "0",
        "GainMapMax": "",
        "Gamma": "1",
        "OffsetSDR": "0.015625",
        "OffsetHDR": "0.015625",
    }
    return LogGain(*(_three(name, fields.get(name, default)) for name, default in defaults.items()))


def _three(name: str, text: str) -> Three:
    try:
        numbers = [float(each) for each in text.split()]
    except ValueError as error:
        raise ValueError(f"its {name} is '{text[:20]}'") from error
    if len(numbers) not in (1, 3):
        raise ValueError(f"its {name} has {len(numbers)} numbers")
    red, green, blue = numbers * (3 // len(numbers))
    return red, green, blue


def iso_gain(block: bytes) -> LogGain:
    """The gain of ISO 21496-1's binary block, from its versions on; raises ValueError."""
    try:
        least, _, flags = struct.unpack_from(">HHB", block)
        if least:
            raise ValueError(f"its metadata is of version {least}")
        count = 3 if flags & _MANY else 1
        headroom, channels = _common(block, count) if flags & _COMMON else _fractions(block, count)
    except struct.error as error:
        raise ValueError("its metadata ends early") from error
    if flags & _BACKWARD or headroom[0] > headroom[1]:
        raise ValueError("the photo itself is the HDR picture")
    by_kind = zip(*(channels * (3 // count)), strict=True)
    return LogGain(*((red, green, blue) for red, green, blue in by_kind))


def jxl_bundle(box: bytes) -> tuple[bytes, bytes]:
    """Split the body of a JPEG XL's box jhgm: what ISO 21496-1 says of the gain map, and the map itself, a JPEG XL
    picture without a container. Raises ValueError."""
    try:
        version, length = struct.unpack_from(">BH", box)
        if version:
            raise ValueError(f"its bundle is of version {version}")
        colour = 3 + length
        profile = colour + 1 + box[colour]
        (profile_length,) = struct.unpack_from(">I", box, profile)
        return box[3:colour], box[profile + 4 + profile_length :]
    except (struct.error, IndexError) as error:
        raise ValueError("its bundle ends early") from error


def _fractions(block: bytes, count: int) -> tuple[tuple[float, ...], list[tuple[float, ...]]]:
    """Headrooms, and for each channel low, high, gamma and offsets, each a numerator and a denominator."""
    pairs = struct.unpack_from(">" + "II" * 2 + "iIiIIIiIiI" * count, block, 5)
    numbers = [_divided(pairs[i], pairs[i + 1]) for i in range(0, len(pairs), 2)]
    return tuple(numbers[:2]), [tuple(numbers[i : i + 5]) for i in range(2, len(numbers), 5)]


def _common(block: bytes, count: int) -> tuple[tuple[float, ...], list[tuple[float, ...]]]:
    """The same over one denominator."""
    below, *tops = struct.unpack_from(">III" + "iiIii" * count, block, 5)
    numbers = [_divided(top, below) for top in tops]
    return tuple(numbers[:2]), [tuple(numbers[i : i + 5]) for i in range(2, len(numbers), 5)]


def _divided(top: int, bottom: int) -> float:
    if not bottom:
        raise ValueError("its metadata divides by 0")
    return top / bottom
