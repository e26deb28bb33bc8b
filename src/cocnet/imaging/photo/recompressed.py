"""What a JPEG leaves of a picture, without a file.

Enters: pixels. Leaves: pixels as a reader of this program's JPEG finds them.
"""

import numpy as np
from jaxtyping import UInt8

from cocnet.imaging.photo.encode import jpeg_bytes
from cocnet.imaging.photo.photo import read_photo


def recompressed(pixels: UInt8[np.ndarray, "h w 3"], quality: int) -> UInt8[np.ndarray, "h w 3"]:
    """sRGB pixels after a JPEG of quality 1..100: colour at full resolution (4:4:4) from quality 90, else at half
    (4:2:0). Raises InputError for another quality."""
    return np.array(read_photo(jpeg_bytes(np.ascontiguousarray(pixels), None, quality)).pixels)
