"""Text as a picture, in Pillow's own font.

Enters: text, a size in px. Leaves: uint8 pixels [h w 3], dark on white.
"""

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont


def caption(text: str, height: int, width: int, size_px: int = 20) -> UInt8[np.ndarray, "h w 3"]:
    """Text in the middle of a white field."""
    field = Image.new("RGB", (width, height), "white")
    middle = (width / 2, height / 2)
    ImageDraw.Draw(field).text(middle, text, (40, 40, 40), ImageFont.load_default(size_px), anchor="mm")
    return np.asarray(field).copy()
