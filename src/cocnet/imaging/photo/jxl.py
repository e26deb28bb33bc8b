"""What a JPEG XL's first bytes say of its picture: size, bits a channel, whether it moves.

Enters: a codestream or the container around one. Leaves: a `JxlHeader`, or a ValueError. Source: ISO/IEC 18181-1
(SizeHeader, ImageMetadata, PreviewHeader, AnimationHeader, BitDepth); 18181-2 (boxes jxlc and jxlp).
"""

from dataclasses import dataclass

from cocnet.containers.isobmff import boxes

_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_WIDTHS = (9, 13, 18, 30)
_HEADER_BYTES = 64
# U32 as the standard writes it: (bits, offset) for each of the four values of its selector
_PREVIEW8 = ((0, 16), (0, 32), (5, 1), (9, 33))
_PREVIEW = ((6, 1), (8, 65), (10, 321), (12, 1345))
_TICKS, _DIVISOR = ((0, 100), (0, 1000), (10, 1), (30, 1)), ((0, 1), (0, 1001), (8, 1), (10, 1))
_LOOPS = ((0, 0), (3, 0), (16, 0), (32, 0))
_WHOLE, _FLOAT = ((0, 8), (0, 10), (0, 12), (6, 1)), ((0, 32), (0, 16), (0, 24), (6, 1))


@dataclass(frozen=True)
class JxlHeader:
    """Width and height, px, as coded; bits of a channel, and whether they are floats; whether frames follow."""

    width: int
    height: int
    bits: int
    floats: bool
    animated: bool


def jxl_header(data: bytes) -> JxlHeader:
    """Read the header of a picture."""
    read = _Bits(data if data[:2] == b"\xff\x0a" else _codestream(data))
    width, height = read.size()
    if read.take(1):
        return JxlHeader(width, height, 8, False, False)
    animated = read.extra_fields() if read.take(1) else False
    floats = bool(read.take(1))
    return JxlHeader(width, height, read.choice(_FLOAT if floats else _WHOLE), floats, animated)


class _Bits:
    """Numbers of few bits, the lowest first."""

    def __init__(self, stream: bytes) -> None:
        self.bits, self.at = int.from_bytes(stream[2:_HEADER_BYTES], "little"), 0

    def take(self, count: int) -> int:
        """A number of that many bits."""
        value = self.bits >> self.at & (1 << count) - 1
        self.at += count
        return value

    def choice(self, forms: tuple[tuple[int, int], ...]) -> int:
        """A U32: its selector, then its bits."""
        count, offset = forms[self.take(2)]
        return self.take(count) + offset

    def size(self) -> tuple[int, int]:
        """A SizeHeader: width and height."""
        small = self.take(1)
        height = self._side(small)
        ratio = self.take(3)
        width = height * _RATIOS[ratio][0] // _RATIOS[ratio][1] if ratio else self._side(small)
        return width, height

    def _side(self, small: int) -> int:
        return (self.take(5) + 1) * 8 if small else self.take(_WIDTHS[self.take(2)]) + 1

    def extra_fields(self) -> bool:
        """Step over orientation, intrinsic size, preview and animation; whether there is an animation."""
        self.take(3)
        if self.take(1):
            self.size()
        if self.take(1):
            form = _PREVIEW8 if self.take(1) else _PREVIEW
            self.choice(form)
            if not self.take(3):
                self.choice(form)
        animated = bool(self.take(1))
        if animated:
            for form in (_TICKS, _DIVISOR, _LOOPS):
                self.choice(form)
            self.take(1)
        return animated


def _codestream(data: bytes) -> bytes:
    """The first bytes of the codestream, which may come in several boxes."""
    found = b""
    for name, start, end in boxes(data, 0, len(data)):
        if name == b"jxlc":
            return data[start : start + _HEADER_BYTES]
        if name == b"jxlp":
            found += data[start + 4 : min(end, start + 4 + _HEADER_BYTES)]
        if len(found) >= _HEADER_BYTES:
            break
    if not found:
        raise ValueError("no picture in it")
    return found
