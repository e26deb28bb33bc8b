"""IPTC that may go on with a picture: captions, keywords, copyright; no previews of what it was before.

Enters: datasets (28, record, number, length of 16 bit, value). Leaves: those that stay, None where none says
anything. Damage and lengths of more than 16 bit end the walk. Source: IPTC-IIM 4.2, records 1 and 2.
"""

import struct
from typing import Any

_MOST_BYTES = 60_000  # one segment of a JPEG holds them
_ENVELOPE, _APPLICATION = 1, 2
_VERSION, _PREVIEWS = 0, (200, 201, 202)


def kept_iptc(block: Any) -> bytes | None:
    """The part of a block of IPTC that is still true of the result; None where there is none."""
    kept, facts, at = b"", 0, 0
    data = block[:_MOST_BYTES] if isinstance(block, bytes) else b""
    while at + 5 <= len(data) and data[at] == 0x1C:
        record, number, length = struct.unpack_from(">BBH", data, at + 1)
        end = at + 5 + length
        if end > len(data):
            break
        if record == _ENVELOPE or (record == _APPLICATION and number not in _PREVIEWS):
            kept += data[at:end]
            facts += record == _APPLICATION and number != _VERSION
        at = end
    return kept if facts else None
