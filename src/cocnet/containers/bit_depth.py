"""How many bits a channel of an AVIF or JPEG 2000 has by its own header: more than a decoder may hand out.

Enters: a file's bytes. Leaves: bits, 8 where the header isn't found. Sources: AV1-ISOBMFF (av1C), ITU-T T.800 (SIZ).
"""

_SIZ = b"\xff\x4f\xff\x51"


def avif_bits(data: bytes) -> int:
    """Bits per channel of an AVIF file (8, 10 or 12), by its first AV1 configuration."""
    at = data.find(b"av1C") + 4
    if at < 4 or at + 3 > len(data) or data[at] != 0x81:
        return 8
    return (12 if data[at + 2] & 0x20 else 10) if data[at + 2] & 0x40 else 8


def jpeg2000_bits(data: bytes) -> int:
    """Bits of the first component of a JPEG 2000 file."""
    at = data.find(_SIZ) + 42
    return 8 if at < 42 or at >= len(data) else (data[at] & 0x7F) + 1
