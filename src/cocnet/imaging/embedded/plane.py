"""A depth picture as a phone embeds it: one channel of JPEG or PNG.

Enters: the bytes of the picture. Leaves: values in 0..1, or a ValueError with the reason.
"""

import numpy as np
from jaxtyping import Float32

from cocnet.imaging.photo.decode import decode

_MAX_DEPTH_BYTES = 600_000_000  # of memory: 50 megapixels of 8 bit
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def decode_plane(picture: bytes) -> Float32[np.ndarray, "h w"]:
    """The depth picture (8 or 16 bit) as shares of its full scale."""
    try:
        raster = decode(picture, _MAX_DEPTH_BYTES, ("JPEG", "PNG"))
    except Exception as error:
        reason = " ".join(str(error.__cause__ or error).split())[:120]
        raise ValueError(f"its depth picture can't be decoded ({reason})") from error
    plane = raster.pixels[..., 0] if raster.grey else raster.pixels @ _LUMA
    return plane.astype(np.float32) / np.float32(np.iinfo(raster.pixels.dtype).max)
