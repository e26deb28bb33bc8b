"""Apple's maker note: two numbers that say how much brighter than white an iPhone's photo gets.

Enters: an EXIF block. Leaves: stops, or None where its note is another maker's or doesn't say. Source: Apple,
"Applying Apple HDR effect to your photos".
"""

import struct

from cocnet.containers.exif_block import MAKER_NOTE, parse

STOPS_UNSAID = 1.8  # Apple's formula with both tags at 0
_NAME = b"Apple iOS\x00"
_HEADROOM, _GAIN = 33, 48
_SIGNED_FRACTION = 10
_MOST_ENTRIES = 1000


def headroom_stops(exif: bytes | None) -> float | None:
    """log₂ of the brightest light over white, 0 or more, of a photo's EXIF block; None where it doesn't say."""
    try:
        entries = parse(exif or b"").entries()
        note = next((entry.value for entry in entries if entry.tag == MAKER_NOTE), b"")
        tags = _fractions(note) if note.startswith(_NAME) else {}
    except (struct.error, ValueError, ZeroDivisionError):
        return None
    if _HEADROOM not in tags:
        return None
    headroom, gain = tags[_HEADROOM], tags.get(_GAIN, 0.0)
    if headroom < 1:
        stops = 1.8 - 20 * gain if gain <= 0.01 else 1.601 - 0.101 * gain
    else:
        stops = 3.0 - 70 * gain if gain <= 0.01 else 2.303 - 0.303 * gain
    return max(stops, 0.0)


def _fractions(note: bytes) -> dict[int, float]:
    """The signed fractions of the note's directory, whose offsets count from the note's beginning."""
    order = {b"MM": ">", b"II": "<"}.get(note[12:14], ">")
    (count,) = struct.unpack_from(order + "H", note, 14)
    found = {}
    for at in range(16, 16 + 12 * min(count, _MOST_ENTRIES), 12):
        tag, kind, number, place = struct.unpack_from(order + "HHII", note, at)
        if kind == _SIGNED_FRACTION and number == 1 and tag in (_HEADROOM, _GAIN):
            top, bottom = struct.unpack_from(order + "ii", note, place)
            found[tag] = top / bottom
    return found
