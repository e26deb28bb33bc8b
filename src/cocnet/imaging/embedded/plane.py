"""A depth picture as a phone embeds it: one channel of JPEG or PNG.

Enters: the bytes of the picture. Leaves: values in 0..1, or a ValueError with the reason.
"""

import io

import numpy as np
from jaxtyping import Float32

from cocnet.imaging.photo.decode import check_size, open_picture

_MAX_DEPTH_PIXELS = 50_000_000


def decode_plane(picture: bytes) -> Float32[np.ndarray, "h w"]:
    """The depth picture (8 or 16 bit) as shares of its full scale."""
    try:
        image = open_picture(io.BytesIO(picture), "JPEG", "PNG")
        check_size(image.width, image.height, _MAX_DEPTH_PIXELS, "the depth picture")
        if image.mode.startswith("I"):
            return np.asarray(image).astype(np.float32) / np.float32(65535.0)
        return np.asarray(image.convert("L")).astype(np.float32) / np.float32(255.0)
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"its depth picture can't be decoded ({reason})") from error
