"""How large a JPEG XL picture is, from its first bytes.

Enters: a codestream or the container around one. Leaves: width and height, px, or a ValueError. Source:
ISO/IEC 18181-1, SizeHeader; 18181-2 (boxes jxlc and jxlp).
"""

import struct

_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_WIDTHS = (9, 13, 18, 30)


def jxl_size(data: bytes) -> tuple[int, int]:
    """Width and height, px, as coded."""
    stream = data if data[:2] == b"\xff\x0a" else _codestream(data)
    bits, at = int.from_bytes(stream[2:34], "little"), 0

    def take(count: int) -> int:
        nonlocal at
        value = bits >> at & (1 << count) - 1
        at += count
        return value

    def side(small: int) -> int:
        return (take(5) + 1) * 8 if small else take(_WIDTHS[take(2)]) + 1

    small = take(1)
    height = side(small)
    ratio = take(3)
    width = height * _RATIOS[ratio][0] // _RATIOS[ratio][1] if ratio else side(small)
    return width, height


def _codestream(data: bytes) -> bytes:
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if name in (b"jxlc", b"jxlp"):
            start = at + 8 + (4 if name == b"jxlp" else 0) + (8 if size == 1 else 0)
            return data[start : start + 64]
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        if size < 8:
            break
        at += size
    raise ValueError("no picture in it")
