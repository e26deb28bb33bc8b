"""What goes on with a picture besides its pixels.

Enters and leaves: blocks as the formats store them, and a resolution in dots an inch.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """Colour profile, EXIF, XMP, resolution (across, down) and IPTC of a picture."""

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    iptc: bytes | None = None
